//! Issuer and client of a token: exactly those of the entry that its signer belongs to.

use serde_json::json;
use tower_alb_auth::{
    AuthErrorKind, TrustedAlb,
    sign_in::EmailLocalPart,
    test_util::{MockAlb, User},
};

use crate::tokens::gate::Gate;

#[tokio::test]
async fn s_26_an_issuer_that_is_not_exactly_the_configured_one_is_refused() {
    let gate = Gate::new();
    let issuer = gate.alb.issuer();
    for iss in [
        json!(format!("{issuer}/")),
        json!(issuer.to_uppercase()),
        json!(issuer.replace("idp", "IDP")),
        json!(issuer.replace("https", "http")),
        json!(issuer.replace("https://", "")),
        json!(format!("{issuer}:443")),
        json!(format!("{issuer}.evil.example")),
        json!(format!("{issuer}@evil.example")),
        json!(format!("{issuer}?")),
        json!(format!("{issuer}#")),
        json!(format!("{issuer} ")),
        json!(format!(" {issuer}")),
        json!(issuer[..issuer.len() - 1]),
        json!(issuer.replace("example", "ex\u{430}mple")),
        json!(""),
        json!("https://another.example"),
        json!([issuer]),
        json!({"iss": issuer}),
        json!(null),
        json!(1),
        json!(true),
    ] {
        let case = iss.to_string();
        let both = gate.alb.token(&User::jane()).header("iss", iss.clone()).claim("iss", iss.clone()).sign();
        gate.refuses_unasked(&format!("{case} in both"), both, AuthErrorKind::UntrustedIssuer).await;
        let header = gate.alb.token(&User::jane()).header("iss", iss).sign();
        gate.refuses_unasked(&format!("{case} in the header"), header, AuthErrorKind::UntrustedIssuer).await;
    }
    let missing = gate.alb.token(&User::jane()).without_header("iss").sign();
    gate.refuses_unasked("missing in the header", missing, AuthErrorKind::UntrustedIssuer).await;
    gate.admits_jane().await;
}

#[tokio::test]
async fn s_26_an_issuer_among_the_claims_must_be_the_headers() {
    let gate = Gate::new();
    let issuer = gate.alb.issuer();
    for iss in [
        json!(format!("{issuer}/")),
        json!(issuer.to_uppercase()),
        json!("https://another.example"),
        json!(""),
        json!([issuer]),
        json!(null),
        json!(1),
    ] {
        let case = iss.to_string();
        let token = gate.alb.token(&User::jane()).claim("iss", iss).sign();
        gate.refuses(&case, token, AuthErrorKind::MalformedClaims).await;
    }
    gate.admits("none among the claims", gate.alb.token(&User::jane()).without_claim("iss").sign()).await;
}

#[tokio::test]
async fn s_26_a_configured_slash_at_the_end_is_part_of_the_issuer() {
    let alb = MockAlb::new().with_issuer("https://idp.example.com/");
    let builder = alb.config_builder();
    let gate = Gate::with(alb, builder);
    let without = gate.alb.clone().with_issuer("https://idp.example.com").sign(&User::jane());
    gate.refuses_unasked("without the slash", without, AuthErrorKind::UntrustedIssuer).await;
    gate.admits_jane().await;
}

#[tokio::test]
async fn s_27_a_client_that_is_not_listed_is_refused() {
    let gate = Gate::new();
    let client = gate.alb.client_id();
    for value in [
        json!("another-client"),
        json!(client.to_uppercase()),
        json!(format!("{client} ")),
        json!(format!("{client},another-client")),
        json!(client[1..]),
        json!(format!("{client}\u{0}")),
        json!(""),
        json!("*"),
        json!([client]),
        json!([client, "another-client"]),
        json!({"client": client}),
        json!(null),
        json!(0),
        json!(true),
    ] {
        let case = value.to_string();
        let token = gate.alb.token(&User::jane()).header("client", value).sign();
        gate.refuses_unasked(&case, token, AuthErrorKind::UntrustedClient).await;
    }
    let missing = gate.alb.token(&User::jane()).without_header("client").sign();
    gate.refuses_unasked("missing", missing, AuthErrorKind::UntrustedClient).await;
    // What stands among the claims is the provider's and says nothing of the client.
    let claims = gate.alb.token(&User::jane()).without_header("client").claim("client", client).claim("aud", client);
    gate.refuses_unasked("among the claims", claims.sign(), AuthErrorKind::UntrustedClient).await;
    gate.admits_jane().await;
}

#[tokio::test]
async fn s_27_any_client_is_accepted_only_where_that_was_said() {
    let alb = MockAlb::new();
    let entry = || TrustedAlb::new(alb.signer(), alb.issuer());
    let policy = || EmailLocalPart::in_domains(["example.com"]);
    let unsaid = alb.keys_and_clock(tower_alb_auth::AlbAuthConfig::builder().trust(entry())).sign_in(policy()).build();
    let problems = unsaid.expect_err("no client id and no waiver").to_string();
    assert!(problems.contains("client"), "{problems}");

    let builder = tower_alb_auth::AlbAuthConfig::builder().trust(entry().dangerously_accept_any_client());
    let gate = Gate::with(alb.clone(), alb.keys_and_clock(builder));
    let token = || alb.token(&User::jane());
    for (case, value) in [
        ("array", json!(["mock-client"])),
        ("null", json!(null)),
        ("number", json!(1)),
        ("object", json!({})),
        ("boolean", json!(true)),
    ] {
        gate.refuses_unasked(case, token().header("client", value).sign(), AuthErrorKind::UntrustedClient).await;
    }
    gate.admits("another client", token().header("client", "another-client").sign()).await;
    gate.admits("no client", token().without_header("client").sign()).await;
}
