//! What passes: streams, events, WebSockets, trailers, failures of the service, limits.

use std::{convert::Infallible, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{Request, WebSocketUpgrade, ws::Message},
    response::Response,
    routing::any,
};
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _, stream};
use http::HeaderMap;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};

use crate::site::{LONG, Log, Site, client, serve, status};

async fn in_front_of(app: Router, lines: &str) -> Site {
    let upstream = serve(app).await;
    Site::in_front_of(&format!("http://{upstream}"), lines, Log::default()).await
}

#[tokio::test]
async fn bodies_go_both_ways_as_they_come() {
    let echo = any(async |request: Request| Response::new(Body::from_stream(request.into_body().into_data_stream())));
    let site = in_front_of(Router::new().route("/echo", echo), "").await;
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(1);
    let body = reqwest::Body::wrap_stream(stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|piece| (piece, receiver))
    }));
    let exchange = async {
        sender.send(Ok(Bytes::from_static(b"first"))).await.expect("sent");
        let request = client().post(site.url("/echo")).header("x-amzn-oidc-data", site.token()).body(body);
        let mut response = request.send().await.expect("a response").bytes_stream();
        assert_eq!(response.next().await.expect("a piece").expect("bytes"), "first", "before the second was sent");
        sender.send(Ok(Bytes::from_static(b"second"))).await.expect("sent");
        assert_eq!(response.next().await.expect("a piece").expect("bytes"), "second");
        drop(sender);
        assert!(response.next().await.is_none());
    };
    tokio::time::timeout(LONG, exchange).await.expect("pieces come as they are sent");
}

#[tokio::test]
async fn trailers_of_a_response_pass_and_identity_headers_in_them_do_not() {
    let app = any(async || {
        let mut trailers = HeaderMap::new();
        trailers.insert("x-sum", http::HeaderValue::from_static("7"));
        trailers.insert("x-forwarded-user", http::HeaderValue::from_static("forged"));
        let frames = [Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"body"))), Ok(Frame::trailers(trailers))];
        Response::builder()
            .header("trailer", "x-sum, x-forwarded-user")
            .body(Body::new(StreamBody::new(stream::iter(frames))))
            .expect("a response")
    });
    let site = in_front_of(Router::new().fallback(app), "").await;
    let response = site.get("/", &format!("te: trailers\r\nx-amzn-oidc-data: {}\r\n", site.token())).await;
    assert!(response.contains("\r\nx-sum: 7\r\n") && !response.contains("forged"), "{response}");
}

#[tokio::test]
async fn f_47_a_web_socket_outlives_the_token_and_ends_with_the_proxy() {
    let echo = any(async |upgrade: WebSocketUpgrade, headers: HeaderMap| {
        let user = headers.get("x-webauth-user").map(|user| user.to_str().expect("ASCII").to_owned());
        upgrade.on_upgrade(async move |mut socket| {
            let _ = socket.send(Message::Text(user.unwrap_or_default().into())).await;
            while let Some(Ok(message)) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    return;
                }
            }
        })
    });
    let site = in_front_of(Router::new().route("/ws", echo), "profile: grafana\n").await;
    let connect = async |token: Option<String>| {
        let mut request = format!("ws://{}/ws", site.address).into_client_request().expect("a request");
        if let Some(token) = token {
            request.headers_mut().insert("x-amzn-oidc-data", token.parse().expect("a value"));
        }
        request.headers_mut().insert("x-webauth-user", http::HeaderValue::from_static("forged"));
        tokio_tungstenite::connect_async(request).await
    };
    match connect(None).await {
        Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 401),
        other => panic!("{other:?}"),
    }
    // A second is left of the token, within the leeway.
    let soon = site.alb.token(&tower_alb_auth::test_util::User::jane()).expires_at(site.alb.unix_now() + 1).sign();
    let (mut socket, _) = connect(Some(soon)).await.expect("a socket");
    assert_eq!(
        socket.next().await.expect("open").expect("a message").into_text().expect("text"),
        "jane.doe@example.com"
    );
    for number in 0..3 {
        socket.send(format!("{number}").into()).await.expect("sent");
        let echoed =
            tokio::time::timeout(LONG, socket.next()).await.expect("in time").expect("open").expect("a message");
        assert_eq!(echoed.into_text().expect("text"), format!("{number}"));
    }
    tokio::time::timeout(LONG, site.proxy.shutdown()).await.expect("an end");
    let ended = tokio::time::timeout(LONG, async { while let Some(Ok(_)) = socket.next().await {} }).await;
    assert!(ended.is_ok(), "the socket is closed");
}

