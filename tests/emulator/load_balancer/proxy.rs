//! On to the target and back: bodies, headers, targets that fail.

use std::{
    convert::Infallible,
    net::Ipv4Addr,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    response::{IntoResponse, Response},
    routing::{any, get, post},
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, header};
use http_body_util::BodyExt;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::mpsc,
};
use tower_alb_auth::emulator::{Emulator, EmulatorConfig, Endpoints, IdentityProvider, Rule, RuleAction};
use tracing::Level;

use crate::support::traced::Traced;

/// An emulator without a provider, in front of this.
pub async fn in_front_of(target: &str) -> Emulator {
    start(EmulatorConfig::on_free_ports().target(target)).await
}

pub async fn start(config: EmulatorConfig) -> Emulator {
    let nowhere = "http://127.0.0.1:1".to_owned();
    let endpoints = Endpoints {
        issuer: nowhere.clone(),
        authorization: nowhere.clone(),
        token: nowhere.clone(),
        userinfo: nowhere.clone(),
        jwks: nowhere,
    };
    let config = config.provider(IdentityProvider::endpoints(endpoints)).client("x", "y");
    Emulator::start(config.rule(Rule::new("/*", RuleAction::Forward))).await.expect("a sound configuration")
}

pub async fn serve(app: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().expect("a client")
}

/// The emulator by the name of this machine, which needs no resolver.
pub fn at(emulator: &Emulator, path: &str) -> String {
    format!("http://127.0.0.1:{}{path}", emulator.address().port())
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn bodies_go_both_ways_as_they_come() {
    // The target answers each piece as it gets it.
    let echo = async |request: Request| Response::new(Body::from_stream(request.into_body().into_data_stream()));
    let emulator = in_front_of(&serve(Router::new().route("/echo", post(echo))).await).await;
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(1);
    let body = reqwest::Body::wrap_stream(stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    }));
    let exchange = async {
        sender.send(Ok(Bytes::from_static(b"first"))).await.expect("sent");
        let mut answer =
            client().post(at(&emulator, "/echo")).body(body).send().await.expect("an answer").bytes_stream();
        assert_eq!(answer.next().await.expect("a piece").expect("bytes"), "first", "before the second was sent");
        sender.send(Ok(Bytes::from_static(b"second"))).await.expect("sent");
        assert_eq!(answer.next().await.expect("a piece").expect("bytes"), "second");
        drop(sender);
        assert!(answer.next().await.is_none());
    };
    tokio::time::timeout(LONG, exchange).await.expect("pieces come as they are sent");
}

#[tokio::test]
async fn long_bodies_go_through_whole() {
    let count = async |request: Request| {
        let mut length = 0;
        let mut body = request.into_body().into_data_stream();
        while let Some(piece) = body.next().await {
            length += piece.expect("bytes").len();
        }
        length.to_string()
    };
    let give = async || Body::from_stream(stream::iter((0..512).map(|_| Ok::<_, Infallible>(vec![7_u8; 64 * 1024]))));
    let app = Router::new().route("/up", post(count)).route("/down", get(give));
    let emulator = in_front_of(&serve(app).await).await;
    let up = client().post(at(&emulator, "/up")).body(vec![7; 32 * 1024 * 1024]).send().await.expect("an answer");
    assert_eq!(up.text().await.expect("a text"), (32 * 1024 * 1024).to_string());
    let down = client().get(at(&emulator, "/down")).send().await.expect("an answer").bytes().await.expect("bytes");
    assert_eq!(down.len(), 32 * 1024 * 1024);
}

#[tokio::test]
async fn an_event_comes_before_the_next_one_is_sent() {
    let (sender, receiver) = mpsc::channel::<&'static str>(4);
    let receiver = std::sync::Arc::new(tokio::sync::Mutex::new(Some(receiver)));
    let events = get(async move || {
        let receiver = receiver.lock().await.take().expect("one stream");
        let events = stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|event| (Ok::<_, Infallible>(event), receiver))
        });
        ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(events))
    });
    let emulator = in_front_of(&serve(Router::new().route("/events", events)).await).await;
    let exchange = async {
        let mut answer = client().get(at(&emulator, "/events")).send().await.expect("an answer").bytes_stream();
        for event in ["data: 1\n\n", "data: 2\n\n"] {
            sender.send(event).await.expect("sent");
            assert_eq!(answer.next().await.expect("an event").expect("bytes"), event);
        }
    };
    tokio::time::timeout(LONG, exchange).await.expect("events come as they are sent");
}

