//! Clients that take no response, and those that take their time.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use axum::{Router, body::Body, routing::get};
use bytes::Bytes;
use futures::stream;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::site::{LONG, Log, Site, serve, status};

/// Much longer than the timeout of these tests, and much shorter than for ever.
const SOON: Duration = Duration::from_secs(20);
const LINES: &str = "idle_timeout_seconds: 1\nheader_timeout_seconds: 1\nexempt: [/long, /silent]\n";
const LENGTH: usize = 32 << 20;

async fn connected(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    socket.connect(address).await.expect("a connection")
}

/// Any client can do it without a token: it grants no window for the body of a refusal, and answers pings. Each connection took one
/// of `max_connections` for as long as the client wanted.
#[tokio::test]
async fn s_226_a_client_of_http_2_that_grants_no_window_keeps_no_connection() {
    let site = Site::with(LINES).await;
    let mut builder = h2::client::Builder::new();
    builder.initial_window_size(0);
    let stream = TcpStream::connect(site.address).await.expect("a connection");
    let (mut client, connection) = builder.handshake::<_, Bytes>(stream).await.expect("HTTP/2");
    let connection = tokio::spawn(connection);
    let request = http::Request::get("http://a/page").body(()).expect("a request");
    let (response, _) = client.send_request(request, true).expect("sent");
    let response = response.await.expect("a response");
    assert_eq!(response.status(), 401);
    let ended = tokio::time::timeout(SOON, connection).await.expect("the proxy closes the connection");
    drop((ended, response, client));
}

/// What the client takes late is there: the timeout of a short response is not that of a long one.
#[tokio::test]
async fn s_226_a_client_that_pauses_gets_the_whole_of_a_long_response() {
    let log = Log::default();
    let app = Router::new().route("/long", get(async || Body::from(vec![b'x'; LENGTH])));
    let upstream = serve(app).await;
    let site = Site::in_front_of(&format!("http://{upstream}"), LINES, log).await;
    let mut client = connected(site.address).await;
    client.write_all(b"GET /long HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.expect("sent");
    // The pause is what is tested.
    tokio::time::sleep(Duration::from_secs(4)).await;
    let mut response = Vec::new();
    tokio::time::timeout(LONG, client.read_to_end(&mut response)).await.expect("in time").expect("the whole");
    assert!(response.len() > LENGTH, "{}", response.len());
}

/// It is the service that is silent, and not the client.
#[tokio::test]
async fn s_226_a_response_that_is_silent_for_longer_than_the_timeout_goes_on() {
    let app = Router::new().route(
        "/silent",
        get(async || {
            let parts = stream::unfold(0, async |part: u64| {
                tokio::time::sleep(Duration::from_secs(2 * part)).await;
                (part < 3).then(|| (Ok::<_, Infallible>(Bytes::from(format!("part {part}\n"))), part + 1))
            });
            Body::from_stream(Box::pin(parts))
        }),
    );
    let upstream = serve(app).await;
    let site = Site::in_front_of(&format!("http://{upstream}"), LINES, Log::default()).await;
    let response = tokio::time::timeout(LONG, site.get("/silent", "")).await.expect("in time");
    assert_eq!(status(&response), 200, "{response}");
    assert!(response.contains("part 0") && response.contains("part 2"), "{response}");
}
