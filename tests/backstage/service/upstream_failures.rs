//! Upstreams that fail, and addresses that are none.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, Version},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tower::ServiceExt;
use tower_alb_auth::backstage::Upstream;
use tracing::Level;

use crate::{
    service::upstream::{another_backend, in_front_of},
    support::{
        https::server::{Script, Server},
        traced::Traced,
    },
};

async fn ask(upstream: Upstream, request: Request<Body>) -> (u16, Value) {
    let answer = upstream.oneshot(request).await.expect("infallible");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let status = answer.status().as_u16();
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
    (status, serde_json::from_slice(&body).expect("JSON"))
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).header("host", "backstage.example.com").body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn one_that_does_not_listen_is_502_in_backstages_shape_and_names_no_machine() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = nobody.local_addr().expect("an address");
    drop(nobody);
    let upstream = Upstream::at(format!("http://{address}")).build().expect("sound");
    let (status, said) = ask(upstream, get("/api/auth/github/start?code=canary")).await;
    assert_eq!(status, 502);
    assert_eq!(
        said,
        json!({
            "error": { "name": "ServiceUnavailableError", "message": "the backend behind this one is not available" },
            "request": { "method": "GET", "url": "/api/auth/github/start" },
            "response": { "statusCode": 502 },
        })
    );
}

#[tokio::test]
async fn one_that_says_nonsense_is_502() {
    for nonsense in ["", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 1024];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(nonsense.as_bytes()).await;
            }
        });
        assert_eq!(ask(Upstream::at(url).build().expect("sound"), get("/")).await.0, 502, "{nonsense:?}");
    }
}

#[tokio::test]
async fn f_75_one_that_closes_the_connection_gets_a_safe_request_twice_and_any_other_once() {
    let server = Server::http(|_| Script::Answer(Vec::new())).await;
    let upstream = Upstream::at(format!("http://{}", server.address)).build().expect("sound");
    for (method, attempts) in [("GET", 2), ("POST", 1)] {
        let before = server.requests().len();
        let request = Request::builder().method(method).uri("/").header("host", "backstage.example.com");
        assert_eq!(ask(upstream.clone(), request.body(Body::empty()).expect("a request")).await.0, 502, "{method}");
        assert_eq!(server.requests().len() - before, attempts, "{method}");
    }
}

#[tokio::test]
async fn one_that_does_not_answer_is_504() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let upstream = Upstream::at(url).response_timeout(Duration::from_millis(50)).build().expect("sound");
    // It takes the connection, as the kernel does, and no more.
    let (status, said) = ask(upstream, get("/")).await;
    assert_eq!(
        (status, &said["error"]["message"]),
        (504, &json!("the backend behind this one does not respond in time"))
    );
}

/// Both of the operator's lines and of those that clients cause.
#[tokio::test]
async fn f_65_each_line_of_a_refused_request_has_the_trace_id() {
    const ROOT: &str = "Root=1-67891233-abcdef012345678912345678";
    let (traced, _guard) = Traced::begin();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let upstream = Upstream::at(format!("http://{address}")).build().expect("sound");
    // After its first ten, the lines about an upstream are for developers only.
    for (method, status, level, repeated) in
        [("TRACE", 405, Level::DEBUG, 1), ("GET", 502, Level::WARN, 10), ("GET", 502, Level::DEBUG, 1)]
    {
        for _ in 0..repeated {
            let request = Request::builder().method(method).uri("/x").header("x-amzn-trace-id", ROOT);
            let request = request.body(Body::empty()).expect("a request");
            traced.0.lock().unwrap().events.clear();
            assert_eq!(ask(upstream.clone(), request).await.0, status, "{method}");
            let events = std::mem::take(&mut traced.0.lock().unwrap().events);
            let start = format!("{status} for {method} ");
            let lines = events.iter().filter(|(_, fields)| fields["message"].starts_with(&start));
            let found: Vec<(Level, Option<&str>)> =
                lines.map(|(level, fields)| (*level, fields.get("trace_id").map(String::as_str))).collect();
            assert_eq!(found, [(level, Some(ROOT))], "{method}");
        }
    }
}

#[tokio::test]
async fn requests_that_go_in_a_circle_end() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let itself = Upstream::at(&url).build().expect("sound");
    let app = axum::Router::new().fallback_service(itself);
    let app = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let answer = reqwest::get(format!("{url}/x")).await.expect("an answer");
    assert_eq!(answer.status(), 502);
}