/// Says which headers came.
async fn headers(request: Request) -> String {
    let lines: Vec<String> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    lines.concat()
}

#[tokio::test]
async fn headers_of_the_hop_end_here_and_the_load_balancers_are_added() {
    let answer = async |request: Request| {
        let mut response = headers(request).await.into_response();
        response.headers_mut().insert("connection", HeaderValue::from_static("x-hop, keep-alive"));
        response.headers_mut().insert("x-hop", HeaderValue::from_static("of the target"));
        response.headers_mut().insert("x-kept", HeaderValue::from_static("yes"));
        response
    };
    let emulator = in_front_of(&serve(Router::new().fallback(any(answer))).await).await;
    let request = client()
        .get(at(&emulator, "/"))
        .header("connection", "x-hop")
        .header("x-hop", "of the client")
        .header("proxy-authorization", "Basic secret")
        .header("keep-alive", "timeout=5")
        .header("te", "trailers, deflate")
        .header("x-forwarded-for", "192.0.2.1")
        .header("x-forwarded-proto", "https")
        .header("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678");
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.headers()["x-kept"], "yes");
    assert!(answer.headers().get("x-hop").is_none() && answer.headers().get("connection").is_none());
    let seen = answer.text().await.expect("a text");
    for absent in ["x-hop", "proxy-authorization", "keep-alive:", "deflate", "connection:"] {
        assert!(!seen.contains(absent), "{absent} in {seen}");
    }
    let port = emulator.address().port();
    for line in [
        "x-forwarded-for: 192.0.2.1, 127.0.0.1\n".to_owned(),
        "x-forwarded-proto: http\n".to_owned(),
        format!("x-forwarded-port: {port}\n"),
        format!("host: 127.0.0.1:{port}\n"),
    ] {
        assert!(seen.contains(&line), "{line} not in {seen}");
    }
    assert!(
        seen.contains(";Root=1-67891233-abcdef012345678912345678\n") && seen.contains("x-amzn-trace-id: Self=1-"),
        "{seen}"
    );

    let plain = client().get(at(&emulator, "/")).send().await.expect("an answer").text().await.expect("a text");
    let trace = plain.lines().find_map(|line| line.strip_prefix("x-amzn-trace-id: Root=1-")).expect("a trace id");
    let (time, random) = trace.split_once('-').expect("two parts");
    assert!(
        time.len() == 8 && random.len() == 24 && trace.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
    );

    let many = vec!["192.0.2.1"; 31].join(", ");
    let refused = client().get(at(&emulator, "/")).header("x-forwarded-for", many).send().await.expect("an answer");
    assert_eq!(refused.status(), 463);
}

#[tokio::test]
async fn targets_that_fail_are_502_and_none_is_503() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let refused = format!("http://{}", nobody.local_addr().expect("an address"));
    drop(nobody);
    let status =
        async |emulator: &Emulator| client().get(at(emulator, "/")).send().await.expect("an answer").status().as_u16();
    assert_eq!(status(&in_front_of(&refused).await).await, 502);
    assert_eq!(status(&start(EmulatorConfig::on_free_ports()).await).await, 503);

    for nonsense in ["", "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "HTTP/9.9 200\r\n\r\n"] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 1024];
                let _ = stream.read(&mut buffer).await;
                let _ = stream.write_all(nonsense.as_bytes()).await;
            }
        });
        assert_eq!(status(&in_front_of(&url).await).await, 502, "{nonsense:?}");
    }
}

