#!/usr/bin/env bash
# axum::serve rejects over HTTP/2 a request that the same port accepts over HTTP/1.1, and has no setting for it.
#
# hyper has room for some 400 KB of headers over HTTP/1.1. Over HTTP/2 its limit is 16 KiB for the whole list, in which each
# header counts 32 bytes more. A longer list gets 431 from the HTTP/2 library, before any layer or handler, so that no log of the
# application has it. A load balancer that signs users in sends a token of up to 16 KB and session cookies of up to 16 KB: with a
# proxy in between that uses HTTP/2, the users with many groups are rejected, and these alone. hyper-util's server has the setting
# max_header_list_size, and tonic has http2_max_header_list_size; axum::serve configures neither.
#
# Versions:  axum 0.8.9, hyper 1.12.0, hyper-util 0.1.21; Rust 1.95. HTTP/2 with prior knowledge, on loopback.
# Behaviour seen, a request with one header of this size, and how often the handler ran:
#
#                                     15,000 bytes    16,384 bytes    30,000 bytes
#   axum::serve, HTTP/1.1             200, once       200, once       200, once
#   axum::serve, HTTP/2               200, once       431, never      431, never
#   hyper-util with 64 KiB, HTTP/2    200, once       200, once       200, once
#
# Exits with 0 where that is so, with 1 where it is not any more. Needs cargo; writes into a temporary folder alone.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "header-lists"
version = "0.0.0"
edition = "2024"

[dependencies]
axum = { version = "=0.8.9", default-features = false, features = ["http1", "http2", "tokio"] }
hyper = "=1.12.0"
hyper-util = { version = "=0.1.21", features = ["client-legacy", "http1", "http2", "server-auto", "service", "tokio"] }
tokio = { version = "=1.54.1", features = ["macros", "net", "rt-multi-thread"] }
TOML
cat >src/main.rs <<'RUST'
use std::{
    net::SocketAddr,
    sync::atomic::{AtomicUsize, Ordering},
};

use axum::{Router, body::Body, http::Request, routing::get};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;

static CALLS: AtomicUsize = AtomicUsize::new(0);

fn app() -> Router {
    Router::new().route("/", get(async || CALLS.fetch_add(1, Ordering::SeqCst).to_string()))
}

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

async fn with_room(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut server = auto::Builder::new(TokioExecutor::new());
            server.http2().max_header_list_size(64 * 1024);
            let _ = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app())).await;
        });
    }
}

/// The status of a request with a header of this size, and how often the handler ran.
async fn seen(server: SocketAddr, http2: bool, size: usize) -> (u16, usize) {
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new()).http2_only(http2).build_http();
    let request = Request::get(format!("http://{server}/")).header("x-token", "x".repeat(size)).body(Body::empty());
    let before = CALLS.load(Ordering::SeqCst);
    let response = client.request(request.expect("a request")).await.expect("a response");
    (response.status().as_u16(), CALLS.load(Ordering::SeqCst) - before)
}

#[tokio::main]
async fn main() {
    let (listener, default) = listen().await;
    tokio::spawn(async move { axum::serve(listener, app()).await });
    let (listener, raised) = listen().await;
    tokio::spawn(with_room(listener));
    let mut as_seen = true;
    for (name, server, http2, expected) in [
        ("axum::serve, HTTP/1.1", default, false, [(200, 1), (200, 1), (200, 1)]),
        ("axum::serve, HTTP/2", default, true, [(200, 1), (431, 0), (431, 0)]),
        ("hyper-util with 64 KiB, HTTP/2", raised, true, [(200, 1), (200, 1), (200, 1)]),
    ] {
        for (size, expected) in [15_000, 16_384, 30_000].into_iter().zip(expected) {
            let found = seen(server, http2, size).await;
            println!("{name}, {size} bytes: {}, handler ran {} times", found.0, found.1);
            as_seen &= found == expected;
        }
    }
    if !as_seen {
        eprintln!("not what the header of this script says");
        std::process::exit(1);
    }
}
RUST
CARGO_TARGET_DIR="$folder/target" cargo run --quiet
