//! A front-end development server beside a back end, as two targets.

use std::net::SocketAddr;

use axum::{
    Router,
    extract::{FromRequestParts as _, Request, WebSocketUpgrade, ws::Message},
    response::IntoResponse,
    routing::any,
};
use futures::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, header};
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};

use crate::load_balancer::{
    proxy::serve,
    site::{Browser, Page, Site},
};

/// The rules of the recipe in docs/EMULATOR.md.
const RULES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/images/rules.yaml");

/// Names itself, the path and whether there is a user; its WebSocket does so first, and then sends messages back.
fn target(name: &'static str) -> Router {
    Router::new().fallback(any(async move |headers: HeaderMap, request: Request| {
        let user = if headers.contains_key("x-amzn-oidc-data") { "a user" } else { "no user" };
        let path = request.uri().path().to_owned();
        let first = format!("{name} {path} {user}");
        let (mut parts, _) = request.into_parts();
        match WebSocketUpgrade::from_request_parts(&mut parts, &()).await {
            Err(_) => first.into_response(),
            Ok(upgrade) => {
                // The subprotocol of a development server.
                upgrade.protocols(["vite-hmr"]).on_upgrade(async move |mut socket| {
                    let _ = socket.send(Message::Text(first.into())).await;
                    while let Some(Ok(message)) = socket.recv().await {
                        if socket.send(message).await.is_err() {
                            return;
                        }
                    }
                })
            }
        }
    }))
}

async fn site() -> Site {
    let (front_end, back_end) = (serve(target("front end")).await, serve(target("back end")).await);
    Site::with(|config| config.rules_file(RULES).target_group("FrontEnd", front_end).target_group("BackEnd", back_end))
        .await
}

/// The cookies of a session, as a browser sends them.
async fn session(browser: &Browser<'_>) -> HeaderValue {
    let callback = browser.to_callback("/", "jane").await;
    let back = browser.visit(&callback).await;
    assert_eq!(back.status, 302, "{back:?}");
    let pairs = back.cookies().into_iter().filter_map(|cookie| cookie.split(';').next());
    pairs.filter(|pair| !pair.ends_with('=')).collect::<Vec<_>>().join("; ").parse().expect("a value")
}

type Connected = (
    tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
    tungstenite::handshake::client::Response,
);

async fn connect(
    address: SocketAddr,
    path: &str,
    cookies: Option<&HeaderValue>,
) -> Result<Connected, tungstenite::Error> {
    let mut request = format!("ws://127.0.0.1:{}{path}", address.port()).into_client_request().expect("a request");
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("vite-hmr"));
    if let Some(cookies) = cookies {
        request.headers_mut().insert(header::COOKIE, cookies.clone());
    }
    request.headers_mut().insert("x-amzn-oidc-data", HeaderValue::from_static("forged"));
    let host = HeaderValue::from_str(&format!("app.localhost:{}", address.port())).expect("a host");
    request.headers_mut().insert(header::HOST, host);
    tokio_tungstenite::connect_async(request).await
}

#[tokio::test]
async fn web_sockets_of_both_targets_go_through_the_rules() {
    let site = site().await;
    let browser = site.browser();
    let cookies = session(&browser).await;
    for (path, first) in [("/?token=a", "front end / a user"), ("/api/live", "back end /api/live a user")] {
        let (mut socket, response) =
            connect(site.emulator.address(), path, Some(&cookies)).await.expect("a web socket");
        assert_eq!(response.headers()[header::SEC_WEBSOCKET_PROTOCOL], "vite-hmr");
        let mut next =
            async || socket.next().await.expect("a message").expect("sound").into_text().expect("text").to_string();
        assert_eq!(next().await, first);
        socket.send("changed".into()).await.expect("sent");
        let echoed = socket.next().await.expect("a message").expect("sound").into_text().expect("text");
        assert_eq!(echoed.as_str(), "changed");
        socket.close(None).await.expect("closed");
    }
}

/// Each rule asks for the session at the upgrade.
#[tokio::test]
async fn s_206_a_web_socket_without_a_session_reaches_neither_target() {
    let site = site().await;
    for (path, status) in [("/?token=a", 302), ("/api/live", 401), ("/api%2flive", 400), ("/%61pi/live", 400)] {
        match connect(site.emulator.address(), path, None).await {
            Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), status, "{path}"),
            other => panic!("{path}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn pages_come_from_the_front_end_and_the_api_from_the_back_end() {
    let site = site().await;
    let stranger = site.browser();
    assert_eq!((stranger.get("/").await.status, stranger.get("/api/x").await.status), (302, 401));
    let browser = site.browser();
    browser.sign_in("/", "jane").await;
    // What a development server serves: its client, modules with a query, dependencies.
    for path in ["/", "/@vite/client", "/src/main.js?t=1", "/node_modules/.vite/deps/react.js?v=1", "/@id/__x00__a"] {
        let served = browser.get(path).await;
        let path = path.split('?').next().expect("a path");
        assert_eq!((served.status, &*served.text), (200, &*format!("front end {path} a user")));
    }
    assert_eq!(browser.get("/api/x").await.text, "back end /api/x a user");
    let preflight = browser.client.request(http::Method::OPTIONS, site.url("/api/x"));
    let preflight = preflight.header("origin", "http://localhost:5173").header("access-control-request-method", "POST");
    assert_eq!(Page::of(preflight.send().await.expect("a response")).await.status, 200);
}
