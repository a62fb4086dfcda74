//! The key endpoint of an emulator in another container: over https, by the CA of that emulator alone.

use std::{fs, path::Path};

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, ConfigError, TrustedAlb,
    keys::{FixedKeys, HttpsKeys},
    sign_in::{ClaimsOnly, EmailLocalPart},
    test_util::{MockAlb, TestClock, User},
};

use super::{
    certificates::{Authority, Leaf},
    server::{Server, key},
    site::{Site, patient},
};
use crate::support::App;

/// The CA of this authority in a file.
fn file(authority: &Authority) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("a file");
    fs::write(file.path(), authority.pem()).expect("written");
    file
}

/// An application that trusts the load balancer with keys at this endpoint, by this CA.
fn site(alb: MockAlb, endpoint: &str, ca: &Path, keys: HttpsKeys) -> Site {
    let clock = TestClock::new();
    let alb = alb.with_clock(&clock);
    let config = AlbAuthConfig::builder()
        .trust(alb.trusted().key_endpoint(endpoint).emulator_ca_file(ca))
        .sign_in(EmailLocalPart::in_domains(["example.com"]))
        .key_limits(patient())
        .https(keys)
        .clock(clock.clone());
    let layer = AlbAuthLayer::new(config.build().expect("a sound configuration"));
    Site { alb, handle: layer.handle(), app: App::new(layer), clock }
}

async fn server(alb: &MockAlb, leaf: &Leaf) -> Server {
    let pem = alb.public_key_pem();
    Server::https(leaf, move |_| key(&pem)).await
}

#[tokio::test]
async fn s_170_keys_of_an_emulator_are_verified_by_its_ca_alone() {
    let (emulators, other) = (Authority::named("CA of the emulator"), Authority::named("CA of the emulator"));
    let ca = file(&emulators);
    let alb = MockAlb::new();
    let trusted = server(&alb, &emulators.leaf(&["localhost"])).await;
    // What the configuration trusts otherwise changes nothing.
    let keys = HttpsKeys::new().pem_roots(other.pem());
    site(alb, &trusted.url(), ca.path(), keys).assert_lets_jane_in("its own CA").await;

    for (case, leaf, keys, why) in [
        ("another CA of the same name", other.leaf(&["localhost"]), HttpsKeys::new(), "BadSignature"),
        (
            "a CA that the configuration trusts otherwise",
            other.leaf(&["localhost"]),
            HttpsKeys::new().pem_roots(other.pem()),
            "BadSignature",
        ),
        ("another name", emulators.leaf(&["emulator"]), HttpsKeys::new(), "not valid for name"),
        ("a name below", emulators.leaf(&["keys.localhost"]), HttpsKeys::new(), "not valid for name"),
        ("an address", emulators.leaf(&["127.0.0.1"]), HttpsKeys::new(), "not valid for name"),
        ("expired", emulators.expired_leaf(), HttpsKeys::new(), "expired"),
        ("signed by itself", Leaf::self_signed(), HttpsKeys::new(), "UnknownIssuer"),
    ] {
        let alb = MockAlb::new();
        let impostor = server(&alb, &leaf).await;
        let text = site(alb, &impostor.url(), ca.path(), keys).assert_keys_unavailable(case).await;
        assert!(text.contains("TLS to the key endpoint failed") && text.contains(why), "{case}: {text}");
        assert_eq!(impostor.requests().len(), 0, "{case}");
    }
}

/// The CA of one entry is not one of another entry.
#[tokio::test]
async fn s_170_the_ca_counts_for_no_other_endpoint() {
    let emulators = Authority::new();
    let ca = file(&emulators);
    let (first, second) = (MockAlb::new(), MockAlb::new().with_issuer("https://second.example.com"));
    let with_ca = server(&first, &emulators.leaf(&["localhost"])).await;
    let without = server(&second, &emulators.leaf(&["localhost"])).await;
    let clock = TestClock::new();
    let (first, second) = (first.with_clock(&clock), second.with_clock(&clock));
    let config = AlbAuthConfig::builder()
        .trust(first.trusted().key_endpoint(with_ca.url()).emulator_ca_file(ca.path()).sign_in(ClaimsOnly))
        .trust(second.trusted().key_endpoint(without.url()).sign_in(ClaimsOnly))
        .key_limits(patient())
        .clock(clock.clone());
    let app = App::new(AlbAuthLayer::new(config.build().expect("a sound configuration")));
    assert_eq!(app.call(first.request("/").user(&User::jane())).await.status, 200);
    assert_eq!(app.call(second.request("/").user(&User::jane())).await.status, 503);
    assert_eq!((with_ca.requests().len(), without.requests().len()), (1, 0));
}

