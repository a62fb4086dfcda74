//! Numbers of any size in claims that are not read; the times of the provider.

use serde_json::value::RawValue;
use tower_alb_auth::{AuthErrorKind, test_util::User};

use crate::tokens::{
    forge::{BOTH, Text},
    gate::Gate,
};

/// Sound JSON, and more than a 64-bit float holds, or on its edge.
const BEYOND: [&str; 12] = [
    "1e400",
    "-1e400",
    "1E+400",
    "1e309",
    "1.7976931348623159e308",
    "1797693134862315700000e289",
    "17976931348623157e292",
    "123456789012345678901234567890e999999999999",
    "1e18446744073709551616",
    "1e-400",
    "18446744073709551616",
    "-9223372036854775809",
];

#[tokio::test]
async fn s_36_a_number_beyond_any_float_in_a_claim_that_is_not_read_refuses_no_token() {
    let gate = Gate::new();
    for text in BOTH {
        for raw in BEYOND {
            for member in [
                format!(r#""filler":{raw}"#),
                format!(r#""filler":[{raw},{{"a":{raw}}}]"#),
                format!(r#""fill\"er":"a, 1e400 \" 1e400","filler":{raw} "#),
            ] {
                let token = text.with_first(gate.alb.token(&User::jane()), &member);
                gate.admits(&format!("{text:?}, {member}"), token).await;
            }
        }
        let many = format!(r#""filler":[{}]"#, vec!["1e400"; 100].join(","));
        let token = text.with_first(gate.alb.token(&User::jane()), &many);
        gate.admits(&format!("{text:?}, {many}"), token).await;
    }
}

#[tokio::test]
async fn s_36_what_is_no_number_stays_refused_beside_one_beyond_any_float() {
    let gate = Gate::new();
    let refused = |text: Text| match text {
        Text::Header => AuthErrorKind::MalformedHeader,
        Text::Payload => AuthErrorKind::MalformedClaims,
    };
    for text in BOTH {
        for raw in [
            "01e400",
            "+1e400",
            "1e",
            "1e+",
            "1.e400",
            ".1e400",
            "--1e400",
            "1e4e4",
            "1_0e400",
            "1e400x",
            "NaN",
            "1e400 1e400",
        ] {
            let token = text.with_first(gate.alb.token(&User::jane()), &format!(r#""filler":[1e400,{raw}]"#));
            gate.refuses(&format!("{text:?}, {raw}"), token, refused(text)).await;
        }
        // And what else is wrong is seen behind it.
        let deep = format!(r#""number":1e400,"filler":{}{}"#, "[".repeat(16), "]".repeat(16));
        let token = text.with_first(gate.alb.token(&User::jane()), &deep);
        gate.refuses(&format!("{text:?}, deep"), token, refused(text)).await;
        let token = text.with_first(gate.alb.token(&User::jane()), r#""number":1e400,"a":1,"\u0061":2"#);
        gate.refuses(&format!("{text:?}, twice"), token, AuthErrorKind::DuplicateMember).await;
        for name in ["exp", "nbf", "iat"].iter().filter(|name| text == Text::Header || **name == "exp") {
            let token = text.with_raw(gate.alb.token(&User::jane()), name, "1e400");
            gate.refuses(&format!("{text:?}, {name}"), token, refused(text)).await;
        }
    }
}

/// The claims are the text that was signed: what is read of them does not change it.
#[tokio::test]
async fn s_36_the_claims_keep_the_number_as_it_was_signed() {
    use tower_alb_auth::{AlbAuthLayer, Claims, sign_in::ClaimsOnly, test_util::MockAlb};

    let alb = MockAlb::new();
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().expect("sound"));
    let member = r#""level":1e400,"name":"J\u00fcrgen 1e400""#;
    let token = Text::Payload.with_first(alb.token(&User::okta("jane")), member);
    let request = alb.request("/").token(&token).body(());
    let user = layer.handle().authenticate(request.headers()).await.expect("let in");
    let claims: &Claims = user.claims();
    assert_eq!(claims.get::<Box<RawValue>>("level").expect("there").expect("there").get(), "1e400");
    assert_eq!(claims.name(), Some("J\u{fc}rgen 1e400"));
    assert!(claims.as_json().starts_with(&format!("{{{member},")));
    assert_eq!(claims.subject(), "00ujane");
}
