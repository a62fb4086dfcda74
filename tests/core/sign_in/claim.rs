//! Sign-in by a claim of the operator's choice.

use serde_json::json;
use tower_alb_auth::{
    AuthErrorKind,
    sign_in::NamedClaim,
    test_util::{MockAlb, User},
};

use crate::sign_in::{assert_403, sign_in};

fn user() -> User {
    User::cognito("jane")
}

#[tokio::test]
async fn s_76_a_claim_with_upper_case_letters_is_refused() {
    for text in ["Jane", "janE", "JANE"] {
        let answer = sign_in(NamedClaim::new("custom:user"), &user().claim("custom:user", text)).await;
        assert_403(&answer, AuthErrorKind::SignInRefused, text);
        let ignoring = NamedClaim::new("custom:user").ignoring_case();
        sign_in(ignoring, &user().claim("custom:user", text)).await.assert_ok("user:default/jane");
    }
    sign_in(NamedClaim::new("custom:user"), &user().claim("custom:user", "jane_1"))
        .await
        .assert_ok("user:default/jane_1");
}

#[tokio::test]
async fn s_53_a_claim_that_is_not_a_name_is_refused() {
    let long = "a".repeat(64);
    for text in [
        "",
        " ",
        "a b",
        "group:default/admins",
        "default/admin",
        "a/b",
        "..",
        "-a",
        "a_",
        "\u{212A}elvin",
        "m\u{131}ke",
        &long,
        "jane\n",
    ] {
        for policy in [NamedClaim::new("custom:user"), NamedClaim::new("custom:user").ignoring_case()] {
            let answer = sign_in(policy, &user().claim("custom:user", text)).await;
            assert_403(&answer, AuthErrorKind::SignInRefused, &format!("{text:?}"));
        }
    }
    for value in [json!(7), json!(true), json!(["jane"]), json!({ "a": "jane" })] {
        let case = value.to_string();
        let answer = sign_in(NamedClaim::new("custom:user"), &user().claim("custom:user", value)).await;
        assert_403(&answer, AuthErrorKind::SignInRefused, &case);
    }
}

#[tokio::test]
async fn a_missing_claim_finds_no_user() {
    assert_403(&sign_in(NamedClaim::new("custom:user"), &user()).await, AuthErrorKind::UserNotFound, "no claim");
    // Names of claims are compared as they are.
    let other =
        user().claim("Custom:User", "jane").claim("custom:user ", "jane").claim("custom", json!({ "user": "jane" }));
    assert_403(&sign_in(NamedClaim::new("custom:user"), &other).await, AuthErrorKind::UserNotFound, "another claim");
}

#[tokio::test]
async fn users_are_named_in_the_namespace_that_is_given() {
    let policy = NamedClaim::new("username").in_namespace("staff");
    sign_in(policy, &user()).await.assert_ok("user:staff/jane");
}

#[test]
fn claims_with_traps_of_their_own_are_refused_at_start() {
    for (policy, sentence) in [
        (NamedClaim::new(""), "NamedClaim needs the name of a claim"),
        (NamedClaim::new("email"), "for the claim email use EmailLocalPart, WholeEmail or Subject"),
        (NamedClaim::new("sub"), "for the claim sub use EmailLocalPart, WholeEmail or Subject"),
        (NamedClaim::new("x").in_namespace("Staff"), "the namespace of an entity"),
        (NamedClaim::new("x").in_namespace(""), "the namespace of an entity"),
        (NamedClaim::new("x").in_namespace("a/b"), "the namespace of an entity"),
    ] {
        let error = MockAlb::new().config_builder().sign_in(policy).build().unwrap_err().to_string();
        assert!(error.contains(sentence), "{error}");
    }
}

#[test]
fn a_claim_that_users_may_write_at_common_providers_is_warned_of() {
    let warnings = |claim: &str| {
        let built = MockAlb::new().config_builder().sign_in(NamedClaim::new(claim)).build();
        let mut warnings = built.expect("a sound configuration").warnings().to_vec();
        warnings.retain(|line| !line.contains("has the account 000000000000"));
        warnings
    };
    for claim in ["preferred_username", "phone_number", "website", "profile", "upn", "unique_name", "login"] {
        let [warning] = &*warnings(claim) else { panic!("{claim}") };
        assert!(
            warning.contains(&format!("the claim {claim}, which users can change at common providers")),
            "{warning}"
        );
    }
    for claim in ["custom:username", "username", "employee_id", "oid"] {
        assert_eq!(warnings(claim), Vec::<String>::new(), "{claim}");
    }
}

#[tokio::test]
async fn a_federated_users_name_of_cognito_is_refused_with_the_whole_remedy_at_once() {
    let user = user().claim("username", "AzureAD_jane@example.com");
    for policy in [NamedClaim::new("username"), NamedClaim::new("username").ignoring_case()] {
        let answer = sign_in(policy, &user).await;
        assert_403(&answer, AuthErrorKind::SignInRefused, "federated");
        let message = answer.error.as_ref().expect("an error").operator_message();
        for part in [
            "is not a user name",
            "<provider>_<address>",
            "EmailLocalPart",
            "email_verified",
            "dangerously_accept_unverified_email()",
            "dangerouslyAcceptUnverifiedEmail: true",
            "ALB_AUTH_DANGEROUSLY_ACCEPT_UNVERIFIED_EMAIL=true",
        ] {
            assert!(message.contains(part), "{part:?} is not in: {message}");
        }
        assert!(!message.contains("jane"), "{message}");
    }
    let plain = sign_in(NamedClaim::new("username"), &user.claim("username", "Jane@example.com")).await;
    let message = plain.error.as_ref().expect("an error").operator_message();
    assert!(message.contains("upper-case letters") && message.contains("email_claim"), "{message}");
}
