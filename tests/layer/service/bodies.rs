//! Bodies: which ones a refusal can be written into, and that the layer reads none.

use std::{
    convert::Infallible,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use tower::{Layer as _, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AuthError, AuthErrorKind, BackstageIdentity,
    test_util::{MockAlb, User},
};

use crate::{
    service::inside::{JANE, jane},
    support::UNIFORM_401,
};

/// The refusal of a request without a token, where the application answers with bodies of this type.
async fn refusal<B: Default + 'static>() -> Response<B> {
    let alb = MockAlb::new();
    let service =
        alb.layer().layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(B::default()))));
    let response = service.oneshot(alb.request("/").into()).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert_eq!(response.extensions().get::<AuthError>().map(AuthError::kind), Some(AuthErrorKind::Missing));
    response
}

#[tokio::test]
async fn bodies_that_are_known_get_the_sentence_and_others_stay_empty() {
    #[derive(Debug, PartialEq, Default)]
    struct Own(Option<Rc<str>>);

    assert_eq!(refusal::<String>().await.into_body(), UNIFORM_401);
    assert_eq!(refusal::<Vec<u8>>().await.into_body(), UNIFORM_401.as_bytes());
    assert_eq!(refusal::<Bytes>().await.into_body(), UNIFORM_401);
    let full = refusal::<Full<Bytes>>().await.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(full, UNIFORM_401);
    assert_eq!(refusal::<Own>().await.into_body(), Own(None));
    refusal::<()>().await.into_body();
}

#[tokio::test]
async fn a_closure_serves_bodies_without_a_default() {
    struct Own(&'static str);

    let alb = MockAlb::new();
    let layer = alb.layer().refuse_with(|error, _| {
        let mut response = Response::new(Own(error.client_message()));
        *response.status_mut() = error.status();
        response
    });
    let service = layer.layer(service_fn(async |_: Request<()>| Ok::<_, Infallible>(Response::new(Own("welcome")))));
    let refused = service.clone().oneshot(alb.request("/").into()).await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.body().0), (401, UNIFORM_401.trim_end()));
    let welcome = service.oneshot(jane(&alb).into()).await.unwrap();
    assert_eq!((welcome.status().as_u16(), welcome.body().0), (200, "welcome"));
}

/// A body that must not be read.
struct Untouchable;

impl Body for Untouchable {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("the body was read")
    }

    fn is_end_stream(&self) -> bool {
        panic!("the body was asked whether it ends")
    }
}

#[tokio::test]
async fn f_25_no_body_is_read_on_either_side() {
    let alb = MockAlb::new();
    let layer = alb
        .layer()
        .optional()
        .exempt_path("/healthz")
        .refuse_with(|error, _| Response::builder().status(error.status()).body(Untouchable).unwrap());
    let service = layer.layer(service_fn(async |request: Request<Untouchable>| {
        Ok::<_, Infallible>(Response::new(request.into_body()))
    }));
    let forged = crate::service::tokens::forged(&alb.sign(&User::jane()));
    for (case, request, status) in [
        ("a user, key to be fetched", jane(&alb), 200),
        ("a user, key known", jane(&alb), 200),
        ("nobody", alb.request("/"), 200),
        ("exempt", alb.request("/healthz"), 200),
        ("a forged token", alb.request("/").token(&forged), 401),
        ("no token", alb.request("/").token("bad"), 401),
    ] {
        let response = service.clone().oneshot(request.body(Untouchable)).await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{case}");
    }
}

/// On a runtime of one thread nothing has to be `Send`: neither bodies, nor the service, nor its future.
#[tokio::test]
async fn f_25_bodies_and_services_that_stay_on_one_thread_work_too() {
    let alb = MockAlb::new();
    let greeting = Rc::new("hello");
    let service = alb.layer().layer(service_fn(move |request: Request<Rc<str>>| {
        let greeting = Rc::clone(&greeting);
        async move {
            tokio::task::yield_now().await;
            let user = request.extensions().get::<BackstageIdentity>().map(|user| user.user_entity_ref().to_string());
            let said: Rc<String> = Rc::new(format!("{greeting} {} {}", user.unwrap_or_default(), request.body()));
            Ok::<_, Infallible>(Response::new(said))
        }
    }));
    for round in ["key to be fetched", "key known"] {
        let response = service.clone().oneshot(jane(&alb).body(Rc::from("there"))).await.unwrap();
        assert_eq!(**response.body(), format!("hello {JANE} there"), "{round}");
    }
    let refused = service.oneshot(alb.request("/").body(Rc::from("there"))).await.unwrap();
    assert_eq!(refused.status().as_u16(), 401);
}
