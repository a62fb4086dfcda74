//! `exp`, `nbf` and `iat` of every type but the right one.

use serde_json::json;
use tower_alb_auth::{AuthErrorKind, test_util::User};
use tracing::Level;

use crate::{
    support::traced::Traced,
    tokens::{
        forge::{BOTH, Text},
        gate::Gate,
    },
};

/// Not a whole number of seconds from 1970 to the end of the year 9999.
const NOT_SECONDS: [&str; 38] = [
    r#""1""#,
    r#""4102444800""#,
    r#""""#,
    r#""never""#,
    "1.5",
    "4102444800.0",
    "4102444800.5",
    "1e3",
    "4102444800e0",
    "4.1024448e9",
    "0e0",
    "true",
    "false",
    "null",
    "[]",
    "[4102444800]",
    "{}",
    r#"{"$numberLong":"4102444800"}"#,
    "-1",
    "-0",
    "-0.0",
    "-4102444800",
    "253402300800",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "340282366920938463463374607431768211456",
    "1e400",
    "-1e400",
    "NaN",
    "Infinity",
    "+1",
    "01",
    "0x7fffffff",
    "1_000",
    "",
];

/// Not even JSON, so that nothing can be read of it.
const NOT_JSON: [&str; 7] = ["NaN", "Infinity", "+1", "01", "0x7fffffff", "1_000", ""];

#[tokio::test]
async fn s_36_a_time_of_the_load_balancer_that_is_no_whole_number_of_seconds_refuses_the_token() {
    let gate = Gate::new();
    for text in BOTH {
        for name in ["exp", "nbf", "iat"] {
            for raw in NOT_SECONDS {
                let case = format!("{text:?}, {name}: {raw}");
                let token = text.with_raw(gate.alb.token(&User::jane()), name, raw);
                match text {
                    Text::Header => gate.refuses_unasked(&case, token, AuthErrorKind::MalformedHeader).await,
                    Text::Payload if name == "exp" || NOT_JSON.contains(&raw) => {
                        gate.refuses(&case, token, AuthErrorKind::MalformedClaims).await;
                    }
                    // The provider's, beside an `exp` that is the load balancer's: the next test.
                    Text::Payload => {}
                }
            }
        }
    }
    gate.admits_jane().await;
}

#[tokio::test]
async fn s_36_an_odd_iat_or_nbf_of_the_provider_refuses_no_token() {
    let gate = Gate::new();
    // Milliseconds since 1970, as some providers count.
    let milliseconds = (gate.alb.unix_now() * 1000).to_string();
    let odd = NOT_SECONDS.into_iter().filter(|raw| !NOT_JSON.contains(raw)).chain([milliseconds.as_str()]);
    for raw in odd {
        for name in ["nbf", "iat"] {
            let token = Text::Payload.with_raw(gate.alb.token(&User::jane()), name, raw);
            gate.admits(&format!("{name}: {raw}"), token).await;
        }
    }
    // Beside one that is sound, which counts.
    let later = gate.alb.unix_now() + 3600;
    for (odd, sound) in [("nbf", "iat"), ("iat", "nbf")] {
        let token = gate.alb.token(&User::jane()).claim(odd, "yesterday").claim(sound, later).sign();
        gate.refuses(&format!("{odd} beside {sound}"), token, AuthErrorKind::NotYetValid).await;
    }
}

#[tokio::test]
async fn s_36_exp_must_be_in_the_header_and_need_not_be_in_the_payload() {
    let gate = Gate::new();
    let token = || gate.alb.token(&User::jane());
    gate.refuses_unasked("header", token().without_header("exp").sign(), AuthErrorKind::MalformedHeader).await;
    gate.admits("payload", token().without_claim("exp").sign()).await;
    let past = gate.alb.unix_now() - 3600;
    let expired = token().without_claim("exp").header("exp", past).sign();
    gate.refuses("the header's counts", expired, AuthErrorKind::Expired).await;
    let now = gate.alb.unix_now();
    for text in BOTH {
        for name in ["nbf", "iat"] {
            for seconds in [0, 1, now] {
                let token = text.with_raw(token(), name, &seconds.to_string());
                gate.admits(&format!("{text:?}, {name}: {seconds}"), token).await;
            }
        }
    }
}

#[tokio::test]
async fn s_36_times_inside_other_claims_are_none_of_ours() {
    let gate = Gate::new();
    let token = gate.alb.token(&User::jane());
    let token =
        Text::Payload.with_first(token, r#""act":{"exp":"never","nbf":9e99,"iat":[]},"Exp":"x","auth_time":-1.5"#);
    gate.admits("inside", token).await;
}

#[tokio::test]
async fn a_time_of_the_provider_that_is_ignored_is_named_in_the_log() {
    let gate = Gate::new();
    gate.admits_jane().await;
    for (nbf, iat, ignored) in [
        (json!(1), json!(1), vec![]),
        (json!("1"), json!(1), vec!["nbf"]),
        (json!(null), json!(1.5), vec!["nbf", "iat"]),
    ] {
        let (traced, _guard) = Traced::begin();
        let token = gate.alb.token(&User::jane()).claim("nbf", nbf.clone()).claim("iat", iat.clone()).sign();
        gate.admits(&format!("nbf {nbf}, iat {iat}"), token).await;
        let lines = traced.lines(Level::DEBUG);
        let named: Vec<&str> = ["nbf", "iat"]
            .into_iter()
            .filter(|name| lines.iter().any(|line| line.starts_with(&format!("the claim {name} is ignored"))))
            .collect();
        assert_eq!(named, ignored, "nbf {nbf}, iat {iat}: {lines:?}");
    }
}
