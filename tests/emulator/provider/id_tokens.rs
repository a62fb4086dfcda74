//! ID tokens and what the provider says of itself, checked by a library that is not ours.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::StatusCode;
use jsonwebtoken::{Algorithm, DecodingKey, crypto::aws_lc, jwk::JwkSet};
use serde_json::json;
use tower_alb_auth::Clock;

use crate::provider::site::{CLIENT, Site, Tokens, payload};

/// Whether the signature is of a key that the provider publishes. By the library's own parts, since its `decode` goes through
/// a provider of the whole process.
async fn is_signed(site: &Site, token: &str) -> bool {
    let jwks = site.browser().get("/jwks", &[]).await.body;
    let jwks: JwkSet = serde_json::from_str(&jwks).expect("a key set");
    let header = jsonwebtoken::decode_header(token).expect("a header");
    assert_eq!(header.alg, Algorithm::ES256);
    let Some(jwk) = jwks.find(header.kid.as_deref().expect("a kid")) else { return false };
    let (signing_input, signature) = token.rsplit_once('.').expect("three segments");
    let key = DecodingKey::from_jwk(jwk).expect("a key");
    let verifier = (aws_lc::DEFAULT_PROVIDER.verifier_factory)(&Algorithm::ES256, &key).expect("a verifier");
    verifier.verify(signing_input.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).expect("base64url")).is_ok()
}

#[tokio::test]
async fn an_id_token_is_signed_and_says_who_signed_in_where_and_when() {
    let site = Site::new().await;
    let now = site.clock.now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let code = site.code("jane", &[("nonce", "once")]).await;
    site.clock.advance(Duration::from_secs(20));
    let tokens = Tokens::of(&site.redeem(&code, &[]).await);

    assert!(is_signed(&site, &tokens.id).await);
    let claims = payload(&tokens.id);
    assert_eq!(claims["iss"], site.provider.issuer());
    assert_eq!(claims["aud"], CLIENT);
    assert_eq!(claims["sub"], site.userinfo(&tokens.access).await.json()["sub"]);
    assert_eq!(claims["nonce"], "once");
    assert_eq!(claims["auth_time"], now);
    assert_eq!(claims["iat"], now + 20);
    assert_eq!(claims["exp"], now + 20 + 3600);
    let hash = digest(&SHA256, tokens.access.as_bytes());
    assert_eq!(claims["at_hash"], URL_SAFE_NO_PAD.encode(&hash.as_ref()[..16]));

    let refreshed = Tokens::of(&site.refresh(&tokens.refresh).await);
    assert!(is_signed(&site, &refreshed.id).await);
    let again = payload(&refreshed.id);
    assert!(again["nonce"].is_null(), "{again}");
    for member in ["iss", "aud", "sub", "auth_time", "sid"] {
        assert_eq!(again[member], claims[member], "{member}");
    }
}

#[tokio::test]
async fn two_providers_do_not_share_a_key() {
    let (site, other) = (Site::new().await, Site::new().await);
    let tokens = site.tokens("jane").await;
    assert!(!is_signed(&other, &tokens.id).await);
}

#[tokio::test]
async fn the_key_set_has_the_public_half_alone() {
    let site = Site::new().await;
    let jwks = site.browser().get("/jwks", &[]).await.json();
    let mut members: Vec<&str> = jwks["keys"][0].as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    assert_eq!(jwks["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_discovery_names_is_there() {
    let site = Site::new().await;
    let answer = site.browser().get("/.well-known/openid-configuration", &[]).await;
    let found = answer.json();
    assert_eq!(found["issuer"], site.provider.issuer());
    assert_eq!(answer.header("content-type"), Some("application/json"));
    for (endpoint, method, status) in [
        ("authorization_endpoint", "GET", StatusCode::BAD_REQUEST),
        ("token_endpoint", "POST", StatusCode::UNAUTHORIZED),
        ("userinfo_endpoint", "GET", StatusCode::UNAUTHORIZED),
        ("userinfo_endpoint", "POST", StatusCode::UNAUTHORIZED),
        ("jwks_uri", "GET", StatusCode::OK),
        ("end_session_endpoint", "GET", StatusCode::OK),
        ("revocation_endpoint", "POST", StatusCode::UNAUTHORIZED),
    ] {
        let url = found[endpoint].as_str().unwrap_or_else(|| panic!("no {endpoint}"));
        let request = site.browser().client.request(method.parse().unwrap(), url);
        let request = if method == "POST" { request.form(&[("a", "b")]) } else { request };
        assert_eq!(request.send().await.expect("an answer").status(), status, "{endpoint}");
    }
    assert_eq!(found["id_token_signing_alg_values_supported"], json!(["ES256"]));
    assert_eq!(found["code_challenge_methods_supported"], json!(["S256"]));
    assert_eq!(found["response_types_supported"], json!(["code"]));
}
