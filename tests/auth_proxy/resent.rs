//! F-75: what is sent once more to a service that closes the connection before a response, and what is not.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use axum::body::Body;
use http::Response;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot},
};

use crate::{
    https::{
        certificates::Authority,
        server::{Script, Server},
    },
    site::{LONG, Log, Site, status},
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// The status of a GET of a user.
async fn get(site: &Site) -> u16 {
    status(&site.get("/", &format!("x-amzn-oidc-data: {}\r\n", site.token())).await)
}

#[tokio::test]
async fn f_75_two_attempts_at_most_and_only_of_requests_that_have_no_effect() {
    let service = Server::http(|_| Script::Answer(Vec::new())).await;
    let site = Site::in_front_of(&format!("http://{}", service.address), "", Log::default()).await;
    let jane = format!("host: a\r\nx-amzn-oidc-data: {}\r\n", site.token());
    let handshake =
        "upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    // A body of two line ends, so that the service reads to the end of a request with it.
    for (case, method, lines, connection, body, attempts) in [
        ("GET", "GET", "", "close", "", 2),
        ("HEAD", "HEAD", "", "close", "", 2),
        ("OPTIONS", "OPTIONS", "", "close", "", 2),
        ("a GET with a body", "GET", "content-length: 4\r\n", "close", "\r\n\r\n", 1),
        ("a handshake of WebSocket", "GET", handshake, "upgrade", "", 1),
        ("POST", "POST", "content-length: 4\r\n", "close", "\r\n\r\n", 1),
        ("POST without a body", "POST", "content-length: 0\r\n", "close", "", 1),
        ("PUT", "PUT", "content-length: 0\r\n", "close", "", 1),
        ("DELETE", "DELETE", "", "close", "", 1),
    ] {
        let before = service.requests().len();
        let request = format!("{method} / HTTP/1.1\r\n{jane}{lines}connection: {connection}\r\n\r\n{body}");
        // The connection of a handshake is not closed by the proxy, so only the head is read.
        let response = match connection {
            "close" => site.raw(&request).await,
            _ => head(&site, &request).await,
        };
        assert_eq!(status(&response), 502, "{case}");
        assert_eq!(service.requests().len() - before, attempts, "{case}");
    }
}

/// The head of the response to this request.
async fn head(site: &Site, request: &str) -> String {
    let mut stream = TcpStream::connect(site.address).await.expect("a connection");
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.expect("written");
    let mut text = Vec::new();
    let read = async {
        while !String::from_utf8_lossy(&text).contains("\r\n\r\n") {
            assert!(stream.read_buf(&mut text).await.expect("read") > 0, "the connection was closed");
        }
    };
    tokio::time::timeout(LONG, read).await.expect("a response in time");
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn f_75_over_tls_a_connection_that_ends_without_a_close_notify_is_closed_too() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a folder"));
    let file = folder.path().join("roots.pem");
    std::fs::write(&file, authority.pem()).expect("written");
    let lines = format!("upstream_ca: {}\n", file.display());
    for (case, first) in
        [("cut", Script::Cut(Vec::new())), ("reset", Script::Reset(Vec::new())), ("closed", Script::Answer(Vec::new()))]
    {
        let second = Script::Answer(OK.to_vec());
        let script = move |connection| if connection == 1 { first.clone() } else { second.clone() };
        let service = Server::https(&authority.leaf(&["localhost"]), script).await;
        let site = Site::in_front_of(&service.url(), &lines, Log::default()).await;
        assert_eq!(get(&site).await, 200, "{case}");
        assert_eq!((service.connections(), service.requests().len()), (2, 2), "{case}");
    }

    // No request was sent on a connection that was never made.
    let closing = Server::tcp(|_| Script::Answer(Vec::new())).await;
    let site = Site::in_front_of(&closing.url(), &lines, Log::default()).await;
    assert_eq!(get(&site).await, 502);
    assert_eq!(closing.connections(), 1);
}

/// Ends the connection of each request until there were this many, and responds to further ones.
async fn http2_service(listener: TcpListener, ends: usize, requests: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (requests, end) = (Arc::clone(&requests), Arc::new(Notify::new()));
        let ended = Arc::clone(&end);
        let service = hyper::service::service_fn(move |_| {
            let (count, end) = (requests.fetch_add(1, Ordering::SeqCst) + 1, Arc::clone(&end));
            async move {
                if count <= ends {
                    end.notify_one();
                    std::future::pending::<()>().await;
                }
                Ok::<_, Infallible>(Response::new(Body::empty()))
            }
        });
        tokio::spawn(async move {
            let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::select! {
                _ = builder.serve_connection(TokioIo::new(stream), service) => {}
                () = ended.notified() => {}
            }
        });
    }
}

#[tokio::test]
async fn f_75_over_http_2_a_connection_that_ends_is_closed_too() {
    for (ends, expected, attempts) in [(1, 200, 2), (2, 502, 2)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::<AtomicUsize>::default();
        tokio::spawn(http2_service(listener, ends, Arc::clone(&requests)));
        let lines = "upstream_protocol: http2\n";
        let site = Site::in_front_of(&format!("http://{address}"), lines, Log::default()).await;
        assert_eq!(get(&site).await, expected);
        assert_eq!(requests.load(Ordering::SeqCst), attempts);
    }
}

#[tokio::test]
async fn f_75_both_attempts_share_one_timeout() {
    const TIMEOUT: Duration = Duration::from_secs(6);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
    let address = listener.local_addr().expect("an address");
    let (sender, waited) = oneshot::channel();
    tokio::spawn(async move {
        let (mut first, _) = listener.accept().await.expect("a connection");
        assert!(first.read(&mut [0; 4096]).await.expect("a request") > 0);
        // The service works for most of the timeout, and then fails.
        tokio::time::sleep(TIMEOUT * 2 / 3).await;
        drop(first);
        let (mut second, _) = listener.accept().await.expect("a connection");
        let began = Instant::now();
        while second.read(&mut [0; 4096]).await.is_ok_and(|length| length > 0) {}
        sender.send(began.elapsed()).expect("a test that waits");
    });
    let lines = format!("response_timeout_seconds: {}\n", TIMEOUT.as_secs());
    let site = Site::in_front_of(&format!("http://{address}"), &lines, Log::default()).await;
    assert_eq!(get(&site).await, 504);
    let waited = tokio::time::timeout(LONG, waited).await.expect("an end").expect("a time");
    assert!(waited < TIMEOUT, "the second attempt has the rest of the time: {waited:?}");
}
