//! The keys of the issuer: fetched once, kept, refreshed, and never waited for without end.

use std::time::Duration;

use futures::future::join_all;
use http::StatusCode;
use serde_json::json;
use tower_alb_auth::{AuthErrorKind as Kind, config::AccessTokens};

use super::{Answer, JANES_GROUPS, Pool};
use crate::support::issuer::SigningKey;

#[track_caller]
fn assert_503(answer: &Answer, part: &str) {
    let error = answer.error.as_ref().expect("refused");
    let is_503 = answer.status == StatusCode::SERVICE_UNAVAILABLE;
    assert!(is_503 && error.kind() == Kind::AccessTokenKeysUnavailable, "{answer:?}");
    assert!(error.operator_message().contains(part), "{part}: {}", error.operator_message());
    assert!(error.retry_delay().is_some());
}

/// S-104: fails closed, and recovers.
#[tokio::test]
async fn s_104_while_the_issuers_keys_are_out_of_reach_requests_are_refused_with_503() {
    let pool = Pool::start().await;
    let layer = pool.layer(AccessTokens::new());
    let token = pool.issuer.token(&pool.claims());
    pool.issuer.fail_with(Some(StatusCode::INTERNAL_SERVER_ERROR));
    assert_503(&pool.call(&layer, &token).await, "responded with 500");
    // Until the wait is over, no request causes a fetch.
    pool.issuer.fail_with(None);
    assert_503(&pool.call(&layer, &token).await, "responded with 500");
    assert_eq!(pool.issuer.key_fetches(), 0);
    pool.clock.advance(Duration::from_secs(1));
    pool.call(&layer, &token).await.assert_ok(JANES_GROUPS);

    // Held keys are used past their lifetime while the issuer is down, but not without end.
    pool.issuer.fail_with(Some(StatusCode::BAD_GATEWAY));
    pool.clock.advance(Duration::from_secs(3600 + 1800));
    let token = pool.issuer.token(&pool.claims());
    pool.call(&layer, &token).await.assert_ok(JANES_GROUPS);
    pool.call(&layer, &token).await.assert_ok(JANES_GROUPS);
    pool.clock.advance(Duration::from_secs(1801));
    let token = pool.issuer.token(&pool.claims());
    assert_503(&pool.call(&layer, &token).await, "responded with 502");
}

/// S-104: a flood of made-up kids.
#[tokio::test]
async fn s_104_made_up_kids_cause_one_fetch_in_unknown_for() {
    let pool = Pool::start().await;
    let layer = pool.layer(AccessTokens::new());
    let (key, claims) = (pool.issuer.key(), pool.claims());
    pool.call(&layer, &pool.issuer.token(&claims)).await.assert_ok(JANES_GROUPS);
    for n in 0..50 {
        let token = key.sign(&json!({ "alg": "RS256", "kid": format!("made-up-{n}") }), &claims);
        pool.call(&layer, &token).await.assert_rejected(Kind::AccessTokenInvalid, "no key of its kid");
    }
    assert_eq!(pool.issuer.key_fetches(), 1);
    pool.clock.advance(Duration::from_secs(60));
    for n in 0..50 {
        let token = key.sign(&json!({ "alg": "RS256", "kid": format!("made-up-{n}") }), &claims);
        pool.call(&layer, &token).await.assert_rejected(Kind::AccessTokenInvalid, "no key of its kid");
    }
    assert_eq!(pool.issuer.key_fetches(), 2);
    pool.call(&layer, &pool.issuer.token(&claims)).await.assert_ok(JANES_GROUPS);
}

#[tokio::test]
async fn concurrent_requests_share_one_fetch() {
    let pool = Pool::start().await;
    let layer = pool.layer(AccessTokens::new());
    let token = pool.issuer.token(&pool.claims());
    for answer in join_all((0..40).map(|_| pool.call(&layer, &token))).await {
        answer.assert_ok(JANES_GROUPS);
    }
    assert_eq!(pool.issuer.key_fetches(), 1);
}

#[tokio::test]
async fn a_rotated_key_is_fetched_and_a_withdrawn_one_is_given_up() {
    let pool = Pool::start().await;
    let layer = pool.layer(AccessTokens::new());
    let old = pool.issuer.token(&pool.claims());
    pool.call(&layer, &old).await.assert_ok(JANES_GROUPS);
    pool.issuer.set_keys([SigningKey::rsa("second")]);
    pool.clock.advance(Duration::from_secs(60));
    pool.call(&layer, &pool.issuer.token(&pool.claims())).await.assert_ok(JANES_GROUPS);
    // Its cached token goes with it.
    pool.call(&layer, &old).await.assert_rejected(Kind::AccessTokenInvalid, "no key of its kid \"first\"");
    // The same kid with another key: a provider that reuses kids.
    pool.issuer.set_keys([SigningKey::ec("second")]);
    pool.clock.advance(Duration::from_secs(60));
    pool.call(&layer, &pool.issuer.token(&pool.claims())).await.assert_ok(JANES_GROUPS);
}

#[tokio::test]
async fn a_reload_keeps_the_keys_and_a_reload_to_another_rule_uses_that_rule() {
    let pool = Pool::start().await;
    let layer = pool.layer(AccessTokens::new());
    let token = pool.issuer.token(&pool.claims());
    pool.call(&layer, &token).await.assert_ok(JANES_GROUPS);
    let config = |tokens| pool.builder(tokens, tower_alb_auth::sign_in::ClaimsOnly).build().expect("sound");
    layer.handle().reload(config(AccessTokens::new()));
    pool.call(&layer, &token).await.assert_ok(JANES_GROUPS);
    assert_eq!(pool.issuer.key_fetches(), 1);
    layer.handle().reload(config(AccessTokens::new().audience("api://default")));
    pool.call(&layer, &token).await.assert_rejected(Kind::AccessTokenInvalid, "expected api://default");
    assert_eq!(pool.issuer.key_fetches(), 1);
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_or_address_is_rejected() {
    let pool = Pool::start().await;
    let token = pool.issuer.token(&pool.claims());
    let url = &pool.issuer.url;
    for (document, part) in [
        (json!({ "issuer": "https://other.example.com", "jwks_uri": format!("{url}/keys") }), "expected"),
        (json!({ "issuer": format!("{url}/"), "jwks_uri": format!("{url}/keys") }), "expected"),
        (json!({ "issuer": url, "jwks_uri": "http://keys.example.com/keys" }), "expected an https URL"),
        (json!({ "issuer": url, "jwks_uri": "file:///etc/passwd" }), "expected an https URL"),
        (json!({ "issuer": url }), "is not a discovery document"),
        (json!([]), "is not a discovery document"),
        (
            json!({ "issuer": url, "jwks_uri": format!("{url}/.well-known/openid-configuration") }),
            "is not a JSON Web Key Set",
        ),
    ] {
        pool.issuer.set_discovery(document);
        assert_503(&pool.call(&pool.layer(AccessTokens::new()), &token).await, part);
    }
    pool.issuer.set_keys([]);
    let layer = pool.layer(AccessTokens::new().jwks_uri(format!("{url}/keys")));
    assert_503(&pool.call(&layer, &token).await, "has no key with a kid for RS256 or ES256");
}
