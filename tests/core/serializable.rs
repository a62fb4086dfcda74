//! What a handler serializes on purpose.

use serde_json::json;
use tower_alb_auth::{BackstageIdentity, test_util::User};

fn jane() -> BackstageIdentity {
    let user = User::empty()
        .claim("sub", "248289761001")
        .claim("name", "Jane Doe")
        .claim("email", "jane.doe@example.com")
        .claim("level", json!([1, null, { "deep": true }]));
    BackstageIdentity::builder("user:default/jane").claims(user).build().expect("an identity")
}

#[test]
fn an_identity_is_its_refs_and_its_profile() {
    let user = serde_json::to_value(jane().serializable()).expect("JSON");
    let expected = json!({
        "userEntityRef": "user:default/jane",
        "ownershipEntityRefs": ["user:default/jane"],
        "profile": { "displayName": "Jane Doe", "email": "jane.doe@example.com" },
    });
    assert_eq!(user, expected);
}

#[test]
fn claims_are_all_that_was_signed_in_any_format() {
    let jane = jane();
    let as_signed: serde_json::Value = serde_json::from_str(jane.claims().as_json()).expect("JSON");
    assert_eq!(serde_json::to_value(jane.claims().serializable()).expect("JSON"), as_signed);
    let inside = serde_json::to_string(&json!({ "user": jane.claims().serializable() })).expect("JSON");
    assert!(inside.contains("\"deep\":true"), "{inside}");
}

#[test]
fn s_61_nothing_but_what_the_values_show_themselves_is_in_debug() {
    let jane = jane();
    for (shown, own) in [
        (format!("{:?}", jane.serializable()), format!("{jane:?}")),
        (format!("{:?}", jane.claims().serializable()), format!("{:?}", jane.claims())),
    ] {
        assert_eq!(shown, own);
        assert!(!shown.contains('@') && !shown.contains("Jane"), "{shown}");
    }
}
