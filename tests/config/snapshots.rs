//! Every sentence that a configuration can say, as somebody reads it who has made that mistake.

use tower_alb_auth::{
    AlbAuthConfig, AlbAuthSettings, TrustedAlb,
    keys::{FixedKeys, HttpsKeys},
    sign_in::{ClaimsOnly, EmailLocalPart, GroupOwnership, NamedClaim, SignInResolver, WholeEmail},
};

use crate::{ALB, EMULATOR, ISSUER, builder, builder_without_policy, entry, problem};

#[test]
fn entries() {
    let none = || TrustedAlb::new(ALB, ISSUER);
    insta::assert_snapshot!(problem(AlbAuthConfig::builder().sign_in(ClaimsOnly)), @"");
    let no_signer =
        r#"{"trust": [{"issuer": "https://idp.example.com", "client_ids": ["app"]}], "sign_in": "claims_only"}"#;
    let no_signer: AlbAuthSettings = serde_json::from_str(no_signer).unwrap();
    insta::assert_snapshot!(problem(no_signer.to_builder()), @"");
    insta::assert_snapshot!(problem(builder([TrustedAlb::new(ALB, "").client_id("app")])), @"");
    insta::assert_snapshot!(problem(builder([none()])), @"");
    insta::assert_snapshot!(problem(builder([none().client_id("")])), @"");
    insta::assert_snapshot!(problem(builder([entry(ALB).dangerously_accept_any_client()])), @"");
    insta::assert_snapshot!(problem(builder_without_policy([entry(ALB)])), @"");
    insta::assert_snapshot!(problem(builder([entry(ALB), entry(ALB)])), @"");
}

#[test]
fn arns() {
    let listener = ALB.replace("loadbalancer/", "listener/") + "/f2f7dc8efc522ab2";
    let wrong = [
        "edge.example.com".to_owned(),
        ALB.replace(":aws:", ":gcp:"),
        ALB.replace(":elasticloadbalancing:", ":elbv2:"),
        ALB.replace("eu-central-1", "eu-central"),
        ALB.replace("123456789012", "12345678901"),
        listener,
        ALB.replace("loadbalancer/app/", "targetgroup/"),
        ALB.replace("/app/", "/net/"),
        ALB.replace("edge", "ed_ge"),
        ALB.replace("arn:aws:", "arn:aws-cn:").replace("eu-central-1", "cn-north-1"),
    ];
    let said: Vec<String> = wrong.iter().map(|arn| problem(builder([entry(arn)]))).collect();
    insta::assert_snapshot!(said.join("\n"), @"");
}

#[test]
fn endpoints() {
    let wrong = [
        "keys example",
        "keys.example.com",
        "https://user:hunter2@keys.example.com",
        "https://keys.example.com/?kid=",
        "http://keys.example.com",
    ];
    let said: Vec<String> = wrong.iter().map(|url| problem(builder([entry(ALB).key_endpoint(*url)]))).collect();
    insta::assert_snapshot!(said.join("\n"), @"");
    let mixed = entry(EMULATOR).or_signer(ALB).key_endpoint("http://127.0.0.1:9000");
    insta::assert_snapshot!(problem(builder([mixed])), @"");
}

#[test]
fn keys() {
    let with = |https| problem(builder([entry(ALB)]).https(https));
    insta::assert_snapshot!(with(HttpsKeys::new().proxy("https://user:hunter2@proxy")), @"");
    insta::assert_snapshot!(with(HttpsKeys::new().pem_roots("no certificate")), @"");
    insta::assert_snapshot!(with(HttpsKeys::new().pem_roots("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")), @"");
    let kid = "c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90";
    let pem = tower_alb_auth::test_util::MockAlb::new().public_key_pem();
    let fixed = |kid, pem: &str| FixedKeys::new().add(kid, pem).unwrap_err().to_string();
    insta::assert_snapshot!(fixed("C6F14C2F", &pem), @"");
    insta::assert_snapshot!(fixed(kid, "no key"), @"");
    let twice = FixedKeys::new().add(kid, &pem).unwrap().add(kid, &pem).unwrap_err();
    insta::assert_snapshot!(twice, @"");
}

#[test]
fn policies() {
    fn with(policy: impl SignInResolver) -> String {
        problem(builder_without_policy([entry(ALB).sign_in(policy)]))
    }
    let email = || EmailLocalPart::in_domains(["example.com"]);
    let said = [
        with(EmailLocalPart::in_domains([""; 0])),
        with(WholeEmail::in_domains(["@example.com"])),
        with(email().allow_address("partner")),
        with(email().max_email_chars(15)),
        with(email().max_email_chars(255)),
        with(email().in_namespace("Team A")),
        with(NamedClaim::new("")),
        with(NamedClaim::new("email")),
        with(NamedClaim::new("sub")),
        with(GroupOwnership::of(email()).map("a", "platform")),
    ];
    insta::assert_snapshot!(said.join("\n"), @"");
    let google = TrustedAlb::new(ALB, "https://accounts.google.com").client_id("app");
    let any = EmailLocalPart::dangerously_in_any_domain();
    insta::assert_snapshot!(problem(builder_without_policy([google.sign_in(any)])), @"");
}

/// What is logged at start-up: not mistakes, but what somebody should know.
#[test]
fn summary_and_warnings() {
    let sound = builder([entry(ALB)]).build().unwrap();
    assert_eq!(sound.warnings(), Vec::<String>::new());
    insta::assert_snapshot!(sound.summary(), @"");

    let green = ALB.replace("edge", "green");
    let loose = AlbAuthConfig::builder()
        .trust(TrustedAlb::new(ALB, ISSUER).or_signer(green).dangerously_accept_any_client())
        .trust(TrustedAlb::new(ALB, "https://other.example").client_id("a").client_id("b"))
        .sign_in(EmailLocalPart::dangerously_in_any_domain().dangerously_accept_unverified_email())
        .dangerously_share_sign_in_between_issuers()
        .dangerously_ignore_identity_header()
        .build()
        .unwrap();
    insta::assert_snapshot!(loose.warnings().join("\n"), @"");
    insta::assert_snapshot!(loose.summary(), @"");
}
