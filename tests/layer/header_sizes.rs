//! Requests as long as a load balancer sends them, at the servers of Rust.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, routing::any};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tonic::{
    Code, Request,
    transport::{Channel, Server, server::TcpIncoming},
};
use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
use tower_alb_auth::{
    BackstageIdentity,
    test_util::{MockAlb, User},
};

use crate::support::{
    between::{MAX_LINE, SERVERS, session},
    wire::{Caller, Http},
};

const RAISED: u32 = 64 * 1024;

/// A token whose header line has at most so many bytes, and at least this number less 8.
fn token(alb: &MockAlb, line: usize) -> String {
    let most = line - "x-amzn-oidc-data: ".len();
    let of = |filler: usize| alb.sign(&User::jane().claim("filler", "x".repeat(filler)));
    let start = (most - of(0).len()) / 4 * 3;
    let tokens = (start.saturating_sub(8)..start + 8).map(of).filter(|token| token.len() <= most);
    let token = tokens.max_by_key(String::len).expect("a token that fits");
    assert!(token.len() > most - 8, "{} of {most}", token.len());
    token
}

/// The requests of the tables' columns, for a user: a token, and cookies.
fn requests(alb: &MockAlb) -> [(String, String); 3] {
    [(token(alb, 9 * 1024), String::new()), (token(alb, MAX_LINE), String::new()), (token(alb, 15 * 1024), session())]
}

/// An application that counts its calls.
fn application(alb: &MockAlb) -> (Router, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let greet = async move |user: BackstageIdentity| {
        counted.fetch_add(1, Ordering::SeqCst);
        user.user_entity_ref().to_string()
    };
    (Router::new().fallback(any(greet)).layer(alb.layer()), calls)
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// As docs/SERVICES.md shows it.
async fn serve_with_room(app: Router) -> SocketAddr {
    let (listener, address) = listener().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(app.clone());
            tokio::spawn(async move {
                let mut server = auto::Builder::new(TokioExecutor::new());
                server.http2().max_header_list_size(RAISED);
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

/// The cell of a table: `yes`, or the status that came instead.
async fn cell(http: Http, server: SocketAddr, alb: &MockAlb, (token, cookies): &(String, String)) -> String {
    let mut request = alb.request("/").header("x-amzn-oidc-data", token);
    if !cookies.is_empty() {
        request = request.header("cookie", cookies);
    }
    let answer = Caller::new(http, server).call(request).await;
    match answer.said() {
        (200, "user:default/jane.doe") => "yes".to_owned(),
        (status, _) => status.to_string(),
    }
}

/// The same port takes by HTTP/1.1 what it rejects by HTTP/2.
#[tokio::test]
async fn f_50_header_lists_over_16_kib_reach_no_handler_over_http2_unless_the_limit_is_raised() {
    let alb = MockAlb::new();
    let (app, calls) = application(&alb);
    let (listener, address) = listener().await;
    let default = app.clone();
    tokio::spawn(async move { axum::serve(listener, default).await });
    let raised = serve_with_room(app).await;
    for (column, request) in requests(&alb).iter().enumerate() {
        for (http, (name, _, expected, _)) in [(Http::One, SERVERS[0]), (Http::Two, SERVERS[1])] {
            let before = calls.load(Ordering::SeqCst);
            assert_eq!(cell(http, address, &alb, request).await, expected[column], "{name}, column {column}");
            let ran = calls.load(Ordering::SeqCst) - before;
            assert_eq!(ran, usize::from(expected[column] == "yes"), "{name}, column {column}");
            assert_eq!(cell(http, raised, &alb, request).await, "yes", "{name} with room, column {column}");
        }
    }
}

/// tonic on a free port, and its address.
fn serve_tonic(server: Server, alb: &MockAlb) -> SocketAddr {
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let address = incoming.local_addr().expect("an address");
    let (_, health) = tonic_health::server::health_reporter();
    tokio::spawn(server.layer(alb.layer()).add_service(health).serve_with_incoming(incoming));
    address
}

async fn call_tonic(server: SocketAddr, (token, cookies): &(String, String)) -> Result<(), (Code, String)> {
    let channel = Channel::from_shared(format!("http://{server}")).expect("an address");
    let mut client = HealthClient::new(channel.connect().await.expect("a connection"));
    let mut request = Request::new(HealthCheckRequest::default());
    request.metadata_mut().insert("x-amzn-oidc-data", token.parse().expect("ASCII"));
    if !cookies.is_empty() {
        request.metadata_mut().insert("cookie", cookies.parse().expect("ASCII"));
    }
    let result = client.check(request).await;
    result.map(|_| ()).map_err(|status| (status.code(), status.message().to_owned()))
}

#[tokio::test]
async fn f_50_tonic_shows_unknown_for_a_header_list_over_16_kib_unless_the_limit_is_raised() {
    let alb = MockAlb::new();
    let default = serve_tonic(Server::builder(), &alb);
    let raised = serve_tonic(Server::builder().http2_max_header_list_size(RAISED), &alb);
    let (name, _, expected, _) = SERVERS[1];
    for (column, request) in requests(&alb).iter().enumerate() {
        let found = call_tonic(default, request).await;
        match expected[column] {
            "yes" => assert_eq!(found, Ok(()), "{name}, column {column}"),
            status => {
                let (code, message) = found.expect_err(name);
                assert_eq!(code, Code::Unknown, "{message}");
                assert!(message.contains(status), "{message}");
            }
        }
        assert_eq!(call_tonic(raised, request).await, Ok(()), "{name} with room, column {column}");
    }
}
