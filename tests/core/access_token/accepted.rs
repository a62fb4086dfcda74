//! Good access tokens, and what becomes of their claims.

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::json;
use tower::ServiceExt;
use tower_alb_auth::{
    AccessTokenClaims, AlbAuthConfig, AlbAuthLayer, BackstageIdentity,
    config::AccessTokens,
    sign_in::{ClaimsOnly, EmailLocalPart, GroupClaim, GroupOwnership, SignIn, SignInError, from_async_fn},
    test_util::MockAlb,
};

use super::{JANES_GROUPS, Pool, call};
use crate::support::issuer::SigningKey;

#[tokio::test]
async fn the_claims_of_the_access_token_reach_the_handler_and_the_headers_do_not() {
    let pool = Pool::start().await;
    let layer = pool.layer(AccessTokens::new());
    let token = pool.issuer.token(&pool.claims());
    for _ in 0..3 {
        pool.call(&layer, &token).await.assert_ok(JANES_GROUPS);
    }
    assert_eq!(pool.issuer.key_fetches(), 1);
    // By ES256 too, and with the type of RFC 9068.
    let ec = SigningKey::ec("curve");
    pool.issuer.set_keys([pool.issuer.key(), ec.clone()]);
    pool.clock.advance(std::time::Duration::from_secs(61));
    let header = json!({ "alg": "ES256", "kid": "curve", "typ": "at+jwt" });
    pool.call(&layer, &ec.sign(&header, &pool.claims())).await.assert_ok(JANES_GROUPS);
}

#[tokio::test]
async fn without_the_setting_nothing_is_fetched_and_there_are_no_claims() {
    let pool = Pool::start().await;
    let builder = AlbAuthConfig::builder().trust(pool.alb.trusted().sign_in(ClaimsOnly));
    let layer = AlbAuthLayer::new(pool.alb.keys_and_clock(builder).build().expect("sound"));
    pool.call(&layer, "not a token").await.assert_ok(r#"Some("u1") None 0"#);
    assert_eq!(pool.issuer.key_fetches(), 0);
}

#[tokio::test]
async fn other_providers_shapes_are_accepted_with_their_settings() {
    let pool = Pool::start().await;
    let client = pool.alb.client_id();
    let v1 = "https://sts.windows.net/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/";
    for (name, tokens, changes) in [
        (
            "Okta",
            AccessTokens::new().audience("api://default").subject_claim("uid"),
            json!({ "sub": "jane@example.com", "uid": "u1", "cid": client, "client_id": null, "token_use": null,
                    "aud": "api://default", "scope": null, "scp": ["openid"] }),
        ),
        (
            "Keycloak",
            AccessTokens::new().audience("account"),
            json!({ "aud": ["realm-management", "account"], "azp": client, "typ": "Bearer", "client_id": null, "token_use": null }),
        ),
        (
            "Entra ID 2.0",
            AccessTokens::new().audience(client),
            json!({ "aud": client, "azp": client, "scp": "access", "scope": null, "client_id": null, "token_use": null }),
        ),
        (
            "Entra ID 1.0",
            AccessTokens::new().issuer(v1).jwks_uri(format!("{}/keys", pool.issuer.url)).audience("api://app"),
            json!({ "iss": v1, "aud": "api://app", "appid": client, "client_id": null, "token_use": null }),
        ),
        (
            "Auth0",
            AccessTokens::new().audience("https://api.example.com"),
            json!({ "aud": ["https://api.example.com", "https://example.eu.auth0.com/userinfo"], "azp": client,
                    "client_id": null, "token_use": null }),
        ),
    ] {
        let layer = pool.layer(tokens);
        let answer = pool.call(&layer, &pool.issuer.token(&pool.claims_with(changes))).await;
        assert_eq!(answer.body, JANES_GROUPS, "{name}: {answer:?}");
    }
}

#[tokio::test]
async fn groups_of_the_access_token_are_owned() {
    let pool = Pool::start().await;
    let policy = || {
        GroupOwnership::of(EmailLocalPart::in_domains(["example.com"]))
            .claim(GroupClaim::named("cognito:groups").of_access_token())
            .map("admins", "group:default/admins")
    };
    let config = pool.builder(AccessTokens::new(), policy()).build().expect("sound");
    let app = Router::new()
        .route(
            "/",
            get(|user: BackstageIdentity, token: AccessTokenClaims| async move {
                format!("{:?} {:?}", user.ownership_entity_refs(), token.text("scope"))
            }),
        )
        .layer(AlbAuthLayer::new(config));
    let request: Request<String> = pool.request("u1", &pool.issuer.token(&pool.claims()));
    let response = app.oneshot(request.map(Body::from)).await.expect("infallible");
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    let body = String::from_utf8_lossy(&body);
    assert!(body.contains("group:default/admins") && body.contains("openid profile"), "{body}");

    // Without the setting the policy has nothing to read, which is found at the start.
    let builder = AlbAuthConfig::builder().trust(pool.alb.trusted().sign_in(policy()));
    let problem = pool.alb.keys_and_clock(builder).build().expect_err("not verified").to_string();
    assert!(
        problem.contains("reads groups from the access token") && problem.contains("AccessTokens::new()"),
        "{problem}"
    );
}

/// S-105: a policy that waits is applied again if the claims of the access token change, whatever claims it lists.
#[tokio::test]
async fn s_105_a_cached_sign_in_of_another_access_token_is_not_used() {
    let pool = Pool::start().await;
    let policy = from_async_fn(|claims: tower_alb_auth::Claims| async move {
        let groups = claims.access_token().map(|token| token.texts("cognito:groups"));
        let groups = groups.transpose().map_err(SignInError::from)?.flatten().unwrap_or_default();
        let user = "user:default/jane".parse().expect("a ref");
        let admins = "group:default/admins".parse().expect("a ref");
        Ok(SignIn::user(user).owning(groups.contains(&"admins".to_owned()).then_some(admins)))
    });
    let policy = policy.using_claims(["email"]);
    let layer = AlbAuthLayer::new(pool.builder(AccessTokens::new(), policy).build().expect("sound"));
    let owned = async |token: String| {
        let request = pool.request("u1", &token);
        layer
            .handle()
            .authenticate(request.headers())
            .await
            .expect("a user")
            .identity()
            .expect("a name")
            .ownership_entity_refs()
            .len()
    };
    assert_eq!(owned(pool.issuer.token(&pool.claims())).await, 2);
    assert_eq!(owned(pool.issuer.token(&pool.claims_with(json!({ "cognito:groups": ["viewers"] })))).await, 1);
}

#[tokio::test]
async fn a_handler_that_wants_the_claims_without_the_setting_is_misused() {
    let alb = MockAlb::new();
    let app = Router::new().route("/", get(|_: AccessTokenClaims| async { "" })).layer(alb.layer());
    let request: Request<String> = alb.request("/").user(&tower_alb_auth::test_util::User::jane()).into();
    let response = app.oneshot(request.map(Body::from)).await.expect("infallible");
    assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn an_explanation_without_fetched_keys_says_that_the_access_token_was_not_checked() {
    use tower_alb_auth::explain::SignatureKey;
    let pool = Pool::start().await;
    let config = pool.builder(AccessTokens::new(), ClaimsOnly).build().expect("sound");
    let request = pool.request("u1", &pool.issuer.token(&pool.claims()));
    let explained = config.explain(request.headers(), SignatureKey::none()).await.to_string();
    assert!(explained.contains("the access token was not checked"), "{explained}");
    assert_eq!(pool.issuer.key_fetches(), 0);
    call(&AlbAuthLayer::new(config), request).await.assert_ok(JANES_GROUPS);
}
