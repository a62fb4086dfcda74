#!/usr/bin/env bash
# tonic shows `Internal` for an HTTP error page, whatever its HTTP status; other clients of gRPC show the status's code.
#
# A proxy or a load balancer answers a call of gRPC by itself with an HTTP status and a page: 401 or 403 where a user is not
# signed in, 502, 503 or 504 where nothing is behind it. gRPC says what a client makes of a response without grpc-status (its
# document "HTTP to gRPC Status Code Mapping"): 401 is UNAUTHENTICATED, 403 PERMISSION_DENIED, 502 to 504 UNAVAILABLE. tonic
# does so where the response has no body. Where it has one, tonic reads the page as a message first, and its first byte as a
# compression flag. So a client that tries again on Unavailable does not, and one that signs in again on Unauthenticated does not.
#
# Versions:  tonic 0.14.9 and tonic-health 0.14.9 (client), hyper 1.12.0 (server), grpcio 1.85.3 (the other client); Rust 1.95.
# Behaviour seen, the same response to both clients, over HTTP/2 on loopback:
#
#   401 without a body    tonic Unauthenticated    grpcio UNAUTHENTICATED
#   401 with a page       tonic Internal           grpcio UNAUTHENTICATED
#   503 without a body    tonic Unavailable        grpcio UNAVAILABLE
#   503 with a page       tonic Internal           grpcio UNAVAILABLE
#
# tonic's message: protocol error: received message with invalid compression flag: 60 (valid flags are 0 and 1) while receiving
# response with status: 503 Service Unavailable
#
# Exits with 0 where that is so, with 1 where it is not any more. Needs cargo and python3 with venv; writes into a temporary
# folder alone.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "error-pages"
version = "0.0.0"
edition = "2024"

[dependencies]
bytes = "=1.12.2"
http-body-util = "=0.1.5"
hyper = { version = "=1.12.0", features = ["http2", "server"] }
hyper-util = { version = "=0.1.21", features = ["tokio"] }
tokio = { version = "=1.54.1", features = ["macros", "net", "process", "rt-multi-thread"] }
tonic = { version = "=0.14.9", default-features = false, features = ["transport"] }
tonic-health = "=0.14.9"
TOML
cat >src/main.rs <<'RUST'
use std::{convert::Infallible, net::SocketAddr, process::Stdio};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Response, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpListener, process::Command};
use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};

/// A server that answers so to everything.
async fn serve(status: u16, page: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = service_fn(move |_| async move {
                let response = Response::builder().status(status).header("content-type", "text/html");
                Ok::<_, Infallible>(response.body(Full::new(Bytes::from(page))).expect("a response"))
            });
            let connection = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), answer);
            tokio::spawn(connection);
        }
    });
    address
}

async fn tonic_shows(server: SocketAddr) -> (String, String) {
    let channel = Channel::from_shared(format!("http://{server}")).expect("an address").connect().await;
    let mut client = HealthClient::new(channel.expect("a connection"));
    let status = client.check(HealthCheckRequest::default()).await.expect_err("an error");
    (format!("{:?}", status.code()), status.message().to_owned())
}

async fn grpcio_shows(server: SocketAddr) -> String {
    let script = "import grpc, sys
channel = grpc.insecure_channel(sys.argv[1], options=[('grpc.enable_http_proxy', 0)])
try:
    channel.unary_unary('/grpc.health.v1.Health/Check')(b'', timeout=20)
except grpc.RpcError as error:
    print(error.code().name)";
    let mut python = Command::new("venv/bin/python");
    python.args(["-c", script, &server.to_string()]).stderr(Stdio::inherit());
    let output = python.output().await.expect("python");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

#[tokio::main]
async fn main() {
    let mut as_seen = true;
    for (status, page, tonic, grpcio) in [
        (401, "", "Unauthenticated", "UNAUTHENTICATED"),
        (401, "<html>401 Authorization Required</html>", "Internal", "UNAUTHENTICATED"),
        (503, "", "Unavailable", "UNAVAILABLE"),
        (503, "<html>503 Service Temporarily Unavailable</html>", "Internal", "UNAVAILABLE"),
    ] {
        let server = serve(status, page).await;
        let (code, message) = tonic_shows(server).await;
        let other = grpcio_shows(server).await;
        let body = if page.is_empty() { "without a body" } else { "with a page" };
        println!("{status} {body}: tonic {code} ({message}), grpcio {other}");
        as_seen &= code == tonic && other == grpcio;
    }
    if !as_seen {
        eprintln!("not what the header of this script says");
        std::process::exit(1);
    }
}
RUST
python3 -m venv venv
venv/bin/pip install --quiet grpcio==1.85.3
CARGO_TARGET_DIR="$folder/target" cargo run --quiet
