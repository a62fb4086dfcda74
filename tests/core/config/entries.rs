//! Entries of trust that are not whole, or get into each other's way; and that all is said at once.

use std::time::Duration;

use tower_alb_auth::{
    AlbAuthConfig, KeyLimits, TokenLimits, TrustedAlb,
    sign_in::{ClaimsOnly, EmailLocalPart},
};

use crate::config::{ALB, EMULATOR, ISSUER, OTHER, builder, entry, problem, problems};

const ELSEWHERE: &str = "https://login.example.org";

#[test]
fn s_27_an_entry_needs_client_ids_or_the_waiver() {
    let none = || TrustedAlb::new(ALB, ISSUER);
    for (case, entry, sentence) in [
        (
            "none",
            none(),
            "has no client id: add .client_id(<id>); it stands in the listener rule's authenticate action",
        ),
        ("an empty one", none().client_id(""), "a client id is empty"),
        ("an empty one beside another", none().client_id("app").client_id(""), "a client id is empty"),
        ("a control character", none().client_id("app\n"), "a client id is empty"),
        (
            "both",
            none().client_id("app").dangerously_accept_any_client(),
            "lists client ids and accepts any: leave one of the two out",
        ),
    ] {
        let problem = problem(builder([entry]));
        assert!(problem.contains(sentence), "{case}: {problem}");
    }
    let waived = builder([none().dangerously_accept_any_client()]).accept_missing_email_verified().build().unwrap();
    assert_eq!(waived.warnings(), [format!("any client id of {ISSUER} is accepted")], "a waiver is said at start-up");
}

#[test]
fn s_26_an_issuer_is_a_url_without_spaces() {
    let of_templates = [
        "{{ISSUER}}",
        "%ISSUER%",
        "$ISSUER",
        "''",
        "https://${HOST}.example.com",
        "https://<tenant>/v2.0",
        "2026-01-01",
        "https://login.microsoftonline.com/{TENANT_ID}/v2.0",
        "ISSUER",
    ];
    let others = [
        "",
        " ",
        " https://idp.example.com",
        "https://idp.example.com\n",
        "https://idp example.com",
        "a\u{0}b",
        "urn:idp",
    ];
    for issuer in others.into_iter().chain(of_templates) {
        let problem = problem(builder([TrustedAlb::new(ALB, issuer).client_id("app")]));
        assert!(problem.contains("an issuer is an absolute URL without spaces"), "{issuer:?}: {problem}");
        assert!(!problem.contains('\n') && !problem.contains('\0'), "{issuer:?} stands escaped: {problem}");
    }
    for issuer in [
        "https://idp.example.com/",
        "HTTPS://IDP.example.com:8443/a?b",
        "http://idp:9000",
        "accounts.google.com",
        "https://sts.windows.net/{tenantid}/",
    ] {
        let built = builder([TrustedAlb::new(ALB, issuer).client_id("app")]).build();
        assert!(built.is_ok(), "{issuer}: {built:?}");
    }
}

#[test]
fn an_entry_needs_a_sign_in_policy() {
    let problem = problem(AlbAuthConfig::builder().trust(entry(ALB)));
    assert!(problem.contains("has no sign-in policy: add .sign_in(EmailLocalPart::in_domains([..]))"), "{problem}");
    assert_eq!(problems(AlbAuthConfig::builder().trust(entry(ALB).sign_in(ClaimsOnly))), Vec::<String>::new());
}

#[test]
fn entries_that_one_token_matches_twice_are_refused() {
    let any = |arn: &str| TrustedAlb::new(arn, ISSUER).dangerously_accept_any_client();
    for (case, entries) in [
        ("the same twice", [entry(ALB), entry(ALB)]),
        ("one client of several", [entry(ALB).client_id("b"), TrustedAlb::new(ALB, ISSUER).client_id("b")]),
        ("one signer of several", [entry(OTHER).or_signer(ALB), entry(ALB)]),
        ("any client and one", [any(ALB), entry(ALB)]),
        ("one client and any", [entry(ALB), any(ALB)]),
        ("any client twice", [any(ALB), any(ALB)]),
        ("other policies", [entry(ALB).sign_in(ClaimsOnly), entry(ALB)]),
    ] {
        let expected = format!("two entries trust {ALB} with issuer {ISSUER} and the same client id: join them");
        assert_eq!(problem(builder(entries)), expected, "{case}");
    }
    for (case, entries) in [
        ("another signer", [entry(ALB), entry(OTHER)]),
        ("another client", [entry(ALB), TrustedAlb::new(ALB, ISSUER).client_id("b")]),
        (
            "another issuer",
            [entry(ALB).sign_in(ClaimsOnly), TrustedAlb::new(ALB, ELSEWHERE).client_id("app").sign_in(ClaimsOnly)],
        ),
    ] {
        assert_eq!(problems(builder(entries)), Vec::<String>::new(), "{case}");
    }
}

#[test]
fn all_problems_are_reported_at_once() {
    let config = AlbAuthConfig::builder()
        .token_limits(TokenLimits::new().leeway(Duration::from_secs(301)))
        .key_limits(KeyLimits::new().max_keys(0))
        .sign_in(EmailLocalPart::in_domains(["not a domain"]))
        .trust(TrustedAlb::new("edge", "").key_endpoint("http://keys.example.com"))
        .trust(entry(EMULATOR).key_endpoint("http://127.0.0.1:9000").or_signer(ALB));
    let error = config.build().unwrap_err();
    let told = error.to_string();
    for sentence in [
        "leeway is 301s",
        "max_keys is 0",
        "the entry of issuer \"\": an issuer is an absolute URL",
        "the entry of issuer \"\" has no client id",
        "\"edge\" is not an ARN",
        "the key endpoint \"http://keys.example.com\" must be https",
        "\"not a domain\" is not an email domain",
        "is plain http, which is for the local emulator",
        "has no sign-in policy of its own, and there are several issuers",
    ] {
        assert!(told.contains(sentence), "{sentence}\n{told}");
        assert!(error.problems().iter().any(|problem| problem.to_string().contains(sentence)), "{sentence}\n{told}");
    }
    assert!(told.starts_with("the configuration cannot be used\n- "), "{told}");
    assert_eq!(told.lines().count(), error.problems().len() + 1, "a line each");
}
