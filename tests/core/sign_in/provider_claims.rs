//! Claims as providers really send them: addresses, verification, names.

use serde_json::{Value, json};
use tower_alb_auth::{
    AuthErrorKind,
    sign_in::{ClaimsOnly, EmailLocalPart, EmailSignIn, FirstMatch, Subject, WholeEmail},
    test_util::{MockAlb, User},
};
use tracing::Level;

use crate::{
    sign_in::{app, assert_403, sign_in, warnings, with_email},
    support::{Answer, traced::Traced},
};

/// Amazon Cognito with a SAML provider whose attributes are not mapped.
fn cognito_federated() -> User {
    with_email("jane@example.com")
        .claim("email_verified", "false")
        .claim("username", "AzureAD_jane@example.com")
        .claim("custom:groups", "[viewers, admins]")
}

fn by_email() -> EmailSignIn {
    EmailLocalPart::in_domains(["example.com"])
}

fn message(answer: Answer) -> String {
    answer.error.expect("an error").operator_message()
}

/// What becomes of a payload as it is, with times around now in it.
async fn payload(policy: EmailSignIn, json: &str) -> Answer {
    let alb = MockAlb::new();
    let now = alb.unix_now();
    let json = json.replace("{NOW+120}", &(now + 120).to_string()).replace("{NOW-5}", &(now - 5).to_string());
    let json = json.replace("https://idp.example.com", alb.issuer());
    let token = alb.token(&User::jane()).expires_at(now + 120).raw_payload(json).sign();
    app(&alb, policy).call(alb.request("/").token(&token)).await
}

