//! Other providers, behind `router_with_fallback`.

use axum::{Router, body::Body, extract::Request, http::Response, response::IntoResponse as _};
use http::Method;
use tower::service_fn;
use tower_alb_auth::{
    backstage::{BackstageAuthBuilder, Guest, router_with_fallback},
    test_util::{MockAlb, User},
};

use crate::router::site::Site;

/// Says what it saw of the request.
async fn other(request: Request) -> Result<Response<Body>, std::convert::Infallible> {
    Ok(format!("other {} {}", request.method(), request.uri()).into_response())
}

async fn site(configure: impl FnOnce(BackstageAuthBuilder) -> BackstageAuthBuilder) -> Site {
    Site::serve(MockAlb::layer, configure, |auth| {
        Router::new().nest("/api/auth", router_with_fallback(auth, service_fn(other)))
    })
    .await
}

#[tokio::test]
async fn what_is_not_ours_goes_on_as_it_came() {
    let site = site(|auth| auth).await;
    for (method, path) in [
        (Method::GET, "/github/start?scope=a%20b&env=production"),
        (Method::POST, "/github/handler/frame"),
        (Method::OPTIONS, "/github/refresh"),
        (Method::DELETE, "/v1/sessions/3f0c"),
        (Method::GET, "/guest/refresh"),
        (Method::GET, "/.backstage/health/v1/liveness"),
        (Method::GET, "/awsalbx/refresh"),
        (Method::GET, "/.well-known/oauth-client/cli.json"),
        (Method::GET, "/.well-known/oauth-authorization-server?a=b"),
        (Method::GET, "/x"),
    ] {
        let answer =
            site.call(site.request(path).method(method.clone()).header("origin", "https://evil.example")).await;
        assert_eq!((answer.status.as_u16(), answer.body), (200, format!("other {method} {path}")));
        assert_eq!((answer.headers.get("vary"), answer.headers.get("cache-control")), (None, None), "{path}");
    }
}

#[tokio::test]
async fn what_is_ours_never_goes_on() {
    let site = site(|auth| auth).await;
    for (status, path) in [
        (200, "/awsalb/refresh"),
        (200, "/awsalb/refresh/"),
        (405, "/awsalb/logout"),
        (501, "/awsalb/start"),
        (404, "/awsalb"),
        (404, "/awsalb/"),
        (404, "/awsalb/unknown"),
        (404, "/awsalb/refresh/x"),
        (200, "/.well-known/jwks.json"),
        (200, "/.well-known/openid-configuration"),
        (200, "/.backstage/auth/v1/jwks.json"),
        (401, "/v1/userinfo"),
    ] {
        let answer = site.call(site.request(path).user(&User::jane())).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.body.starts_with("other"), "{path}");
    }
}

/// A stock backend that stands behind may have the provider too, with fewer checks, and reads paths in its own way.
#[tokio::test]
async fn s_73_no_way_of_writing_a_path_of_ours_reaches_the_other() {
    let site = site(|auth| auth).await;
    for path in [
        "/AWSALB/refresh",
        "/awsAlb/Refresh",
        "//awsalb/refresh",
        "/%61wsalb/refresh",
        "/awsalb%2Frefresh",
        "/github/../awsalb/refresh",
        "/./awsalb/refresh",
        "/github/%2e%2e/awsalb/refresh",
        "/github//start",
        "/.WELL-KNOWN/jwks.json",
        "/.well-known/JWKS.json",
        "/.well-known/%6awks.json",
        "/.well-known//jwks.json",
        "/.well-known/x/../jwks.json",
        "/.well-known/OpenID-configuration/",
        "/V1/userinfo",
        "/.Backstage/auth/v1/jwks.json",
        "/awsalb;x/refresh",
        "/github/..;/awsalb/refresh",
    ] {
        let answer = site.call(site.request(path).user(&User::jane())).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
}

#[tokio::test]
async fn it_goes_on_from_a_nest_in_a_nest_too() {
    let site = Site::serve(
        MockAlb::layer,
        |auth| auth,
        |auth| {
            let api = Router::new().nest("/auth", router_with_fallback(auth, service_fn(other)));
            Router::new().nest("/api", api)
        },
    )
    .await;
    assert_eq!(site.get("/github/start").await.body, "other GET /github/start");
    assert_eq!(site.refresh(&User::jane()).await.status, 200);
}

#[tokio::test]
async fn guests_are_ours_where_they_are_let_in() {
    let site = site(|auth| auth.dangerously_allow_guest(Guest::new())).await;
    assert!(site.get("/guest/refresh").await.body.contains("user:development/guest"));
    assert_eq!(site.get("/guest/start").await.status, 404);
    // To a server that does not tell capitals from small letters.
    assert_eq!(site.get("/Guest/refresh").await.status, 404, "a guest's session of another backend");
}

#[tokio::test]
async fn a_body_goes_on_whole() {
    let echo =
        service_fn(
            |request: Request| async move { Ok::<_, std::convert::Infallible>(Response::new(request.into_body())) },
        );
    let site = Site::serve(
        MockAlb::layer,
        |auth| auth,
        |auth| Router::new().nest("/api/auth", router_with_fallback(auth, echo)),
    )
    .await;
    let sent = "x".repeat(3 << 20);
    let request = site.request("/github/handler/frame").method(Method::POST).body(sent.clone());
    assert_eq!(site.send(request).await.body, sent);
}
