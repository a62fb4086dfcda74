//! Sign-in by the subject: two subjects never become one user.

use std::collections::HashMap;

use tower_alb_auth::{
    AlbAuthLayer,
    sign_in::Subject,
    test_util::{MockAlb, User},
};

use crate::{
    sign_in::{app, sign_in},
    support::App,
};

fn of(subject: &str) -> User {
    User::empty().claim("sub", subject)
}

#[tokio::test]
async fn s_76_two_subjects_never_become_one_user() {
    let (long, longer) = ("a".repeat(63), "a".repeat(64));
    let (hash_like, longest) = (format!("h_{}", "a".repeat(52)), "\u{1F600}".repeat(255));
    let subjects = [
        // Letter case.
        "jane",
        "Jane",
        "JANE",
        "janE",
        "STRASSE",
        "stra\u{DF}e",
        "strasse",
        "k",
        "K",
        "\u{212A}",
        "i",
        "I",
        "\u{131}",
        "\u{130}",
        // What a name may not begin or end with.
        "a",
        "-a",
        "_a",
        ".a",
        "a-",
        "a_",
        "a.",
        "--a",
        "-a-",
        "-",
        "_",
        ".",
        "..",
        // What a name may not contain, and how it may be written instead.
        "a b",
        "a_b",
        "a-b",
        "a.b",
        "a+b",
        "a/b",
        "a:b",
        "a%2fb",
        "a%2Fb",
        "a|b",
        "auth0|a",
        "auth0_a",
        "auth0-a",
        "a@b",
        "a_b.c",
        "a@b.c",
        " a",
        "a ",
        "a  b",
        "user:default/a",
        "\u{E4}",
        "a\u{308}",
        "\u{E4} ",
        "\u{430}",
        // Length.
        &long,
        &longer,
        &longest[..longest.len() - 4],
        &longest,
        // A name that looks like the hash of another.
        "h",
        "h_",
        "h-",
        &hash_like,
        "h.a",
        "0",
        "00",
        "7",
        "07",
    ];
    let alb = MockAlb::new();
    let app = app(&alb, Subject::new());
    let mut users: HashMap<String, &str> = HashMap::new();
    for subject in subjects {
        // Beyond ASCII, no identity header is sent.
        let answer = app.call(alb.request("/").token(&alb.sign(&of(subject)))).await;
        assert_eq!(answer.status, 200, "{subject:?}: {answer:?}");
        let name = answer.body.strip_prefix("user:default/").expect("a user").to_owned();
        assert!(name.len() <= 63, "{subject:?} is {name}");
        let other = users.insert(name.clone(), subject);
        assert_eq!(other, None, "{subject:?} and {other:?} are both {name}");
    }
}

#[tokio::test]
async fn s_76_a_name_that_was_made_by_hashing_is_no_subject_of_a_user() {
    let alb = MockAlb::new();
    let app = app(&alb, Subject::new());
    let hashed = app.call(alb.request("/").user(&of("Jane"))).await.body;
    let name = hashed.strip_prefix("user:default/").unwrap();
    assert!(name.starts_with("h_") && name.len() == 54, "{name}");
    // Whoever could choose that subject would be another user all the same.
    let twin = app.call(alb.request("/").user(&of(name))).await;
    assert_eq!(twin.status, 200);
    assert_ne!(twin.body, hashed);
}

#[tokio::test]
async fn s_76_a_plain_subject_is_the_name() {
    let long = "a".repeat(63);
    for subject in ["248289761001", "00u1abcd", "a.b-c", "1b9d6bcd-bbfd-4b2d-9b5d-000000000004", &long] {
        sign_in(Subject::new(), &of(subject)).await.assert_ok(&format!("user:default/{subject}"));
    }
    sign_in(Subject::new().in_namespace("staff"), &of("jane")).await.assert_ok("user:staff/jane");
}

#[tokio::test]
async fn s_76_a_name_is_the_same_in_every_process() {
    // SHA-256 and base32 written by another program: sha256("Jane") in RFC 4648 base32, lower case.
    let expected = "user:default/h_j4rxtdmsocbvtnzuugaxfsoimty5jaceu5kbcwqnjocdxsr2kmza";
    for alb in [MockAlb::new(), MockAlb::new()] {
        let app = App::new(AlbAuthLayer::new(alb.config_builder().sign_in(Subject::default()).build().unwrap()));
        let answer = app.call(alb.request("/").user(&of("Jane"))).await;
        answer.assert_ok(expected);
    }
}
