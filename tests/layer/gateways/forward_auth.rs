//! S-79: a gateway as Traefik's `forwardAuth` or Envoy's `ext_authz` over HTTP: it asks with the client's method and headers,
//! and lets the request pass on any 2xx.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, body::Body, extract::State, response::Response, routing::any};
use futures::{StreamExt as _, stream};
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use tokio::net::TcpListener;
use tower_alb_auth::test_util::MockAlb;

use crate::gateways::{
    quickstart::Quickstart,
    variants::{self, Sender, Variant},
};

type Asking = Client<HttpConnector, Full<bytes::Bytes>>;

/// How a gateway asks.
#[derive(Debug, Clone, Copy)]
struct How {
    /// Over HTTP/2 with prior knowledge, as Envoy does where its cluster is configured so; else over HTTP/1.1.
    http2: bool,
    /// With the client's method, as Envoy does, and Traefik by `preserveRequestMethod`; else by GET.
    keeps_method: bool,
    /// Whether it hands the client's body on, as Envoy by `with_request_body` and Traefik by `forwardBody`.
    keeps_body: bool,
}

#[derive(Clone)]
struct Gateway {
    asking: Asking,
    auth: String,
    how: How,
    passed: Arc<AtomicUsize>,
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn gateway(State(gateway): State<Gateway>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let mut asked = Request::new(Full::default());
    *asked.uri_mut() = format!("http://{}", gateway.auth).parse::<Uri>().expect("an address");
    *asked.headers_mut() = without_hop_by_hop(parts.headers);
    if gateway.how.keeps_method {
        *asked.method_mut() = parts.method;
    }
    if gateway.how.keeps_body {
        *asked.body_mut() = Full::new(body);
    } else if asked.method() != Method::GET && asked.method() != Method::HEAD {
        // As Envoy and Go's client say that there is no body.
        asked.headers_mut().insert(header::CONTENT_LENGTH, 0.into());
    }
    if gateway.how.http2 {
        *asked.version_mut() = http::Version::HTTP_2;
        asked.headers_mut().remove(header::HOST);
    }
    let answer = gateway.asking.request(asked).await.expect("an answer");
    if answer.status().is_success() {
        gateway.passed.fetch_add(1, Ordering::SeqCst);
        return Response::new(Body::from("what is behind"));
    }
    answer.map(Body::new)
}

/// What ends at a hop (RFC 9110 section 7.6.1), and the length of the body, which is another one.
fn without_hop_by_hop(mut headers: HeaderMap) -> HeaderMap {
    for name in [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE, header::CONTENT_LENGTH] {
        headers.remove(name);
    }
    headers
}

/// Sends every variant through a gateway that asks this application, and gives how many that should have been stopped were
/// let pass. Jane always passes.
async fn let_pass(alb: &MockAlb, auth: Router, how: How) -> Vec<String> {
    let auth = format!("{}/auth", serve(auth).await);
    through(auth, how, variants::all(alb, "/page")).await
}

async fn through(auth: String, how: How, variants: Vec<Variant>) -> Vec<String> {
    let asking = Client::builder(TokioExecutor::new()).http2_only(how.http2).build_http();
    let passed = Arc::new(AtomicUsize::new(0));
    let state = Gateway { asking, auth, how, passed: Arc::clone(&passed) };
    let door = serve(Router::new().fallback(any(gateway)).with_state(state)).await;
    let client: Asking = Client::builder(TokioExecutor::new()).build_http();

    let janes = variants.iter().filter(|variant| variant.sender == Sender::Jane).count();
    let wrong: Vec<String> = stream::iter(variants)
        .map(|variant| {
            let (client, mut request) = (client.clone(), variant.request);
            *request.uri_mut() = format!("http://{door}/page").parse().expect("an address");
            async move {
                let sent = request.map(|body| Full::new(body.into()));
                let answer = client.request(sent).await.expect("an answer");
                let expected: &[StatusCode] = match variant.sender {
                    Sender::Jane => &[StatusCode::OK],
                    Sender::Guest => &[StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED],
                    Sender::Stranger | Sender::Forger => &[StatusCode::UNAUTHORIZED],
                };
                let is_right = expected.contains(&answer.status());
                (!is_right).then(|| format!("{} -> {}", variant.name, answer.status()))
            }
        })
        .buffer_unordered(16)
        .filter_map(async |wrong| wrong)
        .collect()
        .await;
    assert_eq!(passed.load(Ordering::SeqCst), janes + wrong.len(), "{how:?}: {wrong:?}");
    wrong
}

fn application(layer: tower_alb_auth::AlbAuthLayer) -> Router {
    Router::new().route("/auth", any(async || "")).layer(layer)
}

const ASKS: [How; 5] = [
    How { http2: false, keeps_method: false, keeps_body: false },
    How { http2: false, keeps_method: true, keeps_body: false },
    How { http2: false, keeps_method: true, keeps_body: true },
    How { http2: true, keeps_method: false, keeps_body: false },
    How { http2: true, keeps_method: true, keeps_body: false },
];

/// By every way in which a gateway asks but one: see below.
#[tokio::test]
async fn s_79_a_gateway_lets_pass_what_has_a_good_token_and_nothing_else() {
    let alb = MockAlb::new().serve().await;
    for how in ASKS {
        assert_eq!(let_pass(&alb, application(alb.layer()), how).await, Vec::<String>::new(), "{how:?}");
    }
}

/// A gateway that asks over HTTP/2, by the client's method, with the client's body, sends what a client of gRPC sends. For it
/// there is `refuse_by_http_status`; without, it lets calls of gRPC pass, and nothing but them.
#[tokio::test]
async fn s_79_a_gateway_that_hands_whole_grpc_calls_on_needs_refusals_by_http_status() {
    let alb = MockAlb::new().serve().await;
    let how = How { http2: true, keeps_method: true, keeps_body: true };
    let layer = alb.layer().refuse_by_http_status();
    assert_eq!(let_pass(&alb, application(layer), how).await, Vec::<String>::new());

    let let_pass = let_pass(&alb, application(alb.layer()), how).await;
    assert!(!let_pass.is_empty(), "then the method and its documentation can go");
    for variant in let_pass {
        let is_call = variant.contains(" POST [\"application/grpc") || variant.contains(" POST [\"APPLICATION/GRPC\"]");
        assert!(is_call, "{variant}");
    }
}

/// The example takes a layer as it comes, and is copied.
#[tokio::test]
async fn s_79_a_gateway_that_asks_the_example_quickstart_lets_no_stranger_pass() {
    let quickstart = Quickstart::start().await;
    // Signs for no user that the example knows: it rejects all of these.
    let alb = MockAlb::new();
    for how in ASKS {
        let strangers = variants::all(&alb, "/page").into_iter().filter(|variant| variant.sender == Sender::Stranger);
        let wrong = through(format!("{}/me", quickstart.application), how, strangers.collect()).await;
        assert_eq!(wrong, Vec::<String>::new(), "{how:?}");
    }
}
