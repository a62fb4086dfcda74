//! Emails that the provider says, or does not say, are verified.

use serde_json::{Value, json};
use tower_alb_auth::{
    AuthErrorKind,
    sign_in::{EmailLocalPart, WholeEmail},
    test_util::{MockAlb, User},
};

use crate::sign_in::{assert_403, sign_in, warnings, with_email};

/// All that may stand there, and whether it says that the email is verified; `None` is a provider that says nothing.
fn values() -> Vec<(Option<Value>, Option<bool>)> {
    let yes = [json!(true), json!("true")].map(|value| (Some(value), Some(true)));
    let no = [
        json!(false),
        json!("false"),
        json!(1),
        json!(0),
        json!("TRUE "),
        json!("TRUE"),
        json!("True"),
        json!(" true"),
        json!("true\u{0}"),
        json!("1"),
        json!("yes"),
        json!(""),
        json!(null),
        json!([true]),
        json!([]),
        json!({ "value": true }),
        json!(1.0),
    ]
    .map(|value| (Some(value), Some(false)));
    yes.into_iter().chain(no).chain([(None, None)]).collect()
}

fn jane(verified: Option<&Value>) -> User {
    let jane = with_email("jane@example.com");
    verified.map_or(jane.clone(), |value| jane.claim("email_verified", value.clone()))
}

#[tokio::test]
async fn s_55_an_email_that_is_not_verified_signs_no_user_in() {
    for (value, verified) in values() {
        for (which, policy) in [
            ("local part", EmailLocalPart::in_domains(["example.com"])),
            ("whole", WholeEmail::in_domains(["example.com"])),
        ] {
            let case = format!("{which}, {value:?}");
            let answer = sign_in(policy, &jane(value.as_ref())).await;
            match verified {
                Some(false) => assert_403(&answer, AuthErrorKind::SignInRefused, &case),
                Some(true) | None => assert_eq!(answer.status, 200, "{case}: {answer:?}"),
            }
        }
    }
}

#[tokio::test]
async fn s_55_a_list_of_addresses_does_not_make_one_verified() {
    let policy = EmailLocalPart::in_domains(["example.com"]).allow_address("guest@partner.com");
    let guest = with_email("guest@partner.com").claim("email_verified", false);
    assert_403(&sign_in(policy, &guest).await, AuthErrorKind::SignInRefused, "a guest");
}

#[tokio::test]
async fn s_55_verification_can_be_required() {
    for (value, verified) in values() {
        let policy = EmailLocalPart::in_domains(["example.com"]).require_verified_email();
        let answer = sign_in(policy, &jane(value.as_ref())).await;
        match verified {
            Some(true) => answer.assert_ok("user:default/jane"),
            Some(false) | None => assert_403(&answer, AuthErrorKind::SignInRefused, &format!("{value:?}")),
        }
    }
}

#[tokio::test]
async fn s_55_the_reverse_is_a_waiver_that_is_said_at_start_up() {
    let policy = || EmailLocalPart::in_domains(["example.com"]).dangerously_accept_unverified_email();
    for (value, _) in values() {
        sign_in(policy(), &jane(value.as_ref())).await.assert_ok("user:default/jane");
    }
    let config = MockAlb::new().config_builder().sign_in(policy()).build().unwrap();
    assert_eq!(warnings(&config), ["emails that the provider says are not verified are accepted"]);
    let strict = EmailLocalPart::in_domains(["example.com"]).require_verified_email();
    let config = MockAlb::new().config_builder().sign_in(strict).build().unwrap();
    assert_eq!(warnings(&config), Vec::<String>::new());
}
