//! WebSockets, and connections that take their time.

use std::time::Duration;

use axum::{
    Router,
    extract::ws::{Message, WebSocketUpgrade},
    routing::any,
};
use futures::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite;

use crate::load_balancer::{
    proxy::{in_front_of, serve},
    site::Site,
};

async fn echo(upgrade: WebSocketUpgrade) -> axum::response::Response {
    upgrade.on_upgrade(async |mut socket| {
        while let Some(Ok(message)) = socket.recv().await {
            if let Message::Text(text) = message
                && socket.send(Message::Text(text)).await.is_err()
            {
                break;
            }
        }
    })
}

#[tokio::test]
async fn a_web_socket_goes_both_ways_and_closes() {
    let emulator = in_front_of(&serve(Router::new().route("/echo", any(echo))).await).await;
    let url = format!("ws://127.0.0.1:{}/echo", emulator.address().port());
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("a web socket");
    for text in ["one", "two"] {
        socket.send(tungstenite::Message::text(text)).await.expect("sent");
        assert_eq!(socket.next().await.expect("a message").expect("sound").into_text().expect("a text").as_str(), text);
    }
    socket.close(None).await.expect("closed");
    while let Some(Ok(message)) = socket.next().await {
        assert!(message.is_close());
    }
}

/// The session is asked for at the upgrade, as for any request.
#[tokio::test]
async fn a_web_socket_without_a_session_is_not_opened() {
    let site = Site::new().await;
    let url = format!("ws://127.0.0.1:{}/chat", site.emulator.address().port());
    match tokio_tungstenite::connect_async(url).await {
        Err(tungstenite::Error::Http(answer)) => assert_eq!(answer.status(), 302),
        other => panic!("{other:?}"),
    }
    assert_eq!(site.calls(), 0);
}

#[tokio::test]
async fn slow_clients_do_not_keep_others_waiting() {
    let emulator = in_front_of(&serve(Router::new().fallback(any(async || "well"))).await).await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(emulator.address()).await.expect("a connection");
        stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\nx-slow: ").await.expect("written");
        slow.push(stream);
    }
    let url = format!("http://127.0.0.1:{}/", emulator.address().port());
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().expect("a client");
    assert_eq!(client.get(url).send().await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_shutdown_ends_in_seconds_though_connections_stay_open() {
    let emulator = in_front_of(&serve(Router::new().route("/echo", any(echo))).await).await;
    let url = format!("ws://127.0.0.1:{}/echo", emulator.address().port());
    let (_socket, _) = tokio_tungstenite::connect_async(url).await.expect("a web socket");
    let mut idle = TcpStream::connect(emulator.address()).await.expect("a connection");
    let address = emulator.address();
    tokio::time::timeout(Duration::from_secs(20), emulator.shutdown()).await.expect("an end");
    assert!(TcpStream::connect(address).await.is_err(), "nobody listens any more");
    let mut buffer = [0; 16];
    let read = tokio::time::timeout(Duration::from_secs(20), idle.read(&mut buffer)).await.expect("an end");
    assert!(matches!(read, Ok(0) | Err(_)));
}
