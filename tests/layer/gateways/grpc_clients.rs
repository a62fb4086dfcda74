//! What clients of gRPC make of the layer's refusals, and of a load balancer's own responses. The table of
//! docs/SERVICES.md holds what was measured, and these tests hold the table.

use std::{collections::BTreeMap, fs, net::SocketAddr};

use axum::{Router, body::Body, response::Response, routing::any};
use http::{HeaderValue, StatusCode};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tonic::{Status, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tonic_web::GrpcWebClientLayer;
use tower::ServiceBuilder;
use tower_alb_auth::{
    AlbAuthLayer, RequireLayer,
    sign_in::{self, SignIn, SignInError},
    test_util::{MockAlb, User},
};
use tower_http::set_header::SetRequestHeaderLayer;

use crate::gateways::peers;

const STATUSES: [u16; 5] = [401, 403, 409, 503, 500];

/// Clients that speak gRPC over HTTP/2, and those that speak gRPC-Web over HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Grpc,
    GrpcWeb,
}

/// One row of the table: its name, and the server that answers so.
struct Row {
    name: String,
    server: SocketAddr,
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free loopback port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

/// An application whose layer refuses every call with this status.
fn refusing(alb: &MockAlb, status: u16, by_http_status: bool) -> Router {
    let service = Router::new().fallback(any(async || ""));
    if status == 500 {
        // The layer around it is missing.
        return service.layer(RequireLayer::signed_in());
    }
    let policy = sign_in::from_fn(move |_| {
        Err::<SignIn, _>(match status {
            403 => SignInError::refused("no"),
            409 => SignInError::ambiguous("two"),
            _ => SignInError::unavailable("down"),
        })
    });
    let layer = AlbAuthLayer::new(alb.config_builder().sign_in(policy).build().expect("a sound configuration"));
    let layer = if by_http_status { layer.refuse_by_http_status() } else { layer };
    let service = service.layer(layer);
    if status == 401 {
        return service;
    }
    let token = HeaderValue::from_str(&alb.sign(&User::jane())).expect("ASCII");
    service.layer(SetRequestHeaderLayer::overriding(http::HeaderName::from_static("x-amzn-oidc-data"), token))
}

/// A server that answers so to everything.
fn scripted(status: u16, headers: &'static [(&'static str, &'static str)], body: &'static str) -> Router {
    Router::new().fallback(any(async move || {
        let response = Response::builder().status(StatusCode::from_u16(status).expect("a status"));
        let response = headers.iter().fold(response, |response, (name, value)| response.header(*name, *value));
        response.body(Body::from(body)).expect("a response")
    }))
}

async fn rows(alb: &MockAlb, protocol: Protocol) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut add = |name: String, server: SocketAddr| rows.push(Row { name, server });
    for status in STATUSES {
        add(format!("the layer's {status}"), serve(refusing(alb, status, false)).await);
    }
    for status in [401, 403, 409, 503] {
        add(format!("{status} by `refuse_by_http_status`"), serve(refusing(alb, status, true)).await);
    }
    if protocol == Protocol::Grpc {
        // What the layer answers over HTTP/1.1, where a proxy hands it on over HTTP/2.
        const HANDED_ON: [(u16, &[(&str, &str)]); 3] = [
            (401, &[("content-type", "application/grpc"), ("grpc-status", "16")]),
            (403, &[("content-type", "application/grpc"), ("grpc-status", "7")]),
            (503, &[("content-type", "application/grpc"), ("grpc-status", "14"), ("retry-after", "1")]),
        ];
        for (status, headers) in HANDED_ON {
            add(format!("{status} over HTTP/1.1, by a proxy"), serve(scripted(status, headers, "")).await);
        }
    }
    const MOVED: &[(&str, &str)] = &[
        ("server", "awselb/2.0"),
        ("content-type", "text/html"),
        // To a provider that does not answer: no server listens at port 1.
        ("location", "http://127.0.0.1:1/authorize?client_id=my-application"),
    ];
    const HTML: &[(&str, &str)] = &[("server", "awselb/2.0"), ("content-type", "text/html")];
    for status in [401, 403, 503] {
        add(format!("another {status} without a body"), serve(scripted(status, &[], "")).await);
    }
    add("another 401 with a text".to_owned(), serve(scripted(401, &[("content-type", "text/plain")], "sign in")).await);
    add("302 of the load balancer".to_owned(), serve(scripted(302, MOVED, "<html>302 Found</html>")).await);
    add("401 of the load balancer".to_owned(), serve(scripted(401, HTML, "<html>401</html>")).await);
    add("431 of a server".to_owned(), serve(scripted(431, &[], "")).await);
    add("561 of the load balancer".to_owned(), serve(scripted(561, HTML, "<html>561</html>")).await);
    rows
}

