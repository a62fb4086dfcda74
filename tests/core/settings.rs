//! Settings as plain data and from the environment, through to the layer that they configure.

use std::process::Command;

use crate::support::App;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, AlbAuthSettings,
    test_util::{MockAlb, User},
};

const ALB: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";

fn vars(alb: &MockAlb) -> Vec<(&'static str, &str)> {
    vec![
        ("ALB_AUTH_SIGNERS", alb.signer()),
        ("ALB_AUTH_ISSUER", alb.issuer()),
        ("ALB_AUTH_CLIENT_IDS", alb.client_id()),
        ("ALB_AUTH_EMAIL_DOMAINS", "example.com"),
    ]
}

fn app(alb: &MockAlb, settings: &AlbAuthSettings) -> App {
    App::new(AlbAuthLayer::new(alb.keys_and_clock(settings.to_builder()).build().expect("a sound configuration")))
}

fn problems(vars: &[(&str, &str)]) -> String {
    AlbAuthSettings::from_vars(vars.iter().copied())
        .expect_err("a mistake")
        .problems()
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[tokio::test]
async fn variables_become_a_layer_that_lets_its_users_in() {
    let alb = MockAlb::new();
    let settings = AlbAuthSettings::from_vars(vars(&alb)).unwrap();
    app(&alb, &settings).call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
}

#[tokio::test]
async fn each_policy_can_be_named() {
    let alb = MockAlb::new();
    let jane = User::jane().claim("sub", "jane-1");
    for (policy, domains, who) in [
        ("email_local_part", "other.org, example.com", "user:default/jane.doe"),
        ("whole_email", "example.com", "user:default/jane.doe_example.com"),
        ("subject", "", "user:default/jane-1"),
        ("claims_only", " ", "claims jane-1"),
    ] {
        let mut vars = vars(&alb);
        vars.retain(|(name, _)| *name != "ALB_AUTH_EMAIL_DOMAINS");
        vars.extend([("ALB_AUTH_SIGN_IN", policy), ("ALB_AUTH_EMAIL_DOMAINS", domains)]);
        let settings = AlbAuthSettings::from_vars(vars).unwrap();
        app(&alb, &settings).call(alb.request("/").user(&jane)).await.assert_ok(who);
    }
}

#[tokio::test]
async fn several_load_balancers_and_clients_are_lists() {
    let (blue, green) = (MockAlb::new(), MockAlb::new());
    let signers = format!("{}, {}", blue.signer(), green.signer());
    let mut vars = vars(&blue);
    vars.retain(|(name, _)| !matches!(*name, "ALB_AUTH_SIGNERS" | "ALB_AUTH_CLIENT_IDS"));
    vars.extend([("ALB_AUTH_SIGNERS", signers.as_str()), ("ALB_AUTH_CLIENT_IDS", "another mock-client")]);
    let settings = AlbAuthSettings::from_vars(vars).unwrap();
    for alb in [&blue, &green] {
        app(alb, &settings).call(alb.request("/").user(&User::jane())).await.assert_ok("user:default/jane.doe");
    }
}

#[test]
fn what_is_missing_is_named_with_the_place_where_it_is_found() {
    insta::assert_snapshot!(problems(&[("PATH", "not ours"), ("ALB_AUTH_ISSUER", "  ")]), @r#"
        ALB_AUTH_SIGNERS is not set: the ARN of the load balancer; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
        ALB_AUTH_ISSUER is not set: the issuer of the users' tokens; it stands in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>
        ALB_AUTH_CLIENT_IDS is not set: the client id at the issuer; it stands in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>
        ALB_AUTH_EMAIL_DOMAINS is not set: the domains whose users are signed in, such as example.com; or set ALB_AUTH_SIGN_IN to subject or claims_only
    "#);
}

#[test]
fn what_is_not_known_is_named_with_what_is() {
    let typo = [
        ("ALB_AUTH_SIGNER", ALB),
        ("ALB_AUTH_SIGNERS", ALB),
        ("ALB_AUTH_ISSUER", "https://idp.example.com"),
        ("ALB_AUTH_CLIENT_IDS", "client"),
        ("ALB_AUTH_SIGN_IN", "everybody"),
        ("ALB_AUTH_EMAIL_DOMAINS", "example.com"),
    ];
    insta::assert_snapshot!(problems(&typo), @r#"
    ALB_AUTH_SIGNER is not a known setting. Did you mean ALB_AUTH_SIGNERS? Known settings are ALB_AUTH_SIGNERS, ALB_AUTH_ISSUER, ALB_AUTH_CLIENT_IDS, ALB_AUTH_DANGEROUSLY_ACCEPT_ANY_CLIENT, ALB_AUTH_SIGN_IN, ALB_AUTH_SIGN_IN_CLAIM, ALB_AUTH_IGNORE_CASE, ALB_AUTH_NAMESPACE, ALB_AUTH_EMAIL_DOMAINS, ALB_AUTH_DANGEROUSLY_ALLOW_ANY_DOMAIN, ALB_AUTH_ALLOWED_ADDRESSES, ALB_AUTH_EMAIL_CLAIM, ALB_AUTH_STRIP_PLUS_SUFFIX, ALB_AUTH_REQUIRE_VERIFIED_EMAIL, ALB_AUTH_ACCEPT_MISSING_EMAIL_VERIFIED, ALB_AUTH_DANGEROUSLY_ACCEPT_UNVERIFIED_EMAIL, ALB_AUTH_GROUPS_CLAIM, ALB_AUTH_GROUPS_PATH, ALB_AUTH_GROUPS_FORMAT, ALB_AUTH_GROUPS_MAP, ALB_AUTH_GROUPS_FROM, ALB_AUTH_VERIFY_ACCESS_TOKEN, ALB_AUTH_ACCESS_TOKEN_ISSUER, ALB_AUTH_ACCESS_TOKEN_AUDIENCES, ALB_AUTH_ACCESS_TOKEN_JWKS_URI, ALB_AUTH_ACCESS_TOKEN_SUBJECT_CLAIM, ALB_AUTH_DANGEROUSLY_IGNORE_IDENTITY_HEADER, ALB_AUTH_KEY_ENDPOINT, ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM, ALB_AUTH_EMULATOR_CA_FILE, ALB_AUTH_DENY_LIST_FILE
    ALB_AUTH_EMAIL_DOMAINS is set, but ALB_AUTH_SIGN_IN is not a policy that reads emails: unset one of the two
    ALB_AUTH_SIGN_IN is "everybody", which is not one of email_local_part, whole_email, subject, claim, claims_only
    "#);
}

/// S-55: what code can say of an email without `email_verified`, variables can.
#[tokio::test]
async fn s_55_variables_require_a_verified_email_or_acknowledge_that_it_is_missing() {
    let (require, accept) = ("ALB_AUTH_REQUIRE_VERIFIED_EMAIL", "ALB_AUTH_ACCEPT_MISSING_EMAIL_VERIFIED");
    let alb = MockAlb::new();
    let verified = User::jane().claim("email_verified", true);
    for (more, status, warned) in [
        (vec![], 200, true),
        (vec![(require, "false"), (accept, "")], 200, true),
        (vec![(accept, "true")], 200, false),
        (vec![(require, "true")], 403, false),
    ] {
        for policy in ["email_local_part", "whole_email"] {
            let vars = vars(&alb).into_iter().chain([("ALB_AUTH_SIGN_IN", policy)]).chain(more.clone());
            let settings = AlbAuthSettings::from_vars(vars).unwrap();
            let config = alb.keys_and_clock(settings.to_builder()).build().unwrap();
            let warns = config.warnings().iter().filter(|warning| warning.contains("without the claim email_verified"));
            assert_eq!(warns.count() == 1, warned, "{policy}, {more:?}: {:?}", config.warnings());
            let app = App::new(AlbAuthLayer::new(config));
            assert_eq!(app.call(alb.request("/").user(&User::jane())).await.status, status, "{policy}, {more:?}");
            assert_eq!(app.call(alb.request("/").user(&verified)).await.status, 200, "{policy}, {more:?}");
        }
    }
    let wrong = |more: &[(&'static str, &'static str)]| problems(&[&vars(&alb)[..], more].concat());
    assert_eq!(wrong(&[(require, "yes")]), format!("{require} is \"yes\", which is not one of true, false"));
    assert_eq!(wrong(&[(accept, "1")]), format!("{accept} is \"1\", which is not one of true, false"));
    assert_eq!(
        wrong(&[(require, "true"), (accept, "true")]),
        format!("{require} and {accept} are both true: unset one of the two")
    );
    let by_subject = [
        ("ALB_AUTH_SIGNERS", ALB),
        ("ALB_AUTH_ISSUER", "https://idp.example.com"),
        ("ALB_AUTH_CLIENT_IDS", "client"),
        ("ALB_AUTH_SIGN_IN", "subject"),
        (require, "true"),
    ];
    assert!(problems(&by_subject).contains("is not a policy that reads emails"), "{}", problems(&by_subject));
}

/// What `main` prints of the error it returns is its `Debug` form.
#[test]
fn mistakes_are_readable_from_main_too() {
    let error = AlbAuthSettings::from_vars([("ALB_AUTH_ISSUER", "https://idp.example.com")]).unwrap_err();
    assert_eq!(format!("{error:?}"), error.to_string());
    assert!(
        error.to_string().starts_with("the configuration cannot be used\n- ALB_AUTH_SIGNERS is not set"),
        "{error}"
    );
}

#[test]
fn a_field_that_is_not_known_is_refused() {
    for json in [
        r#"{"trusts": []}"#,
        r#"{"trust": [{"signer": "x"}]}"#,
        r#"{"sign_in": {"email_local_part": {"domains": [], "dangerous": true}}}"#,
        r#"{"sign_in": "everybody"}"#,
    ] {
        assert!(serde_json::from_str::<AlbAuthSettings>(json).is_err(), "{json}");
    }
}

#[test]
fn plain_data_goes_through_the_checks_of_the_builder() {
    let settings: AlbAuthSettings =
        serde_json::from_str(r#"{"trust": [{"issuer": "https://idp.example.com"}]}"#).unwrap();
    let error = settings.to_builder().build().unwrap_err();
    for part in ["no signer", "no client id", "no sign-in policy"] {
        assert!(error.problems().iter().any(|problem| problem.to_string().contains(part)), "{part}: {error}");
    }
}

/// Reads the real environment, in a process of its own: the first run starts the second and looks at how it ended.
#[test]
fn the_environment_is_read() {
    const SECOND: &str = "TOWER_ALB_AUTH_TEST_CHILD";
    if std::env::var_os(SECOND).is_some() {
        let summary = AlbAuthConfig::from_env().map(|config| config.summary());
        println!("child says: {}", summary.unwrap_or_else(|error| error.to_string()));
        return;
    }
    let child = |signer: &str| {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "settings::the_environment_is_read", "--nocapture"]).env(SECOND, "1");
        command.env("ALB_AUTH_SIGNERS", signer).env("ALB_AUTH_ISSUER", "https://idp.example.com");
        command.env("ALB_AUTH_CLIENT_IDS", "client").env("ALB_AUTH_EMAIL_DOMAINS", "example.com");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let sound = child(ALB);
    assert!(
        sound.contains(&format!("child says: {ALB} with issuer https://idp.example.com, client client")),
        "{sound}"
    );
    let listener = child(&ALB.replace("loadbalancer/", "listener/"));
    assert!(listener.contains("is the ARN of a listener"), "{listener}");
}
