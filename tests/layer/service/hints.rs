//! What the log shows of a request without a token: a preflight request, and a path of a nested router.

use axum::{Router, body::Body, routing::get};
use http::{HeaderName, Method, header};
use tower::ServiceExt as _;
use tower_alb_auth::{AuthErrorKind::Missing, test_util::MockAlb};
use tracing::Level;

use crate::{service::inside::Inside, support::traced::Traced};

const PREFLIGHT: [(HeaderName, &str); 2] =
    [(header::ORIGIN, "https://app.example.com"), (header::ACCESS_CONTROL_REQUEST_METHOD, "PUT")];

#[tokio::test]
async fn a_preflight_request_is_named_in_the_log_and_refused() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let app = Inside::of(alb.layer());
    let preflight =
        || PREFLIGHT.into_iter().fold(alb.request("/api"), |request, (name, value)| request.header(name, value));
    let named = || traced.lines(Level::DEBUG).iter().filter(|line| line.contains("CORS preflight")).count();

    app.call(preflight().method(Method::OPTIONS)).await.assert_refused("a preflight", Missing);
    assert_eq!(named(), 1, "{:?}", traced.lines(Level::DEBUG));

    app.call(preflight().method(Method::PUT)).await.assert_refused("another method", Missing);
    app.call(alb.request("/api").method(Method::OPTIONS)).await.assert_refused("without an origin", Missing);
    assert_eq!(named(), 1, "{:?}", traced.lines(Level::DEBUG));
}

#[tokio::test]
async fn an_exempt_path_with_the_prefix_of_a_nested_router_is_a_warning_once() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let nested = Router::new().route("/healthz", get(|| async { "ok" })).layer(alb.layer().exempt_path("/api/healthz"));
    let app: Router = Router::new().nest("/api", nested);
    let warnings = || traced.lines(Level::WARN).into_iter().filter(|line| line.contains("nested router")).count();
    for _ in 0..2 {
        let probe = alb.request("/api/healthz").body(Body::empty());
        assert_eq!(app.clone().oneshot(probe).await.unwrap().status(), 401);
        assert_eq!(warnings(), 1, "{:?}", traced.lines(Level::WARN));
    }
    let other = Inside::of(alb.layer().exempt_path("/api/healthz"));
    other.call(alb.request("/")).await.assert_refused("the root", Missing);
    other.call(alb.request("/pi/healthz")).await.assert_refused("a part of a segment", Missing);
    assert_eq!(warnings(), 1, "{:?}", traced.lines(Level::WARN));
}

#[tokio::test]
async fn exempting_the_root_is_a_warning_that_names_its_effect() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let _ = alb.layer().exempt_path("/");
    let warnings = traced.lines(Level::WARN);
    assert!(warnings.iter().any(|line| line.contains("even if one is signed in")), "{warnings:?}");
}

#[test]
#[should_panic(expected = "a path begins with /")]
fn s_73_a_path_without_a_slash_in_front_is_refused() {
    let _ = MockAlb::new().layer().exempt_path("healthz");
}

#[test]
#[should_panic(expected = "a path begins with /")]
fn s_73_an_empty_path_is_refused() {
    let _ = MockAlb::new().layer().exempt_path_for_methods("", [Method::POST]);
}
