//! Requests as long as a load balancer sends them, and responses with a session, by the programs of the tables.

use std::net::{Ipv4Addr, SocketAddr};

use axum::{
    Router,
    http::{HeaderMap, HeaderValue, header::SET_COOKIE},
    routing::any,
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use tokio::net::TcpListener;

use super::{
    programs::{Limits, command, nginx},
    running::{Place, Running},
};
use crate::support::between::{PROXIES, RESPONSES, Requests, SERVERS, cookies, requests};

/// A server that accepts everything, unless its limit for HTTP/2 is the default one, and sends a session at `/session`.
async fn upstream(limits: Limits) -> SocketAddr {
    let session = async || {
        let mut headers = HeaderMap::new();
        for cookie in cookies() {
            let cookie = format!("{cookie}; HttpOnly; Path=/; Max-Age=604800");
            headers.append(SET_COOKIE, HeaderValue::try_from(cookie).expect("ASCII"));
        }
        (headers, "ok")
    };
    let app = Router::new().route("/session", any(session)).fallback(any(async || "ok"));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(app.clone());
            tokio::spawn(async move {
                let mut server = auto::Builder::new(TokioExecutor::new());
                if limits == Limits::Raised {
                    server.http2().max_header_list_size(64 * 1024);
                }
                let _ = server.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    address
}

async fn start(name: &str, limits: Limits) -> Running {
    let place = Place::new(upstream(limits).await);
    let command = command(name, limits, &place);
    Running::start(place, command).await
}

async fn request_cells(name: &str, limits: Limits) -> Vec<String> {
    let running = start(name, limits).await;
    let mut cells = Vec::new();
    for lines in requests() {
        cells.push(running.get("/", &lines).await.cell());
    }
    cells
}

/// What differs from the table's rows, all of it.
async fn compare_requests(rows: &[Requests]) {
    let mut different = Vec::new();
    for (name, _, expected, setting) in rows {
        let found = request_cells(name, Limits::Default).await;
        if found != *expected {
            different.push(format!("{name}: {found:?}, not {expected:?}"));
        }
        // Of what accepts everything, no setting is named.
        assert_eq!(setting.is_empty(), expected.iter().all(|cell| *cell == "yes"), "{name}");
        if !setting.is_empty() {
            let found = request_cells(name, Limits::Raised).await;
            if found != ["yes"; 3] {
                different.push(format!("{name} with {setting}: {found:?}"));
            }
        }
    }
    assert_eq!(different, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "peer: Node.js, gunicorn, uWSGI, waitress, uvicorn, hypercorn and aiohttp, installed by .ci/peers"]
async fn f_50_servers_accept_headers_as_long_as_the_table_says() {
    // The first two are Rust: tests/layer/header_sizes.rs.
    compare_requests(&SERVERS[2..]).await;
}

#[tokio::test]
#[ignore = "peer: nginx, HAProxy, Apache, Caddy, Envoy, Varnish, lighttpd and Squid, installed by .ci/peers"]
async fn f_50_proxies_pass_on_headers_as_long_as_the_table_says() {
    compare_requests(&PROXIES).await;
}

async fn session_cell(name: &str, limits: Limits) -> String {
    let running = match (name, limits) {
        // Its setting for responses is another one than that for requests.
        ("nginx", Limits::Raised) => {
            let place = Place::new(upstream(limits).await);
            let command = nginx(&place, "proxy_buffer_size 32k; proxy_buffers 8 32k;", "");
            Running::start(place, command).await
        }
        _ => start(name, limits).await,
    };
    let response = running.get("/session", &[]).await;
    match (response.cell().as_str(), response.lines("set-cookie: AWSELBAuthSessionCookie-")) {
        ("yes", 4) => "yes".to_owned(),
        (status, 0) => status.to_owned(),
        (status, cookies) => format!("{status} with {cookies} cookies"),
    }
}

#[tokio::test]
#[ignore = "peer: nginx, HAProxy, Apache, Caddy, Envoy, Varnish, lighttpd and Squid, installed by .ci/peers"]
async fn f_51_proxies_pass_on_a_session_in_cookies_as_the_table_says() {
    let mut different = Vec::new();
    for (name, expected, setting) in RESPONSES {
        let found = session_cell(name, Limits::Default).await;
        if found != expected {
            different.push(format!("{name}: {found}, not {expected}"));
        }
        assert_eq!(setting.is_empty(), expected == "yes", "{name}");
        if !setting.is_empty() {
            let found = session_cell(name, Limits::Raised).await;
            if found != "yes" {
                different.push(format!("{name} with {setting}: {found}"));
            }
        }
    }
    assert_eq!(different, Vec::<String>::new());
}
