//! Keys of an emulator in another container, over plain http: by explicit naming, and of the emulator's account alone.

use tower_alb_auth::{AlbAuthSettings, TrustedAlb};

use crate::config::{ALB, EMULATOR, ISSUER, OTHER, builder, entry, problem};

const URL: &str = "http://emulator:9002";
const ENDPOINT: (&str, &str) = ("ALB_AUTH_KEY_ENDPOINT", URL);
const SIGNER: (&str, &str) = ("ALB_AUTH_SIGNERS", EMULATOR);
/// The variables of an environment, but for its signer.
const REST: [(&str, &str); 3] =
    [("ALB_AUTH_ISSUER", ISSUER), ("ALB_AUTH_CLIENT_IDS", "app"), ("ALB_AUTH_EMAIL_DOMAINS", "example.com")];

fn named(arn: &str, url: &str, host: &str) -> TrustedAlb {
    entry(arn).key_endpoint(url).dangerously_fetch_keys_over_http_from(host)
}

#[test]
fn s_146_keys_over_http_come_from_the_named_host_of_a_private_network_alone() {
    for (url, host) in [
        (URL, "emulator"),
        ("http://Emulator:9002/", "emulator"),
        ("http://alb.internal", "ALB.internal"),
        ("http://emulator.dev.svc.cluster.local:80", "emulator.dev.svc.cluster.local"),
        ("http://10.77.0.2:9002", "10.77.0.2"),
        ("http://[fd00::2]:9002", "fd00::2"),
    ] {
        let config = builder([named(EMULATOR, url, host)]).build().unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!(config.key_endpoints()[0].as_str(), url.trim_end_matches('/'));
        let warning = config.warnings().iter().find(|warning| warning.contains("over plain http")).cloned();
        let warning = warning.unwrap_or_else(|| panic!("{url}: {:?}", config.warnings()));
        assert!(warning.contains(&host.to_ascii_lowercase()) && warning.contains("sign in as any user"), "{warning}");
    }
    // Without naming it, and with another name.
    let unnamed = problem(builder([entry(EMULATOR).key_endpoint(URL)]));
    assert!(unnamed.contains("must be https"), "{unnamed}");
    assert!(unnamed.contains("ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM"), "{unnamed}");
    for other in ["", "emulator2", "mulator", "emulator:9002", "http://emulator", "*", "emulator.", "10.0.0.0/8"] {
        let problem = problem(builder([named(EMULATOR, URL, other)]));
        assert!(problem.contains("its host is not the one that is named"), "{other}: {problem}");
    }
    // A host that a public name server or a route to the internet may have.
    for host in [
        "emulator.example.com",
        "emulator.dev",
        "8.8.8.8",
        "169.254.169.254",
        "0.0.0.0",
        "[2001:db8::1]",
        "134744072",
        "0x08080808",
    ] {
        let problem = problem(builder([named(EMULATOR, &format!("http://{host}:9002"), host)]));
        assert!(problem.contains("must be https: only a private address"), "{host}: {problem}");
    }
}

/// The permission of a development configuration does not stay in that of production.
#[test]
fn s_146_a_permission_without_effect_does_not_build() {
    for url in ["https://keys.example.com", "https://emulator:9002", "http://127.0.0.1:9002", "http://localhost:9002"] {
        let host = if url.contains("emulator") { "emulator" } else { "keys.example.com" };
        for arn in [EMULATOR, ALB] {
            let found = crate::config::problems(builder([named(arn, url, host)]));
            assert!(found.iter().any(|problem| problem.contains("has no effect: remove")), "{url}: {found:?}");
        }
    }
    for arn in [EMULATOR, ALB] {
        let problem = problem(builder([entry(arn).dangerously_fetch_keys_over_http_from("emulator")]));
        assert!(problem.contains("has no key endpoint"), "{problem}");
    }
}

#[test]
fn s_146_a_real_account_never_has_keys_over_http() {
    let nearly = EMULATOR.replace("000:", "001:");
    let emulator = || named(EMULATOR, URL, "emulator");
    for (case, entries) in [
        ("a real account", vec![named(ALB, URL, "emulator")]),
        ("an account that is nearly the emulator's", vec![named(&nearly, URL, "emulator")]),
        ("both in one entry", vec![emulator().or_signer(ALB)]),
        ("a real account in another entry", vec![emulator(), entry(OTHER)]),
    ] {
        let problem = problem(builder(entries));
        assert!(problem.contains("is plain http, which is for the local emulator"), "{case}: {problem}");
    }
    // Nothing advises it either.
    let problem = problem(builder([entry(ALB).key_endpoint(URL)]));
    assert!(!problem.contains("DANGEROUSLY"), "{problem}");
    // An entry without signers is of no emulator either.
    let mut settings = AlbAuthSettings::from_vars(REST.into_iter().chain([SIGNER, ENDPOINT])).expect("readable");
    settings.trust[0].signers.clear();
    let problems = crate::config::problems(settings.to_builder());
    assert!(problems.iter().any(|problem| problem.contains("must be https")), "{problems:#?}");
    assert!(problems.iter().all(|problem| !problem.contains("DANGEROUSLY")), "{problems:#?}");
}

/// A variable that is added to a production environment does not open it: the rest of the environment names a real
/// load balancer.
#[test]
fn s_146_variables_alone_do_not_open_a_production_configuration() {
    let vars = |signer: &'static str, more: &[(&'static str, &'static str)]| {
        let vars = REST.into_iter().chain([("ALB_AUTH_SIGNERS", signer)]).chain(more.iter().copied());
        AlbAuthSettings::from_vars(vars).and_then(|settings| settings.to_builder().build())
    };
    let host = ("ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM", "emulator");
    for more in [vec![host], vec![ENDPOINT], vec![host, ENDPOINT]] {
        vars(ALB, &more).expect_err("a real account");
    }
    vars(EMULATOR, &[ENDPOINT]).expect_err("without naming the host");
    let config = vars(EMULATOR, &[host, ENDPOINT]).expect("the emulator");
    assert!(config.warnings().iter().any(|warning| warning.contains("over plain http from emulator")));
    assert!(config.summary().contains(URL), "{}", config.summary());
}