/// An emulator that starts with a new folder has a new CA.
#[tokio::test]
async fn s_170_a_changed_ca_is_read_again_and_drops_the_keys_of_the_old_one() {
    let (old, new) = (Authority::new(), Authority::new());
    let ca = file(&old);
    let alb = MockAlb::new();
    let (of_old, of_new) =
        (server(&alb, &old.leaf(&["localhost"])).await, server(&alb, &new.leaf(&["localhost"])).await);
    let build = |endpoint: &str| {
        let entry = alb.trusted().key_endpoint(endpoint).emulator_ca_file(ca.path());
        alb.keys_and_clock(AlbAuthConfig::builder())
            .https(HttpsKeys::new())
            .trust(entry)
            .sign_in(ClaimsOnly)
            .key_limits(patient())
            .build()
            .expect("a sound configuration")
    };
    let layer = AlbAuthLayer::new(build(&of_old.url()));
    let (handle, app) = (layer.handle(), App::new(layer));
    let status = async || app.call(alb.request("/").user(&User::jane())).await.status;
    assert_eq!((status().await.as_u16(), handle.stats().keys), (200, 1));
    fs::write(ca.path(), new.pem()).expect("written");
    handle.reload(build(&of_old.url()));
    assert_eq!((status().await.as_u16(), handle.stats().keys), (503, 0), "the endpoint still has the old certificate");
    handle.reload(build(&of_new.url()));
    assert_eq!(status().await.as_u16(), 200);
}

const REAL: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";
const EMULATOR: &str = "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/local/50dc6c495c0c9188";
const URL: &str = "https://emulator:9002";

fn problems(result: Result<AlbAuthConfig, ConfigError>) -> String {
    result.map_or_else(|error| error.to_string(), |_| "none".to_owned())
}

#[test]
fn s_170_a_production_load_balancer_is_refused_with_such_a_ca() {
    let ca = file(&Authority::new());
    let entry = |arn: &str| TrustedAlb::new(arn, "https://idp.example.com").client_id("app");
    let build = |entries: Vec<TrustedAlb>| {
        let builder = AlbAuthConfig::builder().sign_in(ClaimsOnly);
        problems(entries.into_iter().fold(builder, |builder, entry| builder.trust(entry)).build())
    };
    let with = |arn: &str| entry(arn).key_endpoint(URL).emulator_ca_file(ca.path());
    assert_eq!(build(vec![with(EMULATOR)]), "none");
    for (case, entries) in [
        ("alone", vec![with(REAL)]),
        ("a real endpoint", vec![entry(REAL).key_endpoint("https://keys.example.com").emulator_ca_file(ca.path())]),
        ("nearly the account", vec![with(&EMULATOR.replace("000:", "001:"))]),
        ("beside the emulator", vec![with(EMULATOR).or_signer(REAL)]),
        ("in another entry", vec![with(EMULATOR), entry(REAL)]),
    ] {
        let found = build(entries);
        assert!(found.contains("is of the key endpoint of the local emulator (account 000000000000) alone"), "{found}");
        assert!(found.contains("ALB_AUTH_EMULATOR_CA_FILE"), "{case}: {found}");
    }
}

#[test]
fn s_170_a_ca_that_cannot_be_used_or_has_no_effect_does_not_build() {
    let (ca, other) = (file(&Authority::new()), file(&Authority::new()));
    let folder = tempfile::tempdir().expect("a folder");
    let written = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let entry = || TrustedAlb::new(EMULATOR, "https://idp.example.com").client_id("app");
    let builder = || AlbAuthConfig::builder().sign_in(ClaimsOnly);
    let with = |path: &Path| entry().key_endpoint(URL).emulator_ca_file(path);
    let (empty, broken) = (written("empty.pem", ""), written("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n"));
    let second = || TrustedAlb::new(EMULATOR, "https://idp.example.com").client_id("other").key_endpoint(URL);
    for (case, found, expected) in [
        ("missing", builder().trust(with(&folder.path().join("ca.pem"))).build(), "cannot be read"),
        ("a folder", builder().trust(with(folder.path())).build(), "cannot be read"),
        ("empty", builder().trust(with(&empty)).build(), "has no PEM block CERTIFICATE"),
        ("broken", builder().trust(with(&broken)).build(), "has an invalid PEM block"),
        ("no endpoint", builder().trust(entry().emulator_ca_file(ca.path())).build(), "there is no key endpoint"),
        (
            "plain http",
            builder().trust(entry().key_endpoint("http://127.0.0.1:9002").emulator_ca_file(ca.path())).build(),
            "is plain http",
        ),
        (
            "fixed keys",
            builder().trust(with(ca.path())).fixed_keys(FixedKeys::new()).build(),
            "has no effect, because keys are not fetched",
        ),
        (
            "two CAs",
            builder().trust(with(ca.path())).trust(second().emulator_ca_file(other.path())).build(),
            "differ in",
        ),
        ("one entry without it", builder().trust(with(ca.path())).trust(second()).build(), "differ in the CA"),
    ] {
        let found = problems(found);
        assert!(found.contains(expected) && found.contains("emulator_ca_file"), "{case}: {found}");
    }
    // Both in one configuration: each problem is reported.
    let both = problems(builder().trust(with(&empty).dangerously_fetch_keys_over_http_from("emulator")).build());
    assert!(both.contains("has no effect: remove"), "{both}");
}
