//! The judge without the layer: `AlbAuthHandle::authenticate`.

use std::time::Duration;

use http::HeaderMap;
use tower_alb_auth::{
    AlbAuthLayer, AuthErrorKind,
    sign_in::{ClaimsOnly, SignInError, from_async_fn},
    test_util::{KeyServerMode, MockAlb, TestClock, User},
};

use crate::service::inside::{DATA, JANE};

#[tokio::test]
async fn it_decides_as_the_layer_does_and_shares_its_caches() {
    let clock = TestClock::new();
    let alb = MockAlb::new().with_clock(&clock);
    let layer = alb.layer();
    let (one, other) = (layer.handle(), layer.clone().handle());
    let request = alb.request("/").user(&User::jane()).body(());

    let user = one.authenticate(request.headers()).await.expect("signed in");
    assert_eq!(user.identity().expect("an identity").user_entity_ref(), JANE);
    assert_eq!(user.claims().email(), Some("jane.doe@example.com"));
    other.authenticate(request.headers()).await.expect("signed in");
    assert_eq!((alb.key_fetches(), one.stats().tokens), (1, 1));

    clock.advance(Duration::from_secs(151));
    let refused = other.authenticate(request.headers()).await.expect_err("expired");
    assert_eq!(refused.kind(), AuthErrorKind::Expired);
}

#[tokio::test]
async fn it_refuses_what_the_layer_refuses() {
    let alb = MockAlb::new();
    let stranger = MockAlb::with_keys_of(&alb);
    let handle = alb.layer().optional().handle();
    let token = alb.sign(&User::jane());
    let cases = [
        ("nothing", HeaderMap::new(), AuthErrorKind::Missing),
        (
            "a look-alike",
            alb.request("/").header("x_amzn_oidc_data", &token).body(()).headers().clone(),
            AuthErrorKind::Missing,
        ),
        (
            "two",
            alb.request("/").token(&token).token(&token).body(()).headers().clone(),
            AuthErrorKind::DuplicateHeader,
        ),
        (
            "a stranger's",
            stranger.request("/").user(&User::jane()).body(()).headers().clone(),
            AuthErrorKind::UntrustedSigner,
        ),
        (
            "another identity",
            alb.request("/").token(&token).header("x-amzn-oidc-identity", "admin").body(()).headers().clone(),
            AuthErrorKind::IdentityMismatch,
        ),
    ];
    for (case, headers, kind) in cases {
        let refused = handle.authenticate(&headers).await.expect_err(case);
        assert_eq!(refused.kind(), kind, "{case}");
    }
}

#[tokio::test]
async fn it_gives_claims_where_the_policy_names_no_user() {
    let alb = MockAlb::new();
    let config = alb.config_builder().sign_in(ClaimsOnly).build().expect("a sound configuration");
    let request = alb.request("/").user(&User::okta("jane")).body(());
    let user = AlbAuthLayer::new(config).handle().authenticate(request.headers()).await.expect("signed in");
    assert!(user.identity().is_none());
    assert_eq!(user.claims().subject(), "00ujane");
}

/// Waits as a task on several threads would, so the future has to be `Send`.
#[tokio::test]
async fn it_waits_for_keys_and_policies() {
    let alb = MockAlb::new();
    let policy = from_async_fn(|_| async { Err(SignInError::not_found("the directory knows nobody")) });
    let config = alb.config_builder().sign_in(policy).build().expect("a sound configuration");
    let handle = AlbAuthLayer::new(config).handle();
    let headers = alb.request("/").user(&User::jane()).body(()).headers().clone();
    assert!(headers.contains_key(DATA));

    let refused = {
        let (handle, headers) = (handle.clone(), headers.clone());
        tokio::spawn(async move { handle.authenticate(&headers).await }).await.expect("no panic").expect_err("nobody")
    };
    assert_eq!(refused.kind(), AuthErrorKind::UserNotFound);

    let other = MockAlb::new();
    other.set_key_server(KeyServerMode::Status(500));
    let request = other.request("/").user(&User::jane()).body(());
    let refused = other.layer().handle().authenticate(request.headers()).await.expect_err("no keys");
    assert_eq!((refused.kind(), refused.status().as_u16()), (AuthErrorKind::KeysUnavailable, 503));
}