#[tokio::test]
async fn f_47_a_service_that_fails_is_a_502_or_504() {
    let nowhere = Site::in_front_of("http://127.0.0.1:1", "", Log::default()).await;
    let line = format!("x-amzn-oidc-data: {}\r\n", nowhere.token());
    let response = nowhere.get("/", &line).await;
    assert_eq!(status(&response), 502);
    assert!(!response.contains("127.0.0.1"), "the response names no machine: {response}");

    for (said, expected) in [
        ("", 502),
        ("nonsense\r\n\r\n", 502),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n", 502),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 1024];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(said.as_bytes()).await;
            }
        });
        let site = Site::in_front_of(&format!("http://{address}"), "", Log::default()).await;
        let response = site.get("/", &format!("x-amzn-oidc-data: {}\r\n", site.token())).await;
        assert_eq!(status(&response), expected, "{said:?}");
    }

    let silent = any(async || std::future::pending::<Response>().await);
    let site = in_front_of(Router::new().fallback(silent), "response_timeout_seconds: 1\n").await;
    assert_eq!(status(&site.get("/", &format!("x-amzn-oidc-data: {}\r\n", site.token())).await), 504);
}

#[tokio::test]
async fn a_proxy_that_leads_back_to_itself_says_so() {
    let port = crate::port::free_port();
    let lines = format!("listen: 127.0.0.1:{port}\nupstream: http://127.0.0.1:{port}\nkeep_alb_headers: true\n");
    let alb = tower_alb_auth::test_util::MockAlb::new();
    let text = format!("{}{lines}", crate::site::trust(&alb).await);
    let _proxy = tower_alb_auth::auth_proxy::AuthProxy::start(crate::site::settings(&text).expect("sound"))
        .await
        .expect("it starts");
    let token = alb.sign(&tower_alb_auth::test_util::User::jane());
    let response = client().get(format!("http://127.0.0.1:{port}/")).header("x-amzn-oidc-data", token).send().await;
    assert_eq!(response.expect("a response").status(), 508);
}

#[tokio::test]
async fn limits_of_headers_and_bodies_are_kept() {
    let site = Site::with("max_body_bytes: 1000\nmax_header_bytes: 8192\n").await;
    let line = format!("x-amzn-oidc-data: {}\r\n", site.token());
    let post = |framing: &str, body: &str| {
        format!("POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{line}{framing}\r\n\r\n{body}")
    };
    let (fits, long) = ("x".repeat(1_000), "x".repeat(1_001));
    assert_eq!(status(&site.raw(&post("content-length: 1000", &fits)).await), 200);
    assert_eq!(site.log.only().body.len(), 1_000);
    assert_eq!(status(&site.raw(&post("content-length: 1001", &long)).await), 413);
    assert_eq!(site.log.take().len(), 0, "it is not begun");
    let chunked = post("transfer-encoding: chunked", &format!("3e9\r\n{long}\r\n0\r\n\r\n"));
    assert_eq!(status(&site.raw(&chunked).await), 413);
    assert_eq!(site.log.take().len(), 0);
    let padding = "x".repeat(9_000);
    assert_eq!(status(&site.get("/", &format!("{line}x-long: {padding}\r\n")).await), 431);
}

