//! The layers compose with those of tower-http 0.6 and 0.7: inside and outside of each, in axum and in tonic.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::IntoResponse,
    routing::{Route, get},
};
use bytes::Bytes;
use futures::FutureExt as _;
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use tonic::{
    Code,
    service::Routes,
    transport::{Endpoint, Server, server::TcpIncoming},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower::{Layer, Service, ServiceBuilder, ServiceExt as _, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, RequireLayer,
    test_util::{MockAlb, User},
};

use crate::support::UNIFORM_401;

/// A layer that axum takes, and what its service answers requests of three users with.
async fn check_axum<L>(alb: &MockAlb, stack: L)
where
    L: Layer<Route> + Clone + Send + Sync + 'static,
    L::Service: Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request>>::Response: IntoResponse + 'static,
    <L::Service as Service<Request>>::Future: Send + 'static,
{
    let app = Router::new().route("/", get(async || "welcome")).layer(stack);
    let (allowed, refused) = (User::jane().claim("team", "platform"), User::jane());
    for (request, status, text) in [
        (alb.request("/"), StatusCode::UNAUTHORIZED, UNIFORM_401),
        (alb.request("/").user(&refused), StatusCode::FORBIDDEN, ""),
        (alb.request("/").user(&allowed), StatusCode::OK, "welcome"),
    ] {
        let response = app.clone().oneshot(request.body(Body::empty())).await.unwrap();
        assert_eq!(response.status(), status);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(!body.is_empty() && body.starts_with(text.as_bytes()), "{status}: {body:?}");
    }
}

/// The same for tonic, whose server makes the connections.
async fn check_tonic<L, B>(alb: &MockAlb, stack: L)
where
    L: Layer<Routes> + Clone + Send + Sync + 'static,
    L::Service:
        Service<http::Request<tonic::body::Body>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    <L::Service as Service<http::Request<tonic::body::Body>>>::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tonic::codegen::StdError>,
{
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = incoming.local_addr().unwrap();
    let (_, health) = tonic_health::server::health_reporter();
    tokio::spawn(Server::builder().layer(stack).add_service(health).serve_with_incoming(incoming));
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let call = async |user: Option<User>| {
        let mut request = tonic::Request::new(HealthCheckRequest::default());
        if let Some(user) = user {
            request.metadata_mut().insert("x-amzn-oidc-data", alb.sign(&user).parse().unwrap());
        }
        HealthClient::new(channel.clone()).check(request).await.map(drop).map_err(|status| status.code())
    };
    assert_eq!(call(None).await, Err(Code::Unauthenticated));
    assert_eq!(call(Some(User::jane())).await, Err(Code::PermissionDenied));
    assert_eq!(call(Some(User::jane().claim("team", "platform"))).await, Ok(()));
}

fn require() -> RequireLayer {
    RequireLayer::claim_equals("team", "platform")
}

/// One layer of tower-http, at each place. The stack of the last place has no `with_refusal_body`: a body with a `Default` needs none.
macro_rules! composes {
    ($($name:ident: $layer:expr, $default:tt;)+) => {
        $(#[tokio::test]
        async fn $name() {
            let alb = MockAlb::new();
            let auth = || alb.layer();
            let outside = ServiceBuilder::new().layer($layer).layer(auth()).layer(require());
            check_axum(&alb, outside.clone()).await;
            check_tonic(&alb, outside).await;

            let between = ServiceBuilder::new().layer(auth().with_refusal_body()).layer($layer).layer(require());
            check_axum(&alb, between.clone()).await;
            check_tonic(&alb, between).await;

            let inside = ServiceBuilder::new()
                .layer(auth().with_refusal_body())
                .layer(require().with_refusal_body())
                .layer($layer);
            check_axum(&alb, inside.clone()).await;
            check_tonic(&alb, inside).await;

            composes!(@default $default, alb, $layer);
        })+
    };
    (@default true, $alb:ident, $layer:expr) => {
        let plain = ServiceBuilder::new().layer($alb.layer()).layer(require()).layer($layer);
        check_tonic(&$alb, plain).await;
    };
    (@default false, $alb:ident, $layer:expr) => {};
}

macro_rules! with_tower_http {
    ($version:ident, $tower_http:ident, $limit_has_default:tt) => {
        mod $version {
            use $tower_http::{
                catch_panic::CatchPanicLayer, compression::CompressionLayer, cors::CorsLayer,
                limit::RequestBodyLimitLayer, timeout::TimeoutLayer, trace::TraceLayer,
            };

            use super::*;

            fn timeout() -> TimeoutLayer {
                TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_secs(30))
            }

            composes! {
                trace: TraceLayer::new_for_http(), false;
                trace_of_grpc: TraceLayer::new_for_grpc(), false;
                request_body_limit: RequestBodyLimitLayer::new(4096), $limit_has_default;
                timeout_of_requests: timeout(), true;
                compression: CompressionLayer::new(), true;
                cors: CorsLayer::permissive(), true;
                catch_panic: CatchPanicLayer::new(), false;
            }

            /// `CorsLayer` and `TimeoutLayer` need a `Default` of the body inside: a `RefusalBody` has one, `TraceLayer`'s has none.
            #[tokio::test]
            async fn all_of_them_on_both_sides() {
                let alb = MockAlb::new();
                let stack = ServiceBuilder::new()
                    .layer(TraceLayer::new_for_http())
                    .layer(CatchPanicLayer::new())
                    .layer(RequestBodyLimitLayer::new(4096))
                    .layer(CompressionLayer::new())
                    .layer(CorsLayer::permissive())
                    .layer(timeout())
                    .layer(alb.layer().with_refusal_body())
                    .layer(require().with_refusal_body())
                    .layer(TraceLayer::new_for_http())
                    .layer(CatchPanicLayer::new())
                    .layer(RequestBodyLimitLayer::new(4096))
                    .layer(CompressionLayer::new())
                    .layer(CorsLayer::permissive())
                    .layer(timeout());
                check_axum(&alb, stack.clone()).await;
                check_tonic(&alb, stack).await;
            }
        }
    };
}

