//! All but its own routes goes on to another auth backend: through the service, and by the library.

use std::{convert::Infallible, net::SocketAddr};

use axum::{Router, body::Body, extract::Request, response::IntoResponse, routing::any};
use bytes::Bytes;
use futures::{SinkExt, StreamExt, stream};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::mpsc};
use tokio_tungstenite::tungstenite::Message;
use tower_alb_auth::backstage::Upstream;

use crate::{service::site::Site, support::process::MAX_WAIT};

/// Serves this, and says where.
pub async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

/// A router that passes everything on to this.
pub async fn in_front_of(upstream: &str) -> String {
    let upstream = Upstream::at(upstream).build().expect("sound");
    serve(Router::new().nest("/api/auth", Router::new().fallback_service(upstream.clone())).fallback_service(upstream))
        .await
}

/// An auth backend that says what it was asked.
pub fn another_backend() -> Router {
    Router::new().fallback(any(async |request: Request| {
        let headers: serde_json::Map<String, Value> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), json!(String::from_utf8_lossy(value.as_bytes()))))
            .collect();
        let said = json!({ "method": request.method().as_str(), "uri": request.uri().to_string(), "headers": headers });
        ([("set-cookie", "github-refresh-token=x; HttpOnly"), ("x-of", "upstream")], axum::Json(said)).into_response()
    }))
}

#[tokio::test]
async fn other_providers_answer_behind_it_and_its_own_routes_stay_its_own() {
    let upstream = serve(another_backend()).await;
    let site = Site::with(&["--upstream", &upstream]).await;
    let browser = site.signed_in("jane").await;

    for path in [
        "/api/auth/github/start?scope=read%20user&env=development",
        "/api/auth/github/refresh",
        "/api/catalog/entities?a=b,c",
        "/",
        "/settings",
    ] {
        let answer = browser.client.get(site.url(path)).send().await.expect("an answer");
        assert_eq!(answer.headers()["x-of"], "upstream", "{path}");
        assert_eq!(answer.headers()["set-cookie"], "github-refresh-token=x; HttpOnly", "{path}");
        let said: Value = answer.json().await.expect("JSON");
        assert_eq!(said["uri"], path);
        assert_eq!(said["headers"]["host"], site.emulator.url().trim_start_matches("http://"));
        for hidden in ["x-amzn-oidc-data", "x-amzn-oidc-identity", "x-amzn-oidc-accesstoken"] {
            assert!(said["headers"].get(hidden).is_none(), "{path}: {said}");
        }
    }
    assert_eq!(browser.session().await["backstageIdentity"]["identity"]["type"], "user");
    for own in ["/api/auth/.well-known/jwks.json", "/api/auth/v1/userinfo", "/.backstage/health/v1/liveness"] {
        let answer = browser.client.get(site.url(own)).send().await.expect("an answer");
        assert!(answer.headers().get("x-of").is_none(), "{own}");
    }
}

#[tokio::test]
async fn the_front_end_is_here_and_back_ends_are_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(folder.path().join("dist/static")).expect("a folder");
    std::fs::write(folder.path().join("dist/index.html"), "Portal").expect("written");
    let upstream = serve(another_backend()).await;
    let site = Site::of(folder, &["--without-catalog", "--upstream", &upstream, "--static", "dist"]).await;
    for (path, is_upstreams) in [
        ("/", false),
        ("/catalog", false),
        ("/api/catalog/entities", true),
        ("/api/auth/github/start", true),
        ("/api", true),
    ] {
        let answer = reqwest::get(site.service.at(path)).await.expect("an answer");
        assert_eq!(answer.headers().contains_key("x-of"), is_upstreams, "{path}");
    }
}

#[tokio::test]
async fn bodies_go_both_ways_as_they_come() {
    let echo = async |request: Request| Body::from_stream(request.into_body().into_data_stream());
    let url = in_front_of(&serve(Router::new().fallback(any(echo))).await).await;
    let (sender, receiver) = mpsc::channel::<Result<Bytes, Infallible>>(1);
    let body =
        stream::unfold(receiver, |mut receiver| async move { receiver.recv().await.map(|piece| (piece, receiver)) });
    let exchange = async {
        sender.send(Ok(Bytes::from_static(b"first"))).await.expect("sent");
        let request = reqwest::Client::new().post(format!("{url}/x")).body(reqwest::Body::wrap_stream(body));
        let mut answer = request.send().await.expect("an answer").bytes_stream();
        assert_eq!(answer.next().await.expect("a piece").expect("bytes"), "first", "before the second was sent");
        sender.send(Ok(Bytes::from_static(b"second"))).await.expect("sent");
        assert_eq!(answer.next().await.expect("a piece").expect("bytes"), "second");
        drop(sender);
        assert!(answer.next().await.is_none());
    };
    tokio::time::timeout(MAX_WAIT, exchange).await.expect("pieces come as they are sent");
}

/// Backstage's notifications come over one.
#[tokio::test]
async fn web_sockets_go_through() {
    use axum::extract::ws::WebSocketUpgrade;
    let echo = any(async |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async |mut socket| {
            while let Some(Ok(message)) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    return;
                }
            }
        })
    });
    let upstream = serve(Router::new().route("/api/signals", echo)).await;
    let service = Site::with(&["--upstream", &upstream]).await.service;
    for url in [in_front_of(&upstream).await, service.url.clone()] {
        let url = format!("{}/api/signals", url.replace("http://", "ws://"));
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("a web socket");
        socket.send(Message::text("hello")).await.expect("sent");
        assert_eq!(socket.next().await.expect("a message").expect("sound").into_text().expect("a text"), "hello");
    }
}
