//! Access tokens that are rejected, each with the reason for the operator and the uniform text for the client.

use std::time::Duration;

use aws_lc_rs::hmac;
use serde_json::json;
use tower_alb_auth::{AuthErrorKind as Kind, config::AccessTokens};

use super::{ACCESS_TOKEN, JANES_GROUPS, Pool, call};
use crate::support::issuer::{Issuer, SigningKey, encode};

/// S-100: neither the token nor its header chooses algorithm, key or issuer.
#[tokio::test]
async fn s_100_an_access_token_of_another_algorithm_key_or_issuer_is_rejected() {
    let (pool, other) = (Pool::start().await, Issuer::start().await);
    let ec = SigningKey::ec("curve");
    pool.issuer.set_keys([pool.issuer.key(), ec.clone()]);
    let layer = pool.layer(AccessTokens::new());
    let (key, claims) = (pool.issuer.key(), pool.claims());
    pool.call(&layer, &pool.issuer.token(&claims)).await.assert_ok(JANES_GROUPS);

    let unsigned = |header: serde_json::Value| format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    // The public key as a secret, in the forms in which libraries take it.
    for secret in [key.public().to_vec(), key.jwk()["n"].as_str().unwrap().as_bytes().to_vec()] {
        let text = unsigned(json!({ "alg": "HS256", "kid": "first", "typ": "JWT" }));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), text.as_bytes());
        let token = format!("{text}.{}", encode(tag));
        pool.call(&layer, &token)
            .await
            .assert_rejected(Kind::AccessTokenInvalid, "its alg is \"HS256\", expected RS256 or ES256");
    }
    for alg in ["none", "None", "rs256", "RS512", "PS256", "ES384", ""] {
        let token = key.sign(&json!({ "alg": alg, "kid": "first" }), &claims);
        pool.call(&layer, &token).await.assert_rejected(Kind::AccessTokenInvalid, "expected RS256 or ES256");
    }
    let empty = format!("{}.", unsigned(json!({ "alg": "none", "kid": "first" })));
    pool.call(&layer, &empty).await.assert_rejected(Kind::AccessTokenInvalid, "its alg");
    // A key serves one algorithm.
    let crossed = key.sign(&json!({ "alg": "ES256", "kid": "first" }), &claims);
    pool.call(&layer, &crossed).await.assert_rejected(Kind::AccessTokenInvalid, "no key of its kid \"first\"");
    // The kid, and the claims, of the right issuer with a key of another one.
    let foreign = other.key().sign(&key.header(), &claims);
    pool.call(&layer, &foreign).await.assert_rejected(Kind::AccessTokenInvalid, "signature does not match");
    let named = pool.claims_with(json!({ "iss": other.url }));
    pool.call(&layer, &other.token(&named)).await.assert_rejected(Kind::AccessTokenInvalid, "signature does not match");
    pool.call(&layer, &key.sign(&key.header(), &named)).await.assert_rejected(Kind::AccessTokenInvalid, "its iss is");
    let unnamed = pool.claims_with(json!({ "iss": null }));
    pool.call(&layer, &pool.issuer.token(&unnamed)).await.assert_rejected(Kind::AccessTokenInvalid, "it has no iss");
    // Addresses and keys in the header are ignored, and nothing is fetched from there.
    let before = other.key_fetches();
    for (name, value) in
        [("jku", json!(format!("{}/keys", other.url))), ("x5u", json!(other.url)), ("jwk", other.key().jwk())]
    {
        let mut header = key.header();
        header[name] = value;
        let token = other.key().sign(&header, &claims);
        pool.call(&layer, &token).await.assert_rejected(Kind::AccessTokenInvalid, "signature does not match");
    }
    assert_eq!(other.key_fetches(), before);
    // Changed after it was signed.
    let signature = pool.issuer.token(&claims).rsplit('.').next().unwrap().to_owned();
    let roles = pool.claims_with(json!({ "cognito:groups": ["owners"] }));
    let changed = format!("{}.{}.{signature}", encode(key.header().to_string()), encode(roles.to_string()));
    pool.call(&layer, &changed).await.assert_rejected(Kind::AccessTokenInvalid, "signature does not match");
}

