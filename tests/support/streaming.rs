//! A service behind a proxy under test.

use std::net::Ipv4Addr;

use axum::{
    Router,
    body::{Body, Bytes},
    http::{Response, StatusCode},
    routing::any,
};
use futures::{StreamExt as _, stream};
use tokio::net::TcpListener;

/// `/stream` sends one event and then nothing; `/long` refuses a request as one with headers that are too long.
pub fn service() -> Router {
    let endless = || {
        let word = stream::once(async { Ok::<_, std::convert::Infallible>(Bytes::from_static(b"data: one\n\n")) });
        Response::new(Body::from_stream(word.chain(stream::pending())))
    };
    let stream = any(async move || endless());
    let long = any(async || StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    Router::new().route("/stream", stream).route("/long", long).fallback(async || "hello")
}

/// Serves it on a free port of this machine until the test ends, and returns its URL.
pub async fn serve(app: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}
