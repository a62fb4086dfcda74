//! F-29, F-30: the contract of a tower service, and an inner service that fails.

use std::{
    convert::Infallible,
    future::Ready,
    panic::AssertUnwindSafe,
    pin::pin,
    task::{Context, Poll},
};

use futures::FutureExt as _;
use http::{Request, Response};
use tower::{BoxError, Layer as _, Service, ServiceBuilder, ServiceExt as _, limit::ConcurrencyLimitLayer, service_fn};
use tower_alb_auth::{
    AuthError,
    AuthErrorKind::{self, InvalidSignature, Missing, UnknownKey},
    test_util::{KeyServerMode, MockAlb, MockRequest, User},
};

use crate::service::{inside::jane, tokens::forged};

const NOBODYS_KID: &str = "00000000-0000-4000-8000-000000000000";

fn kind(response: &Response<String>) -> Option<AuthErrorKind> {
    response.extensions().get::<AuthError>().map(AuthError::kind)
}

fn forger(alb: &MockAlb) -> MockRequest<'_> {
    alb.request("/").token(&forged(&alb.sign(&User::jane())))
}

/// Refused only after its key was asked for.
fn of_no_known_key(alb: &MockAlb) -> MockRequest<'_> {
    alb.request("/").token(&alb.token(&User::jane()).header("kid", NOBODYS_KID).sign())
}

#[tokio::test]
async fn f_29_it_is_ready_when_the_inner_service_is() {
    let alb = MockAlb::new();
    alb.set_key_server(KeyServerMode::Silent);
    let (inner, mut handle) = tower_test::mock::pair::<Request<String>, Response<String>>();
    let mut service = alb.layer().layer(inner);
    handle.allow(0);
    assert!(service.ready().now_or_never().is_none(), "the inner service is not ready");
    handle.allow(1);
    assert!(matches!(service.ready().now_or_never(), Some(Ok(_))), "keys are not waited for");
    // The inner service is gone.
    handle.send_error("gone for good");
    let error = service.ready().await.map(drop).expect_err("the inner service's error");
    assert!(error.to_string().contains("gone for good"), "{error}");
}

/// Tells whether it was readied; a clone was not, whatever the original.
#[derive(Debug, Default)]
struct Picky {
    ready: bool,
}

impl Clone for Picky {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Service<Request<String>> for Picky {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.ready = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        assert!(std::mem::take(&mut self.ready), "called without being ready");
        std::future::ready(Ok(Response::new(String::new())))
    }
}

#[tokio::test]
async fn f_29_the_service_that_was_readied_is_the_one_called() {
    let mut alb = MockAlb::new();
    let mut service = alb.layer().optional().exempt_path("/healthz").layer(Picky::default());
    for round in 0..3 {
        // In any order, on one service: each call leaves it fit for the next.
        for (case, request, refused) in [
            ("key to be fetched", jane(&alb), None),
            ("key known", jane(&alb), None),
            ("nobody", alb.request("/"), None),
            ("forged", forger(&alb), Some(InvalidSignature)),
            ("exempt", alb.request("/healthz"), None),
            ("no known key", of_no_known_key(&alb), Some(UnknownKey)),
            ("key known", jane(&alb), None),
        ] {
            let response = service.ready().await.unwrap().call(request.into()).await.unwrap();
            assert_eq!(kind(&response), refused, "round {round}: {case}");
        }
        alb.rotate();
    }
}

#[tokio::test]
async fn f_29_a_buffer_and_limits_around_and_inside_let_all_honest_requests_through() {
    let alb = MockAlb::new();
    let slow = service_fn(async |_: Request<String>| {
        tokio::task::yield_now().await;
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let service = ServiceBuilder::new()
        .buffer::<Request<String>>(4)
        .concurrency_limit(8)
        .layer(alb.layer())
        .concurrency_limit(2)
        .service(slow);
    let calls = (0..100).map(|number| {
        let (service, alb) = (service.clone(), alb.clone());
        async move {
            let refused = number % 3 == 0;
            let request = if refused { forger(&alb) } else { jane(&alb) };
            let response = service.oneshot(request.into()).await.expect("no request is lost");
            assert_eq!(kind(&response), refused.then_some(InvalidSignature), "request {number}");
        }
    });
    futures::future::join_all(calls).await;
}

#[tokio::test]
async fn f_29_what_an_inner_service_sheds_comes_back_as_its_error() {
    let alb = MockAlb::new();
    let never = service_fn(|_: Request<String>| std::future::pending::<Result<Response<String>, Infallible>>());
    let service = ServiceBuilder::new().layer(alb.layer().optional()).load_shed().concurrency_limit(1).service(never);
    let mut first = pin!(service.clone().oneshot(alb.request("/").into()));
    assert!(futures::poll!(&mut first).is_pending());
    let error: BoxError = service.clone().oneshot(alb.request("/").into()).await.expect_err("overloaded");
    assert!(error.is::<tower::load_shed::error::Overloaded>(), "{error}");
    // A refusal needs nothing of the overloaded service.
    assert_eq!(kind(&service.oneshot(forger(&alb).into()).await.unwrap()), Some(InvalidSignature));
}

#[tokio::test]
async fn f_29_refused_requests_keep_no_permit_though_their_services_live_on() {
    const PERMITS: usize = 3;
    type Case = (&'static str, for<'a> fn(&'a MockAlb) -> MockRequest<'a>, AuthErrorKind);
    let cases: [Case; 3] = [
        ("missing", |alb| alb.request("/"), Missing),
        ("forged", forger, InvalidSignature),
        ("no known key", of_no_known_key, UnknownKey),
    ];
    for warm in [false, true] {
        for (case, request, reason) in cases {
            let alb = MockAlb::new();
            let welcome = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())));
            let service = alb.layer().layer(ConcurrencyLimitLayer::new(PERMITS).layer(welcome));
            if warm {
                service.clone().oneshot(jane(&alb).into()).await.unwrap();
            }
            let mut idle = Vec::new();
            for _ in 0..PERMITS {
                // As a connection does: it keeps its service, and here even the future of the answer.
                let mut connection = service.clone();
                let mut answer = Box::pin(connection.ready().await.unwrap().call(request(&alb).into()));
                assert_eq!(kind(&(&mut answer).await.unwrap()), Some(reason), "{case}, warm: {warm}");
                idle.push((connection, answer));
            }
            let mut honest = service.clone();
            let ready =
                honest.ready().now_or_never().unwrap_or_else(|| panic!("{case}, warm: {warm}: no permit is left"));
            let response = ready.unwrap().call(jane(&alb).into()).await.unwrap();
            assert_eq!(kind(&response), None, "{case}, warm: {warm}");
            drop(idle);
        }
    }
}