/// S-101: a token that the provider issued for another purpose or application.
#[tokio::test]
async fn s_101_an_id_token_or_an_access_token_of_another_client_is_rejected() {
    let pool = Pool::start().await;
    let client = pool.alb.client_id();
    let cognito = pool.layer(AccessTokens::new());
    let for_api = pool.layer(AccessTokens::new().audience("api://default"));
    let for_client = pool.layer(AccessTokens::new().audience(client));
    for (layer, changes, part) in [
        (&cognito, json!({ "client_id": "other" }), "its client_id is \"other\", trusted client ids"),
        (&cognito, json!({ "client_id": null }), "it has no client_id, and no audience is configured"),
        (&cognito, json!({ "client_id": null, "aud": client }), "it has no client_id"),
        (&cognito, json!({ "client_id": [client] }), "the claim client_id is a list"),
        (&cognito, json!({ "token_use": "id" }), "its token_use is \"id\", expected access"),
        (&cognito, json!({ "token_use": null, "at_hash": "x" }), "so it is an ID token"),
        (&cognito, json!({ "azp": "other" }), "its azp is \"other\""),
        (&for_api, json!({ "aud": "api://other" }), "its aud is \"api://other\", expected api://default"),
        (&for_api, json!({ "aud": null }), "its aud is none"),
        (&for_api, json!({ "aud": { "api://default": true } }), "the claim aud is an object"),
        (&for_api, json!({ "aud": "api://default", "client_id": null, "cid": "other" }), "its cid is \"other\""),
        (&for_api, json!({ "aud": "api://default", "client_id": null, "appid": "other" }), "its appid is \"other\""),
        (&for_api, json!({ "aud": "api://default", "typ": "ID" }), "its claim typ is \"ID\", expected Bearer"),
        (
            &for_client,
            json!({ "aud": client, "client_id": null, "token_use": null, "scope": null, "azp": client }),
            "it cannot be distinguished from an ID token",
        ),
    ] {
        let token = pool.issuer.token(&pool.claims_with(changes));
        pool.call(layer, &token).await.assert_rejected(Kind::AccessTokenInvalid, part);
    }
    for typ in ["logout+jwt", "dpop+jwt", "id_token"] {
        let token = pool.issuer.key().sign(&json!({ "alg": "RS256", "kid": "first", "typ": typ }), &pool.claims());
        pool.call(&cognito, &token).await.assert_rejected(Kind::AccessTokenInvalid, "expected JWT or at+jwt");
    }
}

/// S-102: the access token of another user, also if it was cached for that user.
#[tokio::test]
async fn s_102_an_access_token_of_another_user_is_rejected() {
    let pool = Pool::start().await;
    let layer = pool.layer(AccessTokens::new());
    let janes = pool.issuer.token(&pool.claims());
    pool.call(&layer, &janes).await.assert_ok(JANES_GROUPS);
    for other in ["u2", "U1", "u1 ", "u"] {
        let answer = call(&layer, pool.request(other, &janes)).await;
        answer.assert_rejected(Kind::AccessTokenInvalid, "its sub is not the subject of the signed claims");
        assert!(!answer.error.unwrap().operator_message().contains("u1"), "no claim in a message");
    }
    pool.call(&layer, &janes).await.assert_ok(JANES_GROUPS);
    let layer = pool.layer(AccessTokens::new().subject_claim("uid"));
    for (uid, part) in
        [(json!(null), "it has no claim uid"), (json!("u2"), "its uid is not"), (json!(1), "uid is a number")]
    {
        let token = pool.issuer.token(&pool.claims_with(json!({ "uid": uid })));
        pool.call(&layer, &token).await.assert_rejected(Kind::AccessTokenInvalid, part);
    }
}

