//! Where the router is put.

use axum::Router;
use http::Method;
use tower_alb_auth::{
    BackstageIdentity,
    backstage::{BackstageAuth, BackstageAuthBuilder, TokenIssuer, router},
    test_util::{MockAlb, User},
};

use crate::{
    router::site::{Site, json, listen, token},
    support::traced::Traced,
    support::wire::{Caller, Http},
};

async fn mounted(app: impl FnOnce(BackstageAuth) -> Router) -> Site {
    Site::serve(MockAlb::layer, |auth: BackstageAuthBuilder| auth, app).await
}

#[tokio::test]
async fn it_nests_at_any_prefix_and_at_none() {
    for (prefix, app) in [
        (
            "/auth",
            Box::new(|auth| Router::new().nest("/auth", router(auth))) as Box<dyn FnOnce(BackstageAuth) -> Router>,
        ),
        ("/a/b/c", Box::new(|auth| Router::new().nest("/a/b", Router::new().nest("/c", router(auth))))),
        ("/svc", Box::new(|auth| Router::new().nest_service("/svc", router(auth)))),
        ("", Box::new(router)),
        ("", Box::new(|auth| Router::new().merge(router(auth)))),
    ] {
        let site = mounted(app).await;
        let answer = site.call(site.alb.request(&format!("{prefix}/awsalb/refresh")).user(&User::jane())).await;
        assert_eq!(answer.status, 200, "{prefix}");
        let unknown = site.call(site.alb.request(&format!("{prefix}/github/start"))).await;
        assert_eq!(json(&unknown)["request"]["url"], "/github/start", "{prefix}");
        assert_eq!(unknown.status, 404, "{prefix}");
    }
}

/// An application beside it keeps its own layer, which shares keys and caches with the auth backend.
#[tokio::test]
async fn it_stands_beside_an_application_with_a_layer() {
    let alb = MockAlb::new();
    let layer = alb.layer();
    let tokens = TokenIssuer::builder("https://backstage.example.com/api/auth").build().unwrap();
    let auth = BackstageAuth::builder(layer.handle(), tokens).build().unwrap();
    let hello = |user: BackstageIdentity| async move { user.user_entity_ref().to_string() };
    let app = Router::new().route("/", axum::routing::get(hello)).layer(layer).nest("/api/auth", router(auth));
    let caller = Caller::new(Http::One, listen(app).await);
    let session = caller.call(alb.request("/api/auth/awsalb/refresh").user(&User::jane())).await;
    assert!(!token(&session).is_empty());
    assert_eq!(caller.call(alb.request("/").user(&User::jane())).await.body, "user:default/jane.doe");
    assert_eq!((caller.call(alb.request("/")).await.status.as_u16(), alb.key_fetches()), (401, 1));
}

#[tokio::test]
async fn inside_a_layer_no_user_signs_in_and_the_log_has_the_reason() {
    for optional in [false, true] {
        let (traced, _guard) = Traced::begin();
        let site = Site::serve(MockAlb::layer, |auth| auth, |auth| Router::new().nest("/api/auth", router(auth))).await;
        let layer = if optional { site.alb.layer().optional() } else { site.alb.layer() };
        let tokens = site.tokens.clone();
        let auth = BackstageAuth::builder(layer.handle(), tokens).build().unwrap();
        let app = Router::new().nest("/api/auth", router(auth)).layer(layer);
        let caller = Caller::new(Http::One, listen(app).await);
        let answer = caller.call(site.alb.request("/api/auth/awsalb/refresh").user(&User::jane())).await;
        assert_eq!((answer.status.as_u16(), answer.body.contains("AuthenticationError")), (401, true));
        let errors = traced.lines(tracing::Level::ERROR);
        assert_eq!(errors.len(), 1, "{errors:?}");
        assert!(errors[0].contains("nest the router outside of it"), "{errors:?}");
    }
}

#[tokio::test]
async fn http_2_is_answered_alike() {
    let site = Site::new().await;
    let tokens = site.tokens.clone();
    let auth = BackstageAuth::builder(site.alb.layer().handle(), tokens).build().unwrap();
    let caller = Caller::new(Http::Two, listen(router(auth)).await);
    for method in [Method::GET, Method::HEAD, Method::POST] {
        let answer = caller.call(site.alb.request("/awsalb/refresh").method(method.clone()).user(&User::jane())).await;
        assert_eq!((answer.status.as_u16(), answer.body.is_empty()), (200, method == Method::HEAD));
    }
    assert_eq!(caller.call(site.alb.request("/awsalb/refresh").method(Method::HEAD)).await.status, 401);
}
