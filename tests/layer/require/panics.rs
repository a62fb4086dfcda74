//! F-43: code of the application that panics, seen by a client that keeps its connection.

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{Router, routing::get};
use tower_alb_auth::{
    AlbAuthLayer, RequireLayer,
    sign_in::{ClaimsOnly, from_fn},
    test_util::{MockAlb, User},
};
use tracing::Level;

use crate::{
    support::traced::Traced,
    support::wire::{Caller, Http},
};

async fn serve(routes: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, routes).await });
    address
}

/// Panics the first time.
fn once() -> impl Fn() + Send + Sync + 'static {
    let calls = AtomicUsize::new(0);
    move || assert!(calls.fetch_add(1, Ordering::SeqCst) > 0, "a bug that names jane")
}

#[tokio::test]
async fn f_43_a_test_that_panics_is_500_for_that_request_and_the_next_one_is_fine() {
    let (traced, _guard) = Traced::begin();
    let alb = MockAlb::new();
    let check = once();
    let require = RequireLayer::claims_match("level is 3", move |_| {
        check();
        true
    });
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(ClaimsOnly).build().expect("sound"));
    let routes = Router::new().route("/", get(|| async { "in" }).route_layer(require)).layer(layer);
    let caller = Caller::new(Http::One, serve(routes).await);
    let answer = caller.call(alb.request("/").user(&User::jane())).await;
    assert_eq!(answer.said(), (500, "This part of the application is set up wrongly.\n"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(caller.call(alb.request("/").user(&User::jane())).await.said(), (200, "in"));
    let errors = traced.lines(Level::ERROR);
    assert!(
        errors.iter().any(|line| line.contains("RequireLayer::claims_match panicked, required: level is 3")),
        "{errors:?}"
    );
    assert!(!traced.all().contains("a bug"), "{}", traced.all());
}

#[tokio::test]
async fn f_43_a_policy_that_panics_does_not_end_the_connection() {
    for http in [Http::One, Http::Two] {
        let alb = MockAlb::new();
        let check = once();
        let policy = from_fn(move |claims| {
            check();
            tower_alb_auth::EntityRef::user(claims.subject())
                .map(tower_alb_auth::sign_in::SignIn::user)
                .map_err(|error| tower_alb_auth::sign_in::SignInError::refused(error.to_string()))
        });
        let layer = AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("sound"));
        let caller = Caller::new(http, serve(Router::new().route("/", get(|| async { "in" })).layer(layer)).await);
        let jane = User::okta("jane");
        let answer = caller.call(alb.request("/").user(&jane)).await;
        assert_eq!(answer.said(), (503, crate::support::wire::SAYS_503), "{http:?}");
        assert!(answer.header("retry-after").is_some());
        assert_eq!(caller.call(alb.request("/").user(&jane)).await.said(), (200, "in"), "{http:?}");
    }
}