/// S-103: also from the cache.
#[tokio::test]
async fn s_103_an_access_token_that_is_expired_missing_repeated_or_malformed_is_rejected() {
    let pool = Pool::start().await;
    let layer = pool.layer(AccessTokens::new());
    let good = pool.issuer.token(&pool.claims());
    let mut none = pool.request("u1", &good);
    none.headers_mut().remove(ACCESS_TOKEN);
    call(&layer, none).await.assert_rejected(Kind::AccessTokenMissing, "found none");
    for second in [good.as_str(), "x"] {
        let mut twice = pool.request("u1", &good);
        twice.headers_mut().append(ACCESS_TOKEN, second.parse().unwrap());
        call(&layer, twice).await.assert_rejected(Kind::AccessTokenMissing, "found several");
    }
    let mut underscores = pool.request("u1", &good);
    let value = underscores.headers_mut().remove(ACCESS_TOKEN).unwrap();
    underscores.headers_mut().insert("x_amzn_oidc_accesstoken", value);
    call(&layer, underscores).await.assert_rejected(Kind::AccessTokenMissing, "found none");
    assert_eq!(pool.issuer.key_fetches(), 0, "nothing that has no token causes a fetch");

    for (token, part) in [
        (String::new(), "it is opaque and not a JWT"),
        ("ya29.a0AfB".to_owned(), "it is opaque and not a JWT"),
        ("a.b.c.d.e".to_owned(), "it is encrypted (JWE)"),
        ("a!.b.c".to_owned(), "it is not three base64url segments"),
        (format!("{good}="), "it is not three base64url segments"),
        (format!("{good}.{}", "a".repeat(17 * 1024)), "bytes, max_token_bytes is 16384"),
        (pool.issuer.key().sign(&json!({ "alg": "RS256" }), &pool.claims()), "it has no kid"),
        (pool.issuer.key().sign(&json!({ "alg": "RS256", "kid": "first", "crit": ["x"] }), &pool.claims()), "has crit"),
        (
            pool.issuer.key().sign(&json!({ "alg": "RS256", "kid": "first", "nonce": "x" }), &pool.claims()),
            "a token of Entra ID for Microsoft Graph, which only Microsoft Graph can verify",
        ),
        (
            pool.issuer.key().sign_text(&format!(
                "{}.{}",
                encode(r#"{"alg":"RS256","alg":"RS256","kid":"first"}"#),
                encode("{}")
            )),
            "twice in its JOSE header",
        ),
    ] {
        pool.call(&layer, &token).await.assert_rejected(Kind::AccessTokenInvalid, part);
    }
    assert_eq!(pool.issuer.key_fetches(), 0, "nor does one that needs no key to be rejected");

    let now = pool.alb.unix_now();
    for (changes, part) in [
        (json!({ "exp": now - 31 }), "it has expired"),
        (json!({ "exp": null }), "it has no exp"),
        (json!({ "exp": "soon" }), "its claims cannot be read"),
        (json!({ "nbf": now + 31 }), "it is not valid yet"),
        (json!({ "nbf": "x" }), "its nbf is not a whole number"),
        (json!({ "iat": now + 31 }), "it is not valid yet"),
        (json!({ "sub": null }), "there is no sub"),
    ] {
        let token = pool.issuer.token(&pool.claims_with(changes));
        pool.call(&layer, &token).await.assert_rejected(Kind::AccessTokenInvalid, part);
    }
    let repeated = pool.claims().to_string().replacen('{', r#"{"sub":"u1","#, 1);
    let header = encode(pool.issuer.key().header().to_string());
    let token = pool.issuer.key().sign_text(&format!("{header}.{}", encode(repeated)));
    pool.call(&layer, &token).await.assert_rejected(Kind::AccessTokenInvalid, "twice in its claims");

    let short = pool.issuer.token(&pool.claims_with(json!({ "exp": now + 60 })));
    pool.call(&layer, &short).await.assert_ok(JANES_GROUPS);
    pool.clock.advance(Duration::from_secs(91));
    let expired = pool.call(&layer, &short).await;
    expired.assert_rejected(Kind::AccessTokenInvalid, "it has expired: without a refresh token a load balancer keeps");
}