#[tokio::test]
async fn over_https_the_certificate_is_checked() {
    let certificate = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    let (pem, key) = (certificate.cert.pem(), certificate.signing_key.serialize_der());
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key.try_into().expect("a key"))
        .expect("sound");
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://localhost:{}", listener.local_addr().expect("an address").port());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(stream).await else { return };
                let service = hyper_util::service::TowerToHyperService::new(another_backend());
                let io = hyper_util::rt::TokioIo::new(stream);
                let _ = hyper::server::conn::http1::Builder::new().serve_connection(io, service).await;
            });
        }
    });
    let trusting = Upstream::at(&url).pem_roots(pem).build().expect("sound");
    let answer = trusting.oneshot(get("/api/auth/x")).await.expect("infallible");
    assert_eq!(answer.status(), 200);
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
    let said: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(said["headers"]["host"], "backstage.example.com", "as the client named it");

    let distrusting = Upstream::at(&url).build().expect("sound");
    assert_eq!(ask(distrusting, get("/api/auth/x")).await.0, 502);
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_here() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = [0; 1024];
            let _ = stream.read(&mut buffer).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
        }
    });
    let answer = reqwest::get(format!("{}/x", in_front_of(&url).await)).await.expect("its head");
    assert_eq!(answer.status(), 200);
    assert!(answer.bytes().await.is_err(), "half an answer must not pass for a whole one");
}

#[test]
fn addresses_that_are_none_are_refused_with_what_to_write() {
    for (url, part) in [
        ("", "is invalid: write it as http://127.0.0.1:7008"),
        ("backend:7007", "is invalid"),
        ("/api", "is invalid"),
        ("http://backend:99999", "is invalid"),
        ("http://backend\\x", "is invalid"),
        ("ftp://backend", "is invalid"),
        ("https://backend:7007/api", "has more than a host"),
        ("http://backend/?x", "has more than a host"),
        ("http://backend#x", "has more than a host"),
        ("http://jane:canary@backend", "without user name and password"),
    ] {
        let refused = Upstream::at(url).build().expect_err(url).to_string();
        assert!(refused.contains(part) && !refused.contains("canary"), "{url}: {refused}");
    }
    assert!(Upstream::at("https://backend:7007/").build().is_ok());
    let refused = Upstream::at("https://b").response_timeout(Duration::ZERO).build().expect_err("no time").to_string();
    assert!(refused.contains("50 ms to 1 h"), "{refused}");
}

#[test]
fn debug_shows_the_address_and_of_one_not_checked_nothing() {
    let builder = Upstream::at("http://jane:canary@backend");
    assert!(!format!("{builder:?}").contains("canary"));
    let upstream = Upstream::at("https://backend:7007").build().expect("sound");
    assert_eq!(upstream.to_string(), "https://backend:7007");
    assert_eq!(format!("{upstream:?}"), r#"Upstream("https://backend:7007")"#);
}

/// Nothing that goes on is of gRPC, so an error in the upstream's place has its status, whatever the request says it is.
#[tokio::test]
async fn s_92_errors_in_the_upstreams_place_have_their_status_and_form_for_every_request() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = nobody.local_addr().expect("an address");
    drop(nobody);
    let upstream = Upstream::at(format!("http://{address}")).build().expect("sound");
    for (method, expected) in [("POST", 502), ("HEAD", 502), ("TRACE", 405)] {
        for content_type in ["application/json", "application/grpc", "application/grpc-web"] {
            let request = Request::builder().method(method).uri("/api/auth/github/start").version(Version::HTTP_2);
            let request = request.header("content-type", content_type).body(Body::empty()).expect("a request");
            let answer = upstream.clone().oneshot(request).await.expect("infallible");
            let row = format!("{method} {content_type}");
            assert_eq!(answer.status().as_u16(), expected, "{row}");
            assert_eq!(answer.headers()["content-type"], "application/json; charset=utf-8", "{row}");
            assert_eq!(answer.headers()["cache-control"], "no-store", "{row}");
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{row}");
            assert_eq!(answer.headers().get("grpc-status"), None, "{row}");
            let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
            assert_eq!(body.is_empty(), method == "HEAD", "{row}");
        }
    }
}

/// Any client can have requests end with 502: the log must not grow with them.
#[tokio::test]
async fn s_91_requests_in_a_circle_are_a_warning_and_not_each_of_a_flood() {
    let (log, _guard) = Traced::begin();
    let upstream = Upstream::at("http://127.0.0.1:1").build().expect("sound");
    let addresses = ["192.0.2.1"; 31].join(", ");
    for _ in 0..50 {
        let mut request = get("/x");
        request.headers_mut().insert("x-forwarded-for", addresses.parse().expect("a header"));
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 1))));
        assert_eq!(ask(upstream.clone(), request).await.0, 502);
    }
    let circles = |level| log.lines(level).iter().filter(|line| line.contains("passed more than 30 proxies")).count();
    assert_eq!((circles(Level::WARN), circles(Level::DEBUG)), (10, 40));
}
