//! F-79: streams that a service refuses over HTTP/2 without processing them (RFC 9113 section 8.7).

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use h2::Reason;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::site::{Log, Site, status};

const LINES: &str = "upstream_protocol: http2\n";

/// The status of this request of a user.
async fn send(site: &Site, method: &str) -> u16 {
    let lines = format!("host: a\r\nconnection: close\r\nx-amzn-oidc-data: {}\r\n", site.token());
    status(&site.raw(&format!("{method} / HTTP/1.1\r\n{lines}\r\n")).await)
}

/// A service that resets the first requests with this reason and responds to further ones, and the number of its requests.
async fn resetting(refused: usize, reason: Reason) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let requests = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(respond(stream, Arc::clone(&counted), refused, reason));
        }
    });
    (url, requests)
}

async fn respond(stream: TcpStream, requests: Arc<AtomicUsize>, refused: usize, reason: Reason) {
    let mut connection = h2::server::handshake(stream).await.expect("HTTP/2");
    while let Some(Ok((_, mut response))) = connection.accept().await {
        if requests.fetch_add(1, Ordering::SeqCst) < refused {
            response.send_reset(reason);
        } else {
            response.send_response(http::Response::new(()), true).expect("sent");
        }
    }
}

#[tokio::test]
async fn f_79_a_refused_stream_of_a_safe_method_is_sent_once_more_and_no_other_reset() {
    for (case, method, refused, reason, expected, attempts) in [
        ("refused once", "GET", 1, Reason::REFUSED_STREAM, 200, 2),
        ("refused twice", "GET", 2, Reason::REFUSED_STREAM, 502, 2),
        ("a method that is not safe", "DELETE", 1, Reason::REFUSED_STREAM, 502, 1),
        ("an error of the service", "GET", 1, Reason::INTERNAL_ERROR, 502, 1),
        ("too many requests", "GET", 1, Reason::ENHANCE_YOUR_CALM, 502, 1),
        ("cancelled", "GET", 1, Reason::CANCEL, 502, 1),
    ] {
        let (url, requests) = resetting(refused, reason).await;
        let site = Site::in_front_of(&url, LINES, Log::default()).await;
        assert_eq!(send(&site, method).await, expected, "{case}");
        assert_eq!(requests.load(Ordering::SeqCst), attempts, "{case}");
    }
}

/// Reads frames (RFC 9113 section 4.1) until one of this type.
async fn read_until(stream: &mut TcpStream, kind: u8) {
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.expect("a frame");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut rest = vec![0; usize::try_from(length).expect("a length")];
        stream.read_exact(&mut rest).await.expect("its content");
        if head[3] == kind {
            return;
        }
    }
}

/// A server that shuts down: the last stream that it processes is before the request's. It keeps the connection open.
#[tokio::test]
async fn f_79_a_stream_after_the_last_one_of_goaway_is_sent_once_more_if_the_server_shuts_down() {
    const HEADERS: u8 = 1;
    for (reason, method, expected, attempts) in [
        (Reason::NO_ERROR, "GET", 200, 2),
        (Reason::NO_ERROR, "DELETE", 502, 1),
        (Reason::ENHANCE_YOUR_CALM, "GET", 502, 1),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&requests);
        tokio::spawn(async move {
            let (mut first, _) = listener.accept().await.expect("a connection");
            let mut preface = [0; 24];
            first.read_exact(&mut preface).await.expect("the preface");
            let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
            first.write_all(&settings).await.expect("written");
            read_until(&mut first, HEADERS).await;
            counted.fetch_add(1, Ordering::SeqCst);
            let go_away = [&[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &u32::from(reason).to_be_bytes()].concat();
            first.write_all(&go_away).await.expect("written");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(respond(stream, Arc::clone(&counted), 0, reason));
            }
        });
        let site = Site::in_front_of(&url, LINES, Log::default()).await;
        assert_eq!(send(&site, method).await, expected, "{reason:?} {method}");
        assert_eq!(requests.load(Ordering::SeqCst), attempts, "{reason:?} {method}");
    }
}
