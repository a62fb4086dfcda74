//! What an upstream is never asked, wherever it is mounted.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::Response,
    middleware::{Next, from_fn},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tower::ServiceExt;
use tower_alb_auth::backstage::Upstream;

use crate::{
    service::{
        settings::{SOUND, folder_with},
        upstream::{another_backend, in_front_of, serve},
    },
    support::backstage_auth::run,
};

/// The status and the body of a request that is written as these bytes.
async fn sent(url: &str, request: &str) -> (u16, String) {
    let mut stream = tokio::net::TcpStream::connect(url.trim_start_matches("http://")).await.expect("a connection");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
}

async fn asked(url: &str, path: &str) -> u16 {
    sent(url, &format!("GET {path} HTTP/1.1\r\nhost: backstage.example.com\r\nconnection: close\r\n\r\n")).await.0
}

/// Paths of own routes, or what another server may take for one.
const OWN: [&str; 16] = [
    "/api/auth/awsalb/refresh",
    "/api/auth/AWSALB/refresh",
    "/api/auth/awsalb;x/refresh",
    "/api/auth/.well-known/jwks.json",
    "/api/auth/V1/userinfo",
    "/API/auth/awsalb/refresh",
    "/api/Auth/github/start",
    "//api/auth/awsalb/refresh",
    "/api//auth/awsalb/refresh",
    "/api/%61uth/awsalb/refresh",
    "/api%2Fauth/awsalb/refresh",
    "/api/%2561uth/awsalb/refresh",
    "/api/catalog/../auth/awsalb/refresh",
    "/api/catalog/..;/auth/awsalb/refresh",
    "/api/catalog/%2e%2e/auth/awsalb/refresh",
    "/api\\auth/awsalb/refresh",
];

const OF_OTHERS: [&str; 6] = [
    "/api/auth/github/start",
    "/api/catalog/entities/by-name/component/default/awsalb",
    "/api/techdocs/static/docs/default/component/My%20Docs/a%2Fb//c;v=1",
    "/api/auth-backend/x",
    "/.well-known/oauth-protected-resource",
    "/",
];

#[tokio::test]
async fn s_91_own_paths_never_go_on_in_any_reading_also_outside_the_mount() {
    let upstream = serve(another_backend()).await;
    let alone = Upstream::at(&upstream).build().expect("sound");
    let urls = [in_front_of(&upstream).await, serve(Router::new().fallback_service(alone)).await];
    for url in &urls {
        for path in OWN {
            assert_eq!(asked(url, path).await, 404, "{path}");
        }
        for path in OF_OTHERS {
            assert_eq!(asked(url, path).await, 200, "{path}");
        }
    }
}

#[tokio::test]
async fn s_91_another_mount_is_guarded_where_it_is_named() {
    let upstream = serve(another_backend()).await;
    let named = Upstream::at(&upstream).mounted_at("/login/auth").build().expect("sound");
    let url = serve(Router::new().fallback_service(named)).await;
    for path in ["/login/auth/awsalb/refresh", "/LOGIN/auth/awsalb/refresh", "/login/%61uth/x", "/API/auth/x"] {
        assert_eq!(asked(&url, path).await, 404, "{path}");
    }
    assert_eq!(asked(&url, "/login/auth/github/start").await, 200);
    for mount in ["", "/", "api/auth", "/api/auth/", "/api//auth", "/api/%61uth", "/a?b"] {
        let refused = Upstream::at("https://b").mounted_at(mount).build().expect_err(mount).to_string();
        assert!(refused.contains("write it as /api/auth"), "{refused}");
    }
}

#[tokio::test]
async fn own_paths_go_on_where_that_is_waived() {
    let waived = Upstream::at(serve(another_backend()).await).dangerously_pass_own_paths().build().expect("sound");
    let url = serve(Router::new().fallback_service(waived)).await;
    for path in OWN {
        assert_eq!(asked(&url, path).await, 200, "{path}");
    }
}