/// The client sends its body only after the proxy has admitted the request.
#[tokio::test]
async fn a_client_that_expects_100_gets_it_only_if_it_is_admitted() {
    let site = Site::with("").await;
    for (line, first) in
        [(String::new(), "HTTP/1.1 401"), (format!("x-amzn-oidc-data: {}\r\n", site.token()), "HTTP/1.1 100")]
    {
        let mut stream = TcpStream::connect(site.address).await.expect("a connection");
        let head = format!(
            "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{line}expect: 100-continue\r\ncontent-length: 4\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.expect("written");
        let mut begin = [0; 12];
        tokio::time::timeout(LONG, stream.read_exact(&mut begin)).await.expect("in time").expect("a response");
        assert_eq!(String::from_utf8_lossy(&begin), first);
        if first.ends_with("100") {
            stream.write_all(b"body").await.expect("written");
            let mut rest = String::new();
            tokio::time::timeout(LONG, stream.read_to_string(&mut rest)).await.expect("in time").expect("a response");
            assert!(rest.contains("HTTP/1.1 200"), "{rest}");
            assert_eq!(site.log.only().body, b"body");
        }
    }
}

#[tokio::test]
async fn slow_heads_and_idle_connections_are_closed_and_busy_ones_are_not() {
    let (finish, finished) = tokio::sync::watch::channel(false);
    let slow = any(move || {
        let mut finished = finished.clone();
        async move {
            let _ = finished.wait_for(|finished| *finished).await;
            "late"
        }
    });
    let lines = "header_timeout_seconds: 1\nidle_timeout_seconds: 2\n";
    let site = in_front_of(Router::new().fallback(slow), lines).await;
    let closes = async |said: &[u8]| {
        let mut stream = TcpStream::connect(site.address).await.expect("a connection");
        stream.write_all(said).await.expect("written");
        let began = std::time::Instant::now();
        let end = async {
            let mut some = [0; 1024];
            while !matches!(stream.read(&mut some).await, Ok(0) | Err(_)) {}
        };
        tokio::time::timeout(LONG, end).await.unwrap_or_else(|_| panic!("{said:?} keeps a connection"));
        began.elapsed()
    };
    assert!(closes(b"GET / HTTP/1.1\r\nx: ").await >= Duration::from_millis(900));
    assert!(closes(b"").await >= Duration::from_millis(1_900));
    assert!(closes(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await >= Duration::from_millis(900));
    let line = format!("x-amzn-oidc-data: {}\r\n", site.token());
    let (response, _) = tokio::join!(site.get("/", &line), async {
        closes(b"").await;
        finish.send_replace(true);
    });
    assert!(response.ends_with("late"), "a request in progress is not idle: {response}");
}

#[tokio::test]
async fn requests_in_progress_are_finished_at_the_end() {
    let (started, mut has_started) = mpsc::unbounded_channel();
    let (finish, finished) = tokio::sync::watch::channel(false);
    let app = any(move || {
        let (started, mut finished) = (started.clone(), finished.clone());
        async move {
            let _ = started.send(());
            let _ = finished.wait_for(|finished| *finished).await;
            "whole"
        }
    });
    let site = in_front_of(Router::new().fallback(app), "").await;
    let request = client().get(site.url("/")).header("x-amzn-oidc-data", site.token()).send();
    let request = tokio::spawn(request);
    has_started.recv().await.expect("a request");
    let end = tokio::spawn(site.proxy.shutdown());
    finish.send_replace(true);
    let response = request.await.expect("a task").expect("a response");
    assert_eq!(response.text().await.expect("a text"), "whole");
    tokio::time::timeout(LONG, end).await.expect("an end").expect("a task");
}

#[tokio::test]
async fn f_47_a_response_that_breaks_off_breaks_off_at_the_client_too() {
    for said in [
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nsome",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nsome\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 4096];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(said.as_bytes()).await;
            }
        });
        let site = Site::in_front_of(&format!("http://{address}"), "", Log::default()).await;
        let request = client().get(site.url("/")).header("x-amzn-oidc-data", site.token());
        let response = request.send().await.expect("the head of a response");
        assert_eq!(response.status(), 200);
        assert!(response.bytes().await.is_err(), "a short body must not look whole: {said}");
    }
}

#[tokio::test]
async fn http_2_from_the_client_reaches_a_service_of_http_1() {
    let site = Site::with("profile: grafana\n").await;
    let http2 = reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().expect("a client");
    let request = http2.post(site.url("/x?y")).header("x-amzn-oidc-data", site.token()).body("body");
    let response = request.send().await.expect("a response");
    assert_eq!((response.status().as_u16(), response.version()), (200, http::Version::HTTP_2));
    let seen = site.log.only();
    assert_eq!(
        (seen.version, seen.method.as_str(), seen.uri.to_string().as_str()),
        (http::Version::HTTP_11, "POST", "/x?y")
    );
    assert_eq!(
        (seen.headers["host"].to_str().expect("ASCII"), seen.body.as_slice()),
        (site.address.to_string().as_str(), &b"body"[..])
    );
}

#[tokio::test]
async fn a_service_of_http_2_gets_requests_and_web_sockets_stay_on_http_1() {
    let site = Site::with("upstream_protocol: http2\nprofile: grafana\n").await;
    let line = format!("x-amzn-oidc-data: {}\r\n", site.token());
    assert_eq!(status(&site.get("/x", &line).await), 200);
    let seen = site.log.only();
    assert_eq!(seen.version, http::Version::HTTP_2);
    assert_eq!(seen.headers["x-forwarded-host"], "app.example.com");
    assert_eq!(seen.headers["x-webauth-user"], "jane.doe@example.com");
    let upgrade = format!("GET /ws HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n{line}\r\n");
    let mut stream = TcpStream::connect(site.address).await.expect("a connection");
    stream.write_all(upgrade.as_bytes()).await.expect("written");
    let mut begin = [0; 12];
    tokio::time::timeout(LONG, stream.read_exact(&mut begin)).await.expect("in time").expect("a response");
    assert_eq!(site.log.only().version, http::Version::HTTP_11);
}