/// Time passes only while all tasks wait, so that a minute takes no minute.
#[tokio::test(start_paused = true)]
async fn a_target_that_does_not_answer_is_504() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            held.push(stream);
        }
    });
    let emulator = in_front_of(&url).await;
    let began = tokio::time::Instant::now();
    let mut stream = tokio::net::TcpStream::connect(emulator.address()).await.expect("a connection");
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 504 Gateway Timeout"), "{answer}");
    assert!(began.elapsed() >= Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_target_that_is_restarted_is_waited_for_if_configured() {
    let (traced, _guard) = Traced::begin();
    let no_target = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = no_target.local_addr().expect("an address");
    drop(no_target);
    let config = EmulatorConfig::on_free_ports().target(format!("http://{address}")).wait_for_target(LONG);
    let emulator = start(config).await;
    let (answer, ()) = tokio::join!(client().post(at(&emulator, "/")).body("body").send(), async {
        let waits = format!("waiting for the target at {address}, which does not accept connections");
        let until = Instant::now() + LONG;
        while !traced.lines(Level::INFO).contains(&waits) {
            assert!(Instant::now() < until, "{:?}", traced.lines(Level::INFO));
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let listener = TcpListener::bind(address).await.expect("the port is free still");
        let app = Router::new().fallback(any(async |body: String| format!("got {body}")));
        tokio::spawn(async move { axum::serve(listener, app).await });
    });
    assert_eq!(answer.expect("an answer").text().await.expect("a text"), "got body");
}

/// Tells when it is dropped.
struct Work(mpsc::Sender<()>);

impl Drop for Work {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_targets_work() {
    let (sender, mut ended) = mpsc::channel::<()>(8);
    let endless = get(async move || {
        let pieces = stream::unfold(Work(sender.clone()), |work| async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            Some((Ok::<_, Infallible>("piece"), work))
        });
        Body::from_stream(pieces)
    });
    let emulator = in_front_of(&serve(Router::new().route("/", endless)).await).await;
    let mut answer = client().get(at(&emulator, "/")).send().await.expect("an answer").bytes_stream();
    answer.next().await.expect("a piece").expect("bytes");
    assert!(ended.try_recv().is_err(), "it works still");
    drop(answer);
    tokio::time::timeout(LONG, ended.recv()).await.expect("the target hears of it");
}

#[tokio::test]
async fn connections_to_the_target_are_kept() {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };
    let accepted = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let counted = Arc::clone(&accepted);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            let service = hyper::service::service_fn(async |_: http::Request<hyper::body::Incoming>| {
                Ok::<_, Infallible>(Response::new(String::from("well")))
            });
            let io = hyper_util::rt::TokioIo::new(stream);
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(io, service));
        }
    });
    let emulator = in_front_of(&url).await;
    let client = client();
    for _ in 0..10 {
        assert_eq!(
            client.get(at(&emulator, "/")).send().await.expect("an answer").text().await.expect("a text"),
            "well"
        );
    }
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn http_2_in_front_is_http_1_behind() {
    let emulator = in_front_of(&serve(Router::new().fallback(any(headers))).await).await;
    let client = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    let answer = client
        .get(at(&emulator, "/a?b"))
        .header("cookie", "a=b")
        .header("cookie", "c=d")
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.version(), http::Version::HTTP_2);
    let seen = answer.text().await.expect("a text");
    assert!(seen.contains("cookie: a=b; c=d\n"), "{seen}");
    assert!(seen.contains(&format!("host: 127.0.0.1:{}\n", emulator.address().port())), "{seen}");
}

#[tokio::test]
async fn trailers_go_through() {
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    let trailing = any(async || {
        let mut trailers = http::HeaderMap::new();
        trailers.insert("x-sum", HeaderValue::from_static("7"));
        let frames = [Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"data"))), Ok(Frame::trailers(trailers))];
        let mut response = Response::new(Body::new(StreamBody::new(stream::iter(frames))));
        response.headers_mut().insert("trailer", HeaderValue::from_static("x-sum"));
        response
    });
    let emulator = in_front_of(&serve(Router::new().fallback(trailing)).await).await;
    let client =
        hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http::<String>();
    let request =
        http::Request::get(at(&emulator, "/")).header("te", "trailers").body(String::new()).expect("a request");
    let answer = client.request(request).await.expect("an answer").into_body().collect().await.expect("a body");
    assert_eq!(answer.trailers().expect("trailers")["x-sum"], "7");
}
