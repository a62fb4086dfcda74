//! A browser that keeps cookies and follows redirects, without a window.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use axum::{Json, Router, extract::Request, routing::any};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer, BackstageIdentity,
    emulator::{Emulator, EmulatorConfig},
    sign_in::WholeEmail,
};

/// An application behind the layer, behind the emulator.
pub struct Site {
    pub emulator: Emulator,
    /// The tokens that came to the application.
    pub tokens: Arc<Mutex<Vec<String>>>,
}

impl Site {
    pub async fn start(change: impl FnOnce(EmulatorConfig) -> EmulatorConfig) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let target = listener.local_addr().expect("an address");
        let config = EmulatorConfig::on_free_ports().target(format!("http://{target}"));
        let emulator = Emulator::start(change(config)).await.expect("a sound configuration");
        let policy = WholeEmail::in_domains(["example.com"]);
        let config = AlbAuthConfig::builder().trust(emulator.trusted()).sign_in(policy).build().expect("sound");
        let tokens: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&tokens);
        let say = move |user: BackstageIdentity, request: Request| {
            let token = request.headers()["x-amzn-oidc-data"].to_str().expect("ASCII").to_owned();
            seen.lock().unwrap().push(token);
            async move { Json(json!({ "user": user.user_entity_ref().as_str(), "name": user.claims().name() })) }
        };
        let app = Router::new().fallback(any(say)).layer(AlbAuthLayer::new(config).keep_headers());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { emulator, tokens }
    }

    pub fn browser(&self) -> reqwest::Client {
        let idp: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        let client = reqwest::Client::builder().cookie_store(true).no_proxy();
        let client = client.resolve("app.localhost", self.emulator.address()).resolve("idp.localhost", idp);
        client.build().expect("a browser")
    }

    pub fn token(&self) -> String {
        self.tokens.lock().unwrap().last().expect("a token").clone()
    }
}

/// What the application said.
pub async fn said(answer: reqwest::Response) -> Value {
    let (status, url) = (answer.status(), answer.url().clone());
    let text = answer.text().await.expect("a text");
    assert_eq!(status, 200, "{url}: {text}");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("{url}: {text}"))
}