/// Whether the token is good is known only when the key is there, so until then it may be a stranger's.
#[tokio::test]
async fn f_29_a_request_that_waits_for_its_key_delays_no_other() {
    let alb = MockAlb::new();
    alb.set_key_server(KeyServerMode::Silent);
    let welcome = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())));
    let service = alb.layer().optional().layer(ConcurrencyLimitLayer::new(1).layer(welcome));
    let mut waiting = Box::pin(service.clone().oneshot(jane(&alb).into()));
    assert!(futures::poll!(&mut waiting).is_pending());
    let other = service.clone().oneshot(alb.request("/").into()).now_or_never().expect("the permit is free");
    assert_eq!(kind(&other.unwrap()), None);
    assert!(futures::poll!(&mut waiting).is_pending());
}

#[tokio::test]
async fn f_29_after_the_wait_for_its_key_a_request_waits_for_the_inner_service() {
    let alb = MockAlb::new();
    let welcome = service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())));
    let service = alb.layer().layer(ConcurrencyLimitLayer::new(1).layer(welcome));
    let (mut connection, mut other) = (service.clone(), service);
    let mut answer = Box::pin(connection.ready().await.unwrap().call(jane(&alb).into()));
    other.ready().now_or_never().expect("the permit is free").unwrap();
    for _ in 0..20 {
        assert!(futures::poll!(&mut answer).is_pending(), "the other one has the permit");
        tokio::task::yield_now().await;
    }
    drop(other);
    assert_eq!(kind(&answer.await.unwrap()), None);
    assert_eq!(alb.key_fetches(), 1);
}

#[tokio::test]
async fn f_29_an_inner_service_that_breaks_during_the_wait_says_so_itself() {
    let alb = MockAlb::new();
    let (inner, mut handle) = tower_test::mock::pair::<Request<String>, Response<String>>();
    let mut service = alb.layer().layer(inner);
    handle.allow(1);
    let answer = service.ready().await.unwrap().call(jane(&alb).into());
    handle.send_error("gone for good");
    let error = answer.await.expect_err("the inner service's error");
    assert!(error.to_string().contains("gone for good"), "{error}");
}

/// An error of the application, which the layer knows nothing of and needs nothing of.
#[derive(Debug, PartialEq)]
struct Own(u32);

#[tokio::test]
async fn f_30_an_error_of_the_inner_service_comes_out_as_it_is() {
    let alb = MockAlb::new();
    let service =
        alb.layer().optional().layer(service_fn(async |_: Request<String>| Err::<Response<String>, _>(Own(7))));
    for (case, request) in [("key to be fetched", jane(&alb)), ("key known", jane(&alb)), ("nobody", alb.request("/"))]
    {
        let outcome = service.clone().oneshot(request.into()).await;
        assert_eq!(outcome.err(), Some(Own(7)), "{case}");
    }
}

#[tokio::test]
async fn f_30_a_panic_of_the_inner_service_leaves_the_layer_at_work() {
    let alb = MockAlb::new();
    let layer = alb.layer();
    let handle = layer.handle();
    // One panics when it is called, one in its future.
    let mut service = layer.layer(service_fn(|request: Request<String>| {
        assert_ne!(request.uri().path(), "/panic/call", "on purpose");
        async move {
            assert_ne!(request.uri().path(), "/panic/future", "on purpose");
            Ok::<_, Infallible>(Response::new(String::new()))
        }
    }));
    for round in 1..=2 {
        let token = alb.sign(&User::jane().claim("round", round));
        for path in ["/panic/call", "/panic/future"] {
            let request = alb.request(path).token(&token).into();
            let outcome = AssertUnwindSafe(async { service.ready().await.unwrap().call(request).await });
            assert!(outcome.catch_unwind().await.is_err(), "{path}");
            let again = service.ready().await.unwrap().call(alb.request("/").token(&token).into()).await.unwrap();
            assert_eq!(kind(&again), None, "{path}");
        }
        assert_eq!((handle.stats().tokens, handle.stats().keys), (round, 1));
        assert_eq!(handle.stats().key_fetches_under_way, 0);
    }
    assert_eq!(alb.key_fetches(), 1);
}
