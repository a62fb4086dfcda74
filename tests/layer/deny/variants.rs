//! Other spellings of a denied user, and other users that look like one.

use tower_alb_auth::{
    AlbAuthLayer,
    deny_list::{Denied, DenyList},
    sign_in::{ClaimsOnly, Subject},
    test_util::{MockAlb, User},
};

use super::assert_denied;
use crate::support::App;

/// An application that accepts any subject, so that only the list decides.
fn app(alb: &MockAlb, list: &DenyList) -> App {
    let config = alb.config_builder().sign_in(ClaimsOnly).build().unwrap();
    App::new(AlbAuthLayer::new(config).deny_list(list))
}

#[tokio::test]
async fn s_93_spellings_of_one_email_are_one_user() {
    let (alb, list) = (MockAlb::new(), DenyList::new());
    list.deny(Denied::email("Jane.Doe@Example.com").unwrap());
    let app = app(&alb, &list);
    let user = |email: &str| User::jane().claim("email", email);
    for email in [
        "jane.doe@example.com",
        "JANE.DOE@EXAMPLE.COM",
        "jane.doe+news@example.com",
        "jane.doe+a+b@Example.Com",
        "jane.doe@example.com.",
    ] {
        assert_denied(&app.call(alb.request("/").user(&user(email))).await, email);
    }
    for email in ["janedoe@example.com", "jane.doe@example.org", "xjane.doe@example.com", "jane.doe@a.example.com", ""]
    {
        let answer = app.call(alb.request("/").user(&user(email))).await;
        assert_eq!(answer.status, 200, "{email}: {answer:?}");
    }
    assert_eq!(app.call(alb.request("/").user(&User::jane().without("email"))).await.status, 200);
    list.deny(Denied::email("kelvin@example.com").unwrap());
    assert_denied(&app.call(alb.request("/").user(&user("\u{212A}elvin@example.com"))).await, "the Kelvin sign");
}

#[tokio::test]
async fn s_93_an_email_that_cannot_be_compared_is_refused() {
    let (alb, list) = (MockAlb::new(), DenyList::new());
    let app = app(&alb, &list);
    for email in [serde_json::json!(null), serde_json::json!(7), serde_json::json!(["jane.doe@example.com"])] {
        let user = User::jane().claim("email", email.clone());
        assert_eq!(app.call(alb.request("/").user(&user)).await.status, 200, "{email}");
        let denied = Denied::email("someone@example.org").unwrap();
        list.deny(denied.clone());
        let answer = app.call(alb.request("/").user(&user)).await;
        assert_denied(&answer, &email.to_string());
        assert!(answer.error.unwrap().operator_message().contains("not a text"));
        list.allow(&denied);
    }
}

#[tokio::test]
async fn s_93_a_subject_is_denied_at_its_issuer_alone_and_byte_for_byte() {
    let (alb, list) = (MockAlb::new(), DenyList::new());
    let other = MockAlb::new().with_issuer("https://idp.example.org");
    let config = |alb: &MockAlb| alb.config_builder().sign_in(Subject::new()).build().unwrap();
    let [here, there] = [&alb, &other].map(|alb| App::new(AlbAuthLayer::new(config(alb)).deny_list(&list)));
    let user = |subject: &str| User::empty().claim("sub", subject);
    // A slash at the end of the issuer is easily lost between provider, listener rule and list.
    list.deny(Denied::subject("https://idp.example.com/", "00u1jane").unwrap());
    assert_denied(&here.call(alb.request("/").user(&user("00u1jane"))).await, "the account");
    for subject in ["00u1jan", "00u1janes"] {
        assert_eq!(here.call(alb.request("/").user(&user(subject))).await.status, 200, "{subject}");
    }
    assert_eq!(there.call(other.request("/").user(&user("00u1jane"))).await.status, 200);
}

#[tokio::test]
async fn s_93_an_entity_ref_has_no_letter_case() {
    let (alb, list) = (MockAlb::new(), DenyList::new());
    let app = App::new(alb.layer().deny_list(&list));
    list.deny(Denied::user("User:default/Jane.DOE".parse().unwrap()));
    let upper = User::jane().claim("email", "JANE.Doe@example.com");
    for user in [User::jane(), upper] {
        assert_denied(&app.call(alb.request("/").user(&user)).await, "jane");
    }
}

/// A long list must not deny others, nor lose one of its own.
#[tokio::test]
async fn s_93_a_list_of_ten_thousand_denies_its_users_and_no_others() {
    let (alb, list) = (MockAlb::new(), DenyList::new());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("denied.jsonl");
    let lines: String = (0..10_000).map(|number| format!("{{\"email\": \"user.{number}@example.com\"}}\n")).collect();
    std::fs::write(&file, lines).unwrap();
    let long = DenyList::from_file(&file).unwrap();
    assert_eq!(long.len(), 10_000);
    drop(list);
    let app = App::new(alb.layer().deny_list(&long));
    for number in (0..10_000).step_by(997) {
        let user = User::jane().claim("email", format!("user.{number}@example.com"));
        assert_eq!(app.call(alb.request("/").user(&user)).await.status, 403, "{number}");
        let user = User::jane().claim("email", format!("user.{}@example.com", number + 10_000));
        assert_eq!(app.call(alb.request("/").user(&user)).await.status, 200, "{number}");
    }
}