#[tokio::test]
async fn s_55_a_refusal_for_an_unverified_email_names_both_remedies() {
    for policy in [by_email(), WholeEmail::in_domains(["example.com"]), by_email().require_verified_email()] {
        let answer = sign_in(policy, &cognito_federated()).await;
        assert_403(&answer, AuthErrorKind::SignInRefused, "unverified");
        let said = message(answer);
        for part in [
            "the claim email_verified is false",
            "attribute mapping of the identity provider in the user pool",
            "dangerously_accept_unverified_email()",
            "app-config.yaml: dangerouslyAcceptUnverifiedEmail: true",
            "ALB_AUTH_DANGEROUSLY_ACCEPT_UNVERIFIED_EMAIL=true",
            "requireVerifiedEmail: false does not waive it",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(!said.contains("jane"), "{said}");
    }
    let waived = by_email().dangerously_accept_unverified_email();
    sign_in(waived, &cognito_federated()).await.assert_ok("user:default/jane");
}

#[test]
fn s_55_the_waiver_does_not_build_at_an_issuer_of_many_organisations() {
    let alb = MockAlb::new().with_issuer("https://accounts.google.com");
    let waived = alb.config_builder().sign_in(by_email().dangerously_accept_unverified_email()).build();
    let problem = waived.unwrap_err().to_string();
    assert!(problem.contains("dangerously_accept_unverified_email() cannot be used with it"), "{problem}");
    assert!(alb.config_builder().sign_in(by_email()).build().is_ok());
}

#[tokio::test]
async fn an_address_in_a_different_claim_passes_all_checks_of_the_email_rule() {
    let upn = || by_email().email_claim("upn");
    let user = |value: Value| User::empty().claim("sub", "u1").claim("upn", value);
    sign_in(upn(), &user(json!("Jane@Example.com"))).await.assert_ok("user:default/jane");
    for (case, value) in [
        ("a different domain", json!("jane@partner.example")),
        ("no address", json!("jane")),
        ("two addresses", json!("jane@example.com,x@example.com")),
        ("empty", json!("")),
        ("a letter that looks alike", json!("j\u{430}ne@example.com")),
        ("a control character", json!("jane\n@example.com")),
        ("null", json!(null)),
        ("a number", json!(7)),
        ("a list", json!(["jane@example.com"])),
    ] {
        assert_403(&sign_in(upn(), &user(value)).await, AuthErrorKind::SignInRefused, case);
    }
    // The claim that is not named does not stand in for it.
    assert_403(&sign_in(upn(), &with_email("jane@example.com")).await, AuthErrorKind::UserNotFound, "missing");
    let later = FirstMatch::of(upn()).or(Subject::new());
    sign_in(later, &with_email("jane@example.com").claim("sub", "u1")).await.assert_ok("user:default/u1");
    let long = format!("{}@example.com", "a".repeat(20));
    let short = upn().max_email_chars(16);
    assert_403(&sign_in(short, &user(json!(long))).await, AuthErrorKind::SignInRefused, "too long");
}

#[tokio::test]
async fn s_55_email_verified_counts_for_a_different_claim_only_if_the_address_is_the_same() {
    let user = |email: &str, verified: Value| {
        with_email(email).claim("upn", "jane@example.com").claim("email_verified", verified)
    };
    let required = || by_email().email_claim("upn").require_verified_email();
    sign_in(required(), &user("Jane@example.com", json!(true))).await.assert_ok("user:default/jane");
    let other = sign_in(required(), &user("mallory@example.com", json!(true))).await;
    assert_403(&other, AuthErrorKind::SignInRefused, "verified is a different address");
    assert!(message(other).contains("email_verified is about the claim email"));
    let without = user("", json!(true)).without("email");
    assert_403(&sign_in(required(), &without).await, AuthErrorKind::SignInRefused, "no email");
    for email in ["jane@example.com", "mallory@example.com"] {
        let answer = sign_in(by_email().email_claim("upn"), &user(email, json!("false"))).await;
        assert_403(&answer, AuthErrorKind::SignInRefused, "reported as unverified");
    }
    let google = MockAlb::new().with_issuer("https://accounts.google.com");
    let users = app(&google, by_email().email_claim("upn"));
    let answer = users.call(google.request("/").user(&user("mallory@example.com", json!(true)))).await;
    assert_403(&answer, AuthErrorKind::SignInRefused, "a shared issuer");
}

#[tokio::test]
async fn an_element_of_a_list_of_addresses_is_named_by_its_index() {
    let user = |value: Value| User::empty().claim("sub", "u1").claim("emails", value);
    let first = || by_email().email_claim("emails[0]");
    sign_in(first(), &user(json!(["jane@example.com", "x@example.com"]))).await.assert_ok("user:default/jane");
    let second = by_email().email_claim("emails[1]");
    sign_in(second, &user(json!(["jane@example.com", "x@example.com"]))).await.assert_ok("user:default/x");
    for (value, expected) in [
        (json!([]), "the claim emails has 0 elements, and no emails[0]"),
        (json!([null]), "the claim emails[0] is null, not a text"),
        (json!([["jane@example.com"]]), "the claim emails[0] is a list, not a text"),
        (json!("jane@example.com"), "the claim emails is a text, not a list of addresses"),
        (json!(null), "the claim emails is null, not a list of addresses"),
        (json!({ "0": "jane@example.com" }), "the claim emails is an object, not a list of addresses"),
    ] {
        let answer = sign_in(first(), &user(value.clone())).await;
        assert_403(&answer, AuthErrorKind::SignInRefused, &value.to_string());
        let said = message(answer);
        assert!(said.contains(expected), "{value}: {said}");
    }
}

#[test]
fn a_claim_that_cannot_be_read_does_not_build_and_a_writable_one_is_a_warning() {
    for claim in ["", "[0]", "emails[", "emails[x]", "emails[-1]", "a[0][1]"] {
        let built = MockAlb::new().config_builder().sign_in(by_email().email_claim(claim)).build();
        let problem = built.expect_err(claim).to_string();
        assert!(problem.contains("is not a claim with an address: write it as upn, or as emails[0]"), "{problem}");
    }
    let said = |claim: &str| {
        let policy = by_email().email_claim(claim).require_verified_email();
        warnings(&MockAlb::new().config_builder().sign_in(policy).build().expect("sound"))
    };
    for claim in ["upn", "preferred_username"] {
        let [warning] = &said(claim)[..] else { panic!("{claim}") };
        assert!(warning.contains(&format!("an address in the claim {claim}, which users can change")), "{warning}");
    }
    assert_eq!(said("emails[0]"), Vec::<String>::new());
    assert_eq!(said("email"), Vec::<String>::new());
}

#[tokio::test]
async fn messages_tell_missing_null_list_and_empty_apart() {
    for (value, expected, scope) in [
        (None, "there is no claim email: add the scope email", true),
        (Some(json!(null)), "the claim email is null, not a text; the user has no address at the provider", false),
        (Some(json!([])), "the claim email is a list, not a text; the list is empty", false),
        (
            Some(json!(["jane@example.com"])),
            "the claim email is a list, not a text; if its first element is the address of the user, name it by \
             email_claim(\"email[0]\")",
            false,
        ),
        (Some(json!("")), "the claim email is an empty text", false),
        (Some(json!("jane")), "the claim email is not a plain ASCII address", false),
        (Some(json!({})), "the claim email is an object, not a text", false),
    ] {
        let user = User::empty().claim("sub", "u1");
        let user = value.clone().map_or(user.clone(), |value| user.claim("email", value));
        let said = message(sign_in(by_email(), &user).await);
        assert!(said.contains(expected), "{value:?}: {said}");
        assert_eq!(said.contains("add the scope"), scope, "{said}");
        assert!(!said.contains("jane"), "{said}");
    }
    let list = with_email("").claim("email", ["jane@example.com"]);
    sign_in(by_email().email_claim("email[0]"), &list).await.assert_ok("user:default/jane");
}

#[tokio::test]
async fn payloads_from_the_field_get_the_right_answer() {
    let end = r#""exp":{NOW+120},"iss":"https://idp.example.com"}"#;
    let case = |claims: &str| format!("{{{claims},{end}");
    let float = case(r#""sub":"u1","email":"jane@example.com","iat":{NOW-5}.25"#);
    payload(by_email(), &float).await.assert_ok("user:default/jane");
    let null = case(r#""sub":"u1","email":"jane@example.com","groups":["admins",null]"#);
    payload(by_email(), &null).await.assert_ok("user:default/jane");
    let apostrophe = case(r#""sub":"u1","email":"sean.o'brien@example.com""#);
    payload(by_email(), &apostrophe).await.assert_ok("user:default/sean.o_brien");
    let whole = WholeEmail::in_domains(["example.com"]);
    payload(whole, &apostrophe).await.assert_ok("user:default/sean.o_brien_example.com");
    let array = case(r#""sub":"u1","email":["jane@example.com"]"#);
    payload(by_email().email_claim("email[0]"), &array).await.assert_ok("user:default/jane");
    let said = message(payload(by_email(), &array).await);
    assert!(said.contains("is a list, not a text") && !said.contains("add the scope"), "{said}");
}

/// The load balancer signed the token, so that no stranger makes these lines.
#[tokio::test]
async fn a_refusal_after_a_good_signature_is_a_warning() {
    let alb = MockAlb::new();
    let now = alb.unix_now();
    let token = || alb.token(&User::jane());
    for (case, token, kind, part) in [
        ("a number as sub", token().claim("sub", 35), AuthErrorKind::MalformedClaims, "sub is a number, not a text"),
        ("no sub", token().without_claim("sub"), AuthErrorKind::MalformedClaims, "there is no sub"),
        ("nbf ahead", token().claim("nbf", now + 90), AuthErrorKind::NotYetValid, "not valid yet"),
        ("not JSON", token().raw_payload("[]"), AuthErrorKind::MalformedClaims, "not one JSON object"),
    ] {
        let (traced, _guard) = Traced::begin();
        let answer = app(&alb, ClaimsOnly).call(alb.request("/").token(&token.sign())).await;
        answer.assert_401(kind);
        let lines = traced.lines(Level::WARN);
        assert!(lines.iter().any(|line| line.starts_with("refused: ") && line.contains(part)), "{case}: {lines:?}");
    }
    // A forged signature is any client's.
    let (traced, _guard) = Traced::begin();
    let users = app(&alb, ClaimsOnly);
    let mut forged = token().claim("sub", 35).sign();
    let at = forged.rfind('.').expect("a signature") + 5;
    let changed = if forged.as_bytes()[at] == b'A' { "B" } else { "A" };
    forged.replace_range(at..=at, changed);
    users.call(alb.request("/").token(&forged)).await.assert_401(AuthErrorKind::InvalidSignature);
    let lines = traced.lines(Level::WARN);
    assert!(!lines.iter().any(|line| line.starts_with("refused: ")), "{lines:?}");
}

/// Measured: `normalizeEntityName` of @backstage/plugin-catalog-backend-module-msgraph 0.10.6
/// (`dist/microsoftGraph/helper.cjs.js`, Node 20), the user's mail and the name of the entity.
const OF_MICROSOFT_GRAPH: [(&str, &str); 9] = [
    ("Jane.Doe@Example.com", "jane.doe_example.com"),
    ("sean.o'brien@example.com", "sean.o_brien_example.com"),
    ("r&d@example.com", "r_d_example.com"),
    ("a__b@example.com", "a_b_example.com"),
    ("a___b@example.com", "a_b_example.com"),
    ("a_'_b@example.com", "a_b_example.com"),
    ("a'&b@example.com", "a_b_example.com"),
    ("a_b@example.com", "a_b_example.com"),
    ("a-.b@example.com", "a-.b_example.com"),
];

#[tokio::test]
async fn names_by_email_are_those_of_microsoft_graph_catalogs() {
    for (mail, name) in OF_MICROSOFT_GRAPH {
        let whole = WholeEmail::in_domains(["example.com"]);
        sign_in(whole, &with_email(mail)).await.assert_ok(&format!("user:default/{name}"));
        let local_part = name.strip_suffix("_example.com").expect("the domain");
        sign_in(by_email(), &with_email(mail)).await.assert_ok(&format!("user:default/{local_part}"));
    }
}

#[tokio::test]
async fn s_53_a_name_that_no_entity_may_have_is_403_with_the_reason() {
    let long = format!("{}@example.com", "a".repeat(64));
    for (mail, reason) in [
        // The module makes `_a_example.com`, which the catalog refuses.
        ("_a@example.com", "letters and digits"),
        ("'a@example.com", "letters and digits"),
        // The module makes `a_example.com`, the name of a@example.com.
        ("a_@example.com", "which the name of another address does not show"),
        ("a'@example.com", "which the name of another address does not show"),
        ("a&@example.com", "which the name of another address does not show"),
        ("a+b@example.com", "a plus sign; strip_plus_suffix()"),
        (long.as_str(), "it would have 76 characters"),
    ] {
        let answer = sign_in(WholeEmail::in_domains(["example.com"]), &with_email(mail)).await;
        assert_403(&answer, AuthErrorKind::SignInRefused, mail);
        let said = message(answer);
        assert!(said.contains("the email gives no user name") && said.contains(reason), "{mail}: {said}");
    }
    for mail in ["_a@example.com", "a_@example.com", "a'@example.com", "'a@example.com", "a+b@example.com", &long] {
        let answer = sign_in(by_email(), &with_email(mail)).await;
        assert_403(&answer, AuthErrorKind::SignInRefused, mail);
        let said = message(answer);
        assert!(said.contains("the email gives no user name"), "{mail}: {said}");
    }
}
