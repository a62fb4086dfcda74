//! Access tokens of the mock load balancer, and what an explanation says of them.

use http::Request;
use serde_json::json;
use tower_alb_auth::{
    AccessTokenClaims, AlbAuthConfig, AlbAuthLayer, AuthErrorKind, BackstageIdentity,
    explain::{CheckResult, NotChecked, SignatureKey, Step, Verdict},
    sign_in::ClaimsOnly,
    test_util::{MockAlb, User},
};

use super::{JANES_GROUPS, Pool, call};

fn claims() -> User {
    User::empty().claim("sub", "u1").claim("cognito:groups", ["admins", "viewers"])
}

#[tokio::test]
async fn the_layer_verifies_access_tokens_of_the_mock() {
    let alb = MockAlb::new().serve().await;
    let entry = alb.trusted().access_tokens(alb.access_tokens()).sign_in(ClaimsOnly);
    let config = alb.keys_and_clock(AlbAuthConfig::builder().trust(entry)).build().expect("sound");
    let layer = AlbAuthLayer::new(config);
    let user = User::empty().claim("sub", "u1");
    let request = |access: &User| -> Request<String> { alb.request("/").user(&user).access_token(access).into() };
    call(&layer, request(&claims())).await.assert_ok(JANES_GROUPS);
    let of_another_user = call(&layer, request(&claims().claim("sub", "u2"))).await;
    of_another_user.assert_rejected(AuthErrorKind::AccessTokenInvalid, "is not the subject of the signed claims");
    let expired = call(&layer, request(&claims().claim("exp", alb.unix_now() - 600))).await;
    assert_eq!(expired.status, 401);
    // Another load balancer has other keys.
    let other = MockAlb::new().with_issuer(alb.issuer());
    let mut forged = request(&claims());
    forged.headers_mut().insert("x-amzn-oidc-accesstoken", other.access_token(&claims()).parse().unwrap());
    call(&layer, forged).await.assert_rejected(AuthErrorKind::AccessTokenInvalid, "has no key of its kid");
    // The key set is not a key of the load balancer.
    assert_eq!(alb.key_fetches(), 1);
}

#[tokio::test]
async fn claims_of_an_access_token_are_made_for_the_test_of_a_handler() {
    async fn groups(claims: AccessTokenClaims) -> Vec<String> {
        claims.texts("cognito:groups").expect("texts").unwrap_or_default()
    }
    assert_eq!(groups(AccessTokenClaims::of_user(&claims())).await, ["admins", "viewers"]);
    let jane = BackstageIdentity::builder("user:default/jane").access_token(claims()).build().expect("a user");
    assert_eq!(groups(jane.claims().access_token().expect("claims").clone()).await, ["admins", "viewers"]);
    let mut extensions = http::Extensions::new();
    extensions.insert(jane);
    assert_eq!(AccessTokenClaims::of(&extensions).map(AccessTokenClaims::subject), Some("u1"));
    let without = BackstageIdentity::builder("user:default/jane").build().expect("a user");
    assert!(without.claims().access_token().is_none());
}

#[tokio::test]
async fn an_explanation_with_fetched_keys_checks_the_access_token_as_the_layer_does() {
    let pool = Pool::start().await;
    let config = pool.builder(tower_alb_auth::config::AccessTokens::new(), ClaimsOnly).build().expect("sound");
    let sign_in = |explained: &tower_alb_auth::explain::Explanation| {
        explained.checks.iter().find(|check| check.step == Step::SignIn).expect("a check").result.clone()
    };
    let good = pool.request("u1", &pool.issuer.token(&pool.claims()));

    let accepted = config.explain(good.headers(), SignatureKey::fetched()).await;
    assert!(matches!(accepted.verdict, Verdict::Accepted(_)), "{accepted}");
    assert!(matches!(sign_in(&accepted), CheckResult::Passed), "{accepted}");
    assert_eq!(accepted.rejected().count(), 0, "{accepted}");

    let wrong = pool.request("u1", &pool.issuer.token(&pool.claims_with(json!({ "client_id": "other" }))));
    let rejected = config.explain(wrong.headers(), SignatureKey::fetched()).await;
    assert!(matches!(rejected.verdict, Verdict::Rejected(_)), "{rejected}");
    let CheckResult::Rejected(errors) = sign_in(&rejected) else { panic!("{rejected}") };
    assert!(errors[0].operator_message().contains("its client_id is \"other\""), "{rejected}");

    // Without fetches nothing is known about the access token, with the right key of the load balancer too.
    let fetches = pool.issuer.key_fetches();
    let key = || SignatureKey::from_pem(pool.alb.public_key_pem().as_bytes()).expect("a key");
    for key in [key(), SignatureKey::none()] {
        let undecided = config.explain(good.headers(), key).await;
        assert!(matches!(undecided.verdict, Verdict::Undecided(None)), "{undecided}");
        assert!(
            matches!(sign_in(&undecided), CheckResult::NotChecked(NotChecked::IssuerKeysNotFetched)),
            "{undecided}"
        );
    }
    // A token that the layer rejects earlier causes no fetch.
    let foreign = pool.alb.token(&User::empty().claim("sub", "u1")).header("client", "other").sign();
    let mut early = pool.request("u1", &pool.issuer.token(&pool.claims()));
    early.headers_mut().insert("x-amzn-oidc-data", foreign.parse().expect("a header value"));
    let early = config.explain(early.headers(), SignatureKey::fetched()).await;
    assert_eq!(early.rejected().map(|check| check.step).collect::<Vec<_>>(), [Step::Client]);
    assert_eq!(pool.issuer.key_fetches(), fetches);
}