with_tower_http!(tower_http_0_6, tower_http06, false);
with_tower_http!(tower_http_0_7, tower_http, true);

/// The form of refusals can be chosen before, a closure's included.
#[tokio::test]
async fn refusals_keep_their_form_in_a_body_of_their_own() {
    let alb = MockAlb::new();
    let trace = tower_http::trace::TraceLayer::new_for_http();
    let text = async |response: Response<_>| -> String {
        let body = response.into_body();
        let body = http_body_util::BodyExt::collect(body).await.expect("a body").to_bytes();
        String::from_utf8(body.to_vec()).expect("UTF-8")
    };
    let inner = service_fn(async |_: http::Request<String>| Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())));

    let json = alb.layer().refuse_with_backstage_json().with_refusal_body();
    let service = ServiceBuilder::new().layer(json).layer(trace.clone()).service(inner);
    let refused = service.oneshot(alb.request("/").into()).await.unwrap();
    assert_eq!(refused.headers()["content-type"], "application/json; charset=utf-8");
    assert!(text(refused.map(Body::new)).await.contains("AuthenticationError"));

    let own = alb.layer().refuse_with(|error, _| {
        let mut response = Response::new(Bytes::from_static(b"own").into());
        *response.status_mut() = error.status();
        response
    });
    let service = ServiceBuilder::new().layer(own.with_refusal_body()).layer(trace).service(inner);
    let refused = service.oneshot(alb.request("/").into()).await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(text(refused.map(Body::new)).await, "own");
}

/// The default for a refusal's body is empty, whatever is inside.
#[test]
fn an_empty_body_needs_no_inner_one() {
    struct NoDefault;

    let _: tower_alb_auth::layer::RefusalBody<NoDefault> = Default::default();
    let body = tower_alb_auth::layer::RefusalBody::<Body>::default();
    assert!(http_body::Body::is_end_stream(&body));
    assert_eq!(http_body::Body::size_hint(&body).exact(), Some(0));
    assert!(body.collect().now_or_never().expect("ready").expect("a body").to_bytes().is_empty());
}

/// A layer that stands alone is not changed.
#[tokio::test]
async fn without_a_body_of_their_own_the_type_stays() {
    let alb = MockAlb::new();
    let layer: AlbAuthLayer = alb.layer();
    let inner = service_fn(async |_: http::Request<String>| Ok::<_, Infallible>(Response::new(String::new())));
    let response: Response<String> = layer.layer(inner).oneshot(alb.request("/").into()).await.unwrap();
    assert_eq!(response.into_body(), UNIFORM_401);
}