#[tokio::test]
async fn s_91_two_hosts_do_not_go_on() {
    let url = in_front_of(&serve(another_backend()).await).await;
    for (status, hosts) in [
        (200, &["backstage.example.com"][..]),
        (200, &["backstage.example.com:8443"]),
        (200, &["[::1]:8443"]),
        (400, &["backstage.example.com", "evil.example"]),
        (400, &["backstage.example.com", "backstage.example.com"]),
        (400, &["backstage.example.com, evil.example"]),
        (400, &["backstage.example.com evil.example"]),
        (400, &["jane@backstage.example.com"]),
        (400, &["backstage.example.com/api"]),
    ] {
        let hosts: String = hosts.iter().map(|host| format!("host: {host}\r\n")).collect();
        let (answered, body) = sent(&url, &format!("GET /x HTTP/1.1\r\n{hosts}connection: close\r\n\r\n")).await;
        assert_eq!(answered, status, "{hosts:?}: {body}");
    }
    // What the address names stands for the one host that goes on.
    let absolute = "GET http://backstage.example.com/x HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n";
    let (status, body) = sent(&url, absolute).await;
    let seen: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, &seen["headers"]["host"]), (200, &"backstage.example.com".into()));
    let with_user = "GET http://evil.example@backstage.example.com/x HTTP/1.1\r\nhost: backstage.example.com\r\n\
                     connection: close\r\n\r\n";
    assert_eq!(sent(&url, with_user).await.0, 400, "a user is no part of a host");
}

/// Behind a router that knows no client's address, `X-Forwarded-For` does not grow.
#[tokio::test]
async fn s_91_an_upstream_that_leads_back_here_gets_one_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let itself = Upstream::at(&url).build().expect("sound");
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let app = Router::new().fallback_service(itself).layer(from_fn(move |request: Request, next: Next| {
        let counted = Arc::clone(&counted);
        async move {
            // A failure of the test must not use up the machine's ports.
            match counted.fetch_add(1, Ordering::Relaxed) {
                0..20 => next.run(request).await,
                _ => Response::new(Body::empty()),
            }
        }
    }));
    tokio::spawn(async move { axum::serve(listener, app).await });
    assert_eq!(asked(&url, "/x").await, 502);
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

/// Two of them in a row are no circle.
#[tokio::test]
async fn an_upstream_behind_an_upstream_answers() {
    let behind = in_front_of(&serve(another_backend()).await).await;
    assert_eq!(asked(&in_front_of(&behind).await, "/x").await, 200);
}

#[test]
fn s_91_plain_http_to_another_machine_wants_a_waiver() {
    for local in ["http://127.0.0.1:7008", "http://localhost:7008", "http://[::1]:7008", "https://backend:7007"] {
        assert!(Upstream::at(local).build().is_ok(), "{local}");
    }
    for other in ["http://backend:7007", "http://10.0.0.7", "http://localhost.example.com", "http://127.0.0.1.nip.io"] {
        let refused = Upstream::at(other).build().expect_err(other).to_string();
        assert!(refused.contains("waive it by dangerously_over_plain_http()"), "{refused}");
        assert!(Upstream::at(other).dangerously_over_plain_http().build().is_ok(), "{other}");
    }
}

#[test]
fn s_91_the_service_wants_the_waiver_too() {
    let folder = folder_with(SOUND);
    let arguments = ["--without-catalog", "--listen", "127.0.0.1:0", "--upstream", "http://backend.invalid:7007"];
    let ended = run(folder.path(), &arguments);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains("waive it by --dangerously-upstream-over-plain-http"), "{ended:?}");
    let waived = [&arguments[..], &["--dangerously-upstream-over-plain-http"]].concat();
    let service = crate::support::backstage_auth::Service::start(folder.path(), &waived);
    service.wait_until_it_logs("http://backend.invalid:7007 use plain http");
}

/// For tests that make a request without a server.
#[tokio::test]
async fn a_refused_path_is_answered_in_backstages_shape() {
    let upstream = Upstream::at("http://127.0.0.1:1").build().expect("sound");
    let request = Request::get("/API/auth/x").body(Body::empty()).expect("a request");
    let answer = upstream.oneshot(request).await.expect("infallible");
    assert_eq!(answer.status(), 404);
    let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.expect("a body");
    let said: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(said["error"]["name"], "NotFoundError");
}
