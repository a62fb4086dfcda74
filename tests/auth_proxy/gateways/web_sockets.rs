//! WebSockets through each gateway, and no other upgrade.

use axum::{
    Router,
    extract::{WebSocketUpgrade, ws::Message},
    routing::any,
};
use futures::{SinkExt as _, StreamExt as _};
use http::HeaderMap;
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};

use super::Gateway;
use crate::site::{LONG, Log, raw, service, status};

/// The service, with an echo at `/ws` that begins with its user.
pub(super) fn application(log: Log) -> Router {
    let echo = any(async |upgrade: WebSocketUpgrade, headers: HeaderMap| {
        let user = headers.get("x-forwarded-user").map(|user| user.to_str().expect("ASCII").to_owned());
        upgrade.on_upgrade(async move |mut socket| {
            let _ = socket.send(Message::Text(user.unwrap_or_default().into())).await;
            while let Some(Ok(message)) = socket.recv().await {
                if socket.send(message).await.is_err() {
                    return;
                }
            }
        })
    });
    service(log).route("/ws", echo)
}

impl Gateway {
    pub(super) async fn passes_web_sockets_and_no_other_upgrade(&self) {
        let connect = async |token: Option<String>| {
            let mut request = format!("ws://{}/ws", self.address).into_client_request().expect("a request");
            if let Some(token) = token {
                request.headers_mut().insert("x-amzn-oidc-data", token.parse().expect("a value"));
            }
            request.headers_mut().insert("x-forwarded-user", http::HeaderValue::from_static("forged"));
            tokio_tungstenite::connect_async(request).await
        };
        match connect(None).await {
            Err(tungstenite::Error::Http(response)) => assert_eq!(response.status(), 401),
            other => panic!("{other:?}"),
        }
        let (mut socket, _) = connect(Some(self.site.token())).await.expect("a socket");
        for (sent, expected) in [(None, "jane.doe@example.com"), (Some("one"), "one"), (Some("two"), "two")] {
            if let Some(text) = sent {
                socket.send(text.into()).await.expect("sent");
            }
            let message = tokio::time::timeout(LONG, socket.next()).await.expect("in time").expect("open");
            assert_eq!(message.expect("a message").into_text().expect("text"), expected);
        }
        // A tunnel of HTTP/2 would pass requests that nothing checks.
        let jane = format!("x-amzn-oidc-data: {}\r\n", self.site.token());
        for upgrade in ["h2c", "websocket, h2c", "h2c, websocket", "TLS/1.0", "TLS/1.0\r\nupgrade: websocket"] {
            let request = format!(
                "GET /page HTTP/1.1\r\nhost: a\r\nconnection: upgrade, close, http2-settings\r\nupgrade: {upgrade}\r\n\
                 http2-settings: AAMAAABkAAQAAP__\r\n{jane}\r\n"
            );
            let response = raw(self.address, request.as_bytes()).await;
            assert_ne!(status(&response), 101, "{upgrade}");
            for seen in self.site.log.take() {
                let passed: Vec<_> = seen.headers.get_all("upgrade").iter().collect();
                assert!(passed.iter().all(|value| *value == "websocket"), "{upgrade}: {seen:?}");
            }
        }
    }
}
