//! F-75: a service that closes a connection at the moment when the next request is sent on it.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::site::{Log, Site, status};

/// Reads a request without a body, or with this one. `None` at the end of the connection.
async fn request(stream: &mut TcpStream, body: &str) -> Option<()> {
    let mut text = Vec::new();
    loop {
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => text.extend_from_slice(&part[..length]),
        }
        let whole = String::from_utf8_lossy(&text);
        if whole.ends_with("\r\n\r\n") && !whole.starts_with("POST") || whole.ends_with(body) && !body.is_empty() {
            return Some(());
        }
    }
}

/// Responds to the first request of a connection, and closes it at the second.
async fn service(listener: TcpListener, requests: Arc<AtomicUsize>) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { return };
        let requests = Arc::clone(&requests);
        tokio::spawn(async move {
            if request(&mut stream, "body").await.is_some() {
                requests.fetch_add(1, Ordering::SeqCst);
                let response = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                stream.write_all(response.as_bytes()).await.expect("written");
            }
            if request(&mut stream, "body").await.is_some() {
                requests.fetch_add(1, Ordering::SeqCst);
            }
        });
    }
}

#[tokio::test]
async fn f_75_a_request_of_a_safe_method_is_sent_again_and_any_other_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("an address");
    let address = listener.local_addr().expect("an address");
    let requests = Arc::<AtomicUsize>::default();
    tokio::spawn(service(listener, Arc::clone(&requests)));
    let site = Site::in_front_of(&format!("http://{address}"), "", Log::default()).await;
    let jane = format!("x-amzn-oidc-data: {}\r\n", site.token());
    assert_eq!(status(&site.get("/", &jane).await), 200);
    assert_eq!(status(&site.get("/", &jane).await), 200, "on another connection");
    assert_eq!(requests.load(Ordering::SeqCst), 3);
    let post = format!("POST / HTTP/1.1\r\nhost: a\r\n{jane}content-length: 4\r\nconnection: close\r\n\r\nbody");
    assert_eq!(status(&site.raw(&post).await), 502, "it may have taken effect");
    assert_eq!(requests.load(Ordering::SeqCst), 4);
}
