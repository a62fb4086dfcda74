//! The connections that queries use, and compressed responses.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Json, Router, http::HeaderMap, routing::get, serve::ListenerExt as _};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
};
use tower_alb_auth::{
    AuthErrorKind,
    sign_in::Catalog,
    test_util::{MockAlb, User},
};
use tower_http::compression::{CompressionLayer, predicate::SizeAbove};

use crate::catalog::{app, server::user, sign_in};

const EMAIL: &str = "jane@example.com";

fn catalog(url: &str) -> Catalog {
    Catalog::at(url).token("a-token").build().expect("a sound configuration")
}

/// A catalog of Jane, with the number of connections that it accepted.
async fn counting() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let connections = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connections);
    let listener = listener.tap_io(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    let routes = Router::new().route("/entities", get(|| async { Json(json!([user("jane", EMAIL, &[])])) }));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, connections)
}

async fn assert_signed_in(catalog: &Catalog) {
    sign_in(catalog.by_profile_email(), EMAIL).await.assert_ok("user:default/jane");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

#[tokio::test]
async fn queries_one_after_another_share_one_connection() {
    let (url, connections) = counting().await;
    let alb = MockAlb::new();
    let app = app(&alb, catalog(&url).by_profile_email());
    for number in 0..200 {
        let user = User::empty().claim("sub", format!("subject-{number}")).claim("email", EMAIL);
        app.call(alb.request("/").user(&user)).await.assert_ok("user:default/jane");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// The connections of a runtime that has ended, or that is not polled any more, are not used by another one.
#[test]
fn a_query_uses_no_connection_of_another_runtime() {
    let server = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let (url, connections) = server.block_on(counting());
    let catalog = catalog(&url);
    let ended = runtime();
    ended.block_on(assert_signed_in(&catalog));
    drop(ended);
    let not_polled = runtime();
    not_polled.block_on(assert_signed_in(&catalog));
    runtime().block_on(assert_signed_in(&catalog));
    assert_eq!(connections.load(Ordering::SeqCst), 3);
    drop(not_polled);
}

/// Reads one request; `false` if the client closed the connection.
async fn one_request(stream: &mut TcpStream) -> bool {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => read.push(byte),
            Err(_) => return false,
        }
    }
    true
}

#[tokio::test]
async fn a_connection_that_the_catalog_closes_at_the_next_query_is_replaced() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (connections, counted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counter, requests) = (Arc::clone(&connections), Arc::clone(&counted));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let requests = Arc::clone(&requests);
            tokio::spawn(async move {
                let body = json!([user("jane", EMAIL, &[])]).to_string();
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
                // One response, and none to the second request: the connection ends.
                if one_request(&mut stream).await {
                    requests.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                }
                if one_request(&mut stream).await {
                    requests.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    let catalog = catalog(&url);
    assert_signed_in(&catalog).await;
    assert_signed_in(&catalog).await;
    assert_eq!((connections.load(Ordering::SeqCst), counted.load(Ordering::SeqCst)), (2, 3));
}

/// As Backstage's back end: bodies over 1 KB are compressed.
async fn compressing(padding: usize) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let jane = move |headers: HeaderMap| async move {
        assert_eq!(headers.get("accept-encoding").map(|value| value.as_bytes()), Some(&b"gzip"[..]));
        let mut jane = user("jane", EMAIL, &["group:default/admins"]);
        jane["metadata"]["description"] = "x".repeat(padding).into();
        Json(json!([jane]))
    };
    let layer = CompressionLayer::new().compress_when(SizeAbove::new(1024));
    let routes = Router::new().route("/entities", get(jane)).layer(layer);
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

#[tokio::test]
async fn a_compressed_response_is_read() {
    for padding in [0, 100_000] {
        assert_signed_in(&catalog(&compressing(padding).await)).await;
    }
}

#[tokio::test]
async fn a_response_that_is_large_only_without_its_compression_is_503() {
    let answer = sign_in(catalog(&compressing(5 * 1024 * 1024).await).by_profile_email(), EMAIL).await;
    assert_eq!((answer.status.as_u16(), answer.kind()), (503, Some(AuthErrorKind::SignInUnavailable)));
    let said = answer.error.expect("an error").operator_message();
    assert!(said.contains("more than 4194304 bytes"), "{said}");
}

#[tokio::test]
async fn a_response_in_an_encoding_that_was_not_requested_or_is_invalid_is_503() {
    for (encoding, part) in [("br", "was not requested"), ("gzip", "invalid"), ("gzip, gzip", "was not requested")] {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let routes =
            Router::new().route("/entities", get(move || async move { ([("content-encoding", encoding)], "[]") }));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        let answer = sign_in(catalog(&url).by_profile_email(), EMAIL).await;
        assert_eq!(answer.status.as_u16(), 503, "{encoding}");
        let said = answer.error.expect("an error").operator_message();
        assert!(said.contains(part), "{encoding}: {said}");
    }
}