/// The column of the table in docs/SERVICES.md whose heading this is: row to cell.
fn documented(heading: &str) -> BTreeMap<String, String> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/SERVICES.md")).expect("the page");
    let cells = |line: &str| -> Vec<String> {
        line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let lines: Vec<&str> = page.lines().collect();
    let start = lines
        .iter()
        .position(|line| line.starts_with('|') && cells(line).iter().any(|cell| cell == heading))
        .unwrap_or_else(|| panic!("no table of docs/SERVICES.md has the column {heading:?}"));
    let column = cells(lines[start]).iter().position(|cell| cell == heading).expect("just found");
    let rows = lines[start + 2..].iter().take_while(|line| line.starts_with('|'));
    rows.map(|line| cells(line))
        .filter(|row| row[column] != "-")
        .map(|row| (row[0].clone(), row[column].clone()))
        .collect()
}

/// That a client saw what the table says. Codes are compared by their names without underscores and case.
fn hold(client: &str, rows: &[Row], codes: &[String]) {
    let measured: BTreeMap<String, String> =
        rows.iter().map(|row| row.name.clone()).zip(codes.iter().map(|code| plain(code))).collect();
    let documented: BTreeMap<String, String> =
        documented(client).into_iter().map(|(row, code)| (row, plain(&code))).collect();
    assert_eq!(measured, documented, "{client}: what was measured, and what the table of docs/SERVICES.md says");
}

fn plain(code: &str) -> String {
    code.replace('_', "").to_ascii_lowercase()
}

/// The version of a package in Cargo.lock, for the heading of its column.
fn locked(package: &str) -> String {
    let lock = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).expect("the lock file");
    let entry = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{package}\"\n")));
    let version = entry.and_then(|entry| entry.lines().find_map(|line| line.strip_prefix("version = ")));
    format!("{package} {}", version.expect("it is locked").trim_matches('"'))
}

fn code(answer: Result<tonic::Response<impl Sized>, Status>) -> String {
    answer.map_or_else(|status| format!("{:?}", status.code()), |_| "OK".to_owned())
}

#[tokio::test]
async fn s_79_tonic_sees_what_the_table_says() {
    let alb = MockAlb::new().serve().await;
    let rows = rows(&alb, Protocol::Grpc).await;
    let mut codes = Vec::new();
    for row in &rows {
        let channel = Channel::from_shared(format!("http://{}", row.server)).expect("an address").connect().await;
        let answer = HealthClient::new(channel.expect("a connection")).check(HealthCheckRequest::default()).await;
        println!("{}: {:?}", row.name, answer.as_ref().map_err(|status| (status.code(), status.message())));
        codes.push(code(answer));
    }
    hold(&locked("tonic"), &rows, &codes);
}

#[tokio::test]
async fn s_79_a_client_of_tonic_web_sees_what_the_table_says() {
    let alb = MockAlb::new().serve().await;
    let rows = rows(&alb, Protocol::GrpcWeb).await;
    let mut codes = Vec::new();
    for row in &rows {
        let http = Client::builder(TokioExecutor::new()).build_http();
        let service = ServiceBuilder::new().layer(GrpcWebClientLayer::new()).service(http);
        let origin = format!("http://{}", row.server).parse().expect("an address");
        let answer = HealthClient::with_origin(service, origin).check(HealthCheckRequest::default()).await;
        println!("{}: {:?}", row.name, answer.as_ref().map_err(|status| (status.code(), status.message())));
        codes.push(code(answer));
    }
    hold(&locked("tonic-web"), &rows, &codes);
}

/// What a script says of all rows, under a heading with the version of its package.
async fn by_script(package: &str, protocol: Protocol, program: &str, script: &str) {
    let alb = MockAlb::new().serve().await;
    let rows = rows(&alb, protocol).await;
    let servers: Vec<String> = rows.iter().map(|row| row.server.to_string()).collect();
    let arguments: Vec<&str> = [script].into_iter().chain(servers.iter().map(String::as_str)).collect();
    let printed = peers::printed(program, &arguments).await;
    let (version, answers): (String, Vec<(String, String)>) = serde_json::from_str(&printed).expect("JSON");
    for (row, answer) in rows.iter().zip(&answers) {
        println!("{}: {answer:?}", row.name);
    }
    let codes: Vec<String> = answers.into_iter().map(|(code, _)| code).collect();
    hold(&format!("{package} {version}"), &rows, &codes);
}

#[tokio::test]
#[ignore = "peer: the npm package @grpc/grpc-js, installed by .ci/peers"]
async fn s_79_grpc_js_sees_what_the_table_says() {
    by_script("@grpc/grpc-js", Protocol::Grpc, "node", "grpc-js.mjs").await;
}

#[tokio::test]
#[ignore = "peer: the npm package grpc-web, installed by .ci/peers"]
async fn s_79_grpc_web_sees_what_the_table_says() {
    by_script("grpc-web", Protocol::GrpcWeb, "node", "grpc-web.mjs").await;
}

#[tokio::test]
#[ignore = "peer: the PyPI package grpcio, installed by .ci/peers"]
async fn s_79_grpcio_sees_what_the_table_says() {
    by_script("grpcio", Protocol::Grpc, "venv/bin/python", "grpc_python.py").await;
}
