//! Plain hyper servers behind the layer, with `Full<Bytes>` bodies, over real connections of both protocols.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::support::wire::{Caller, Http, SAYS_401, SAYS_403, SAYS_503};
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tower::{Layer, service_fn};
use tower_alb_auth::{
    AlbAuthLayer, BackstageIdentity,
    layer::Refuse,
    test_util::{KeyServerMode, MockAlb, MockRequest, User},
};

const BOTH: [Http; 2] = [Http::One, Http::Two];

/// A server that says who came, on a free port until the test ends.
struct Served {
    address: SocketAddr,
    calls: Arc<AtomicUsize>,
}

impl Served {
    async fn new<R>(layer: AlbAuthLayer<R>) -> Self
    where
        R: Refuse<Full<Bytes>, Body = Full<Bytes>> + Clone + Send + 'static,
    {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&calls);
        let service = layer.layer(service_fn(move |request: Request<Incoming>| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move { Ok::<_, Infallible>(greet(&request)) }
        }));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let service = TowerToHyperService::new(service.clone());
                let server = auto::Builder::new(TokioExecutor::new());
                tokio::spawn(async move {
                    // A client that goes away is no failure.
                    let _ = server.serve_connection(TokioIo::new(connection), service).await;
                });
            }
        });
        Self { address, calls }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

fn greet(request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let user = request.extensions().get::<BackstageIdentity>();
    let user = user.map_or("nobody".to_owned(), |user| user.user_entity_ref().to_string());
    Response::new(user.into())
}

fn guest() -> User {
    User::jane().claim("email", "jane@partner.example")
}

#[tokio::test]
async fn users_come_in_and_others_read_why_not() {
    let mut alb = MockAlb::new().serve().await;
    let served = Served::new(alb.layer()).await;
    for http in BOTH {
        let caller = Caller::new(http, served.address);
        let answer = caller.call(alb.request("/").user(&User::jane())).await;
        assert_eq!(answer.said(), (200, "user:default/jane.doe"), "{http:?}");
        assert_eq!(answer.header("cache-control"), Some("private"), "{http:?}");

        let refused = caller.call(alb.request("/")).await;
        assert_eq!(refused.said(), (401, SAYS_401), "{http:?}");
        assert_eq!(refused.header("content-length"), Some(SAYS_401.len().to_string().as_str()), "{http:?}");
        assert_eq!(refused.header("cache-control"), Some("no-store"), "{http:?}");

        let refused = caller.call(alb.request("/").user(&guest())).await;
        assert_eq!(refused.said(), (403, SAYS_403), "{http:?}");
    }
    assert_eq!(served.calls(), 2);

    alb.set_key_server(KeyServerMode::Status(500));
    alb.rotate();
    for http in BOTH {
        let refused = Caller::new(http, served.address).call(alb.request("/").user(&User::jane())).await;
        assert_eq!(refused.said(), (503, SAYS_503), "{http:?}");
        assert!(refused.header("retry-after").is_some(), "{http:?}");
    }
    assert_eq!(served.calls(), 2);
}

#[tokio::test]
async fn a_refusal_of_head_has_the_headers_and_no_body() {
    let alb = MockAlb::new();
    let served = Served::new(alb.layer()).await;
    for http in BOTH {
        let refused = Caller::new(http, served.address).call(alb.request("/").method(Method::HEAD)).await;
        assert_eq!(refused.said(), (401, ""), "{http:?}");
        assert_eq!(refused.header("content-length"), Some(SAYS_401.len().to_string().as_str()), "{http:?}");
    }
}

#[tokio::test]
async fn a_closure_makes_other_refusals() {
    let alb = MockAlb::new();
    let layer = alb.layer().refuse_with(|error, request| {
        let sentence = format!("<p>{} {error}", request.uri.path());
        let mut response = Response::new(Full::from(sentence));
        *response.status_mut() = error.status();
        response
    });
    let served = Served::new(layer).await;
    for http in BOTH {
        let refused = Caller::new(http, served.address).call(alb.request("/page")).await;
        assert_eq!(refused.said(), (401, "<p>/page This needs a sign-in through the load balancer."), "{http:?}");
        assert_eq!(refused.header("cache-control"), Some("no-store"), "{http:?}");
    }
}

