//! Heads of requests to the proxy, as bytes on a connection: hyper reads them, and nothing of what the client wrote as an
//! identity or as another target is left.

use std::{cell::RefCell, convert::Infallible, rc::Rc, sync::OnceLock};

use http::{HeaderMap, Method, Request, Response};
use http_body_util::Empty;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tower_alb_auth::fuzzing::auth_proxy::{Needs, Rules, edit, host};

/// What a server may read as the user, the path, the host or the method, folded as CGI does.
const IDENTITY: [&str; 12] = [
    "x-amzn-oidc-data",
    "x-amzn-oidc-identity",
    "x-amzn-oidc-accesstoken",
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-auth-request-user",
    "remote-user",
    "x-remote-user",
    "x-webauth-user",
    "cf-access-jwt-assertion",
    "x-team",
];
const OTHER_TARGETS: [&str; 8] = [
    "forwarded",
    "x-forwarded-host",
    "x-original-url",
    "x-rewrite-url",
    "x-forwarded-prefix",
    "x-http-method-override",
    "script-name",
    "path-info",
];
/// What the load balancer set, which `Connection` must not remove.
const KEPT: [&str; 3] = ["x-forwarded-for", "x-forwarded-proto", "x-amzn-trace-id"];

pub(crate) fn run(data: &[u8]) {
    static RULES: OnceLock<Rules> = OnceLock::new();
    let rules = RULES.get_or_init(|| {
        let rules = [
            (None, "/healthz", Needs::Exempt, false),
            (None, "/admin/*", Needs::Required, true),
            (Some("open.example.com"), "/*", Needs::Optional, false),
        ];
        Rules::new(&rules).expect("rules")
    });
    for request in requests(data) {
        check(rules, request);
    }
}

/// The requests that hyper reads from these bytes.
fn requests(data: &[u8]) -> Vec<Request<()>> {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    }
    let seen = Rc::new(RefCell::new(Vec::new()));
    RUNTIME.with(|runtime| {
        runtime.block_on(async {
            let (mut client, server) = tokio::io::duplex(64 * 1024);
            // More than fits is not written.
            let written = data.get(..data.len().min(32 * 1024)).unwrap_or_default();
            client.write_all(written).await.expect("room");
            client.shutdown().await.expect("closed");
            let held = Rc::clone(&seen);
            let service = service_fn(move |request: Request<Incoming>| {
                held.borrow_mut().push(request.map(drop));
                std::future::ready(Ok::<_, Infallible>(Response::new(Empty::<bytes::Bytes>::new())))
            });
            // A request that is not HTTP ends the connection.
            let _ = http1::Builder::new().half_close(true).serve_connection(TokioIo::new(server), service).await;
        });
    });
    seen.take()
}

fn folded(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

fn check(rules: &Rules, mut request: Request<()>) {
    let before = request.headers().clone();
    edit(request.headers_mut(), ["X-Team"]);
    let after = request.headers();
    for name in after.keys().map(|name| folded(name.as_str())) {
        assert!(!IDENTITY.contains(&name.as_str()), "{name} is left");
        assert!(!OTHER_TARGETS.contains(&name.as_str()), "{name} is left");
        assert!(!name.starts_with("x-amzn-oidc-"), "{name} is left");
    }
    for name in KEPT {
        assert_eq!(all(&before, name), all(after, name), "{name}");
    }
    // No header appears, and none changes its value, except `Connection`.
    for (name, value) in after {
        let is_new = name == "connection" && value == "upgrade";
        assert!(is_new || before.get_all(name).iter().any(|held| held == value), "{name}");
    }
    assert!(after.get_all("connection").iter().count() <= 1);

    let Some(host) = host(&request) else { return };
    assert!(before.get_all("host").iter().count() <= 1, "two hosts");
    let name = host.as_deref().unwrap_or_default();
    // A server that cuts at the first colon, at the last one or at a comma reads the same host.
    let is_part_of_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
    let bare = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_address = bare.is_some_and(|bare| bare.parse::<std::net::Ipv6Addr>().is_ok());
    assert!(is_address || name.bytes().all(is_part_of_name), "{name}");
    let path = request.uri().path();
    if let Some((access, _)) = rules.needs(request.method(), host.as_deref(), path) {
        match access {
            Needs::Optional => assert_eq!(name, "open.example.com"),
            Needs::Exempt => assert!(path == "/healthz" && request.method() == Method::GET),
            Needs::Required => {}
        }
    }
}

fn all(headers: &HeaderMap, name: &str) -> Vec<Vec<u8>> {
    headers.get_all(name).iter().map(|value| value.as_bytes().to_vec()).collect()
}