/// A body that never ends must neither be waited for nor held in memory.
#[tokio::test]
async fn f_25_a_decision_is_made_without_the_body() {
    type Endless = BoxBody<Bytes, Infallible>;
    let alb = MockAlb::new();
    let served = Served::new(alb.layer()).await;
    let endless = || -> Endless {
        let never = futures::stream::pending::<Result<Frame<Bytes>, Infallible>>();
        BodyExt::boxed(StreamBody::new(never))
    };
    let post = |request: MockRequest<'_>, http| {
        let mut request = request.method(Method::POST).body(endless());
        *request.uri_mut() = format!("http://{}/", served.address).parse().expect("an address");
        let builder = hyper_util::client::legacy::Client::builder(TokioExecutor::new());
        let client = builder.clone().http2_only(http == Http::Two).build_http::<Endless>();
        async move { client.request(request).await.expect("an answer").status() }
    };
    for http in BOTH {
        let refused = post(alb.request("/").user(&guest()), http).await;
        assert_eq!(refused, StatusCode::FORBIDDEN, "{http:?}");
        assert_eq!(post(alb.request("/"), http).await, StatusCode::UNAUTHORIZED, "{http:?}");
        assert_eq!(post(alb.request("/").user(&User::jane()), http).await, StatusCode::OK, "{http:?}");
    }
    assert_eq!(served.calls(), 2);
}

/// A load balancer keeps its connections to a target, and sends requests of all users over them.
#[tokio::test]
async fn a_refusal_leaves_the_connection_to_the_next_request() {
    let alb = MockAlb::new();
    let served = Served::new(alb.layer()).await;
    let jane = format!("x-amzn-oidc-data: {}\r\n", alb.sign(&User::jane()));
    let post = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n";
    let requests = [
        format!("{post}\r\nhello"),
        format!("{post}{jane}\r\nhello"),
        format!("{post}x-amzn-oidc-data: a.b.c\r\n\r\nhello"),
        format!("{post}{jane}connection: close\r\n\r\nhello"),
    ];
    let answers = exchange(&served, &requests.concat()).await;
    let statuses: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["401", "200", "401", "200"], "{answers}");
}

/// Sends these bytes over one connection, and gives all that comes back until the server closes it.
async fn exchange(served: &Served, requests: &str) -> String {
    let mut connection = TcpStream::connect(served.address).await.expect("a connection");
    connection.write_all(requests.as_bytes()).await.expect("written");
    let mut answers = String::new();
    connection.read_to_string(&mut answers).await.expect("answers in UTF-8");
    answers
}

/// Header lines as they may stand on the wire, `{}` where the token is.
#[tokio::test]
async fn s_02_s_07_header_lines_as_they_stand_on_the_wire() {
    let alb = MockAlb::new();
    let served = Served::new(alb.layer()).await;
    let cases = [
        ("as a load balancer writes it", "x-amzn-oidc-data: {}\r\n", "200"),
        ("no space", "x-amzn-oidc-data:{}\r\n", "200"),
        ("spaces around, which no service sees", "x-amzn-oidc-data: \t {} \t\r\n", "200"),
        ("capitals", "X-Amzn-Oidc-Data: {}\r\n", "200"),
        ("capitals, another value", "X-AMZN-OIDC-DATA: {}\r\nx-amzn-oidc-data: a.b.c\r\n", "401"),
        ("twice", "x-amzn-oidc-data: {}\r\nx-amzn-oidc-data: {}\r\n", "401"),
        ("joined by a comma", "x-amzn-oidc-data: {},{}\r\n", "401"),
        ("joined by a comma and a space", "x-amzn-oidc-data: {}, a.b.c\r\n", "401"),
        ("folded, which RFC 9112 took away", "x-amzn-oidc-data: {}\r\n a.b.c\r\n", "400"),
        ("a space before the colon", "x-amzn-oidc-data : {}\r\n", "400"),
        ("underscores", "x_amzn_oidc_data: {}\r\n", "401"),
        ("in quotes", "x-amzn-oidc-data: \"{}\"\r\n", "401"),
        ("as a bearer token", "authorization: Bearer {}\r\n", "401"),
        ("empty, then good", "x-amzn-oidc-data:\r\nx-amzn-oidc-data: {}\r\n", "401"),
        ("empty", "x-amzn-oidc-data:\r\n", "401"),
    ];
    for (name, lines, expected) in cases {
        let lines = lines.replace("{}", &alb.sign(&User::jane()));
        let request = format!("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{lines}\r\n");
        let answer = exchange(&served, &request).await;
        assert_eq!(answer.split(' ').nth(1), Some(expected), "{name}: {answer}");
    }
}

/// Request targets as they may stand on the wire: whatever a reader makes of a fragment, it does not make a path exempt.
#[tokio::test]
async fn s_73_fragments_as_they_stand_on_the_wire() {
    let alb = MockAlb::new();
    let served = Served::new(alb.layer().exempt_path("/healthz")).await;
    for target in
        ["/me#/healthz", "/me?#/healthz", "/#/healthz", "/me%23/healthz", "/healthz%23", "http://localhost/me#/healthz"]
    {
        let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let answer = exchange(&served, &request).await;
        assert_eq!(answer.split(' ').nth(1), Some("401"), "{target}: {answer}");
    }
    assert_eq!(served.calls(), 0);
    let probe = exchange(&served, "GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await;
    assert_eq!((probe.split(' ').nth(1), served.calls()), (Some("200"), 1), "{probe}");
}
