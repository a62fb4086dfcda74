//! A key endpoint whose failures a test chooses.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    http::{StatusCode, Uri},
    response::{IntoResponse as _, Response},
};
use tokio::net::TcpListener;
use tower_alb_auth::test_util::MockAlb;

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Responds with the keys that it has, and with 403 for others.
    #[default]
    Healthy,
    /// Accepts the connection and never responds.
    Silent,
    /// Responds with 500.
    Failing,
    /// Responds with a page, as a proxy in its place does.
    Page,
    /// Responds with 403 to everything, as an egress proxy does.
    Forbidden,
}

/// Ends with the test's runtime.
#[derive(Clone)]
pub struct KeyEndpoint {
    url: String,
    inner: Arc<Mutex<(Mode, HashMap<String, String>)>>,
}

impl KeyEndpoint {
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let endpoint = Self { url, inner: Arc::default() };
        let responding = endpoint.clone();
        let app = Router::new().fallback(async move |uri: Uri| responding.respond(&uri).await);
        tokio::spawn(async move { axum::serve(listener, app).await });
        endpoint
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn set(&self, mode: Mode) {
        self.inner.lock().unwrap().0 = mode;
    }

    /// Publishes the present key of this load balancer.
    pub fn publish(&self, alb: &MockAlb) {
        self.inner.lock().unwrap().1.insert(alb.kid().to_owned(), alb.public_key_pem());
    }

    async fn respond(&self, uri: &Uri) -> Response {
        let (mode, key) = {
            let inner = self.inner.lock().unwrap();
            (inner.0, inner.1.get(uri.path().trim_start_matches('/')).cloned())
        };
        match (mode, key) {
            (Mode::Silent, _) => std::future::pending().await,
            (Mode::Failing, _) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            (Mode::Page, _) => "<html>This page is blocked.</html>".into_response(),
            (Mode::Healthy, Some(key)) => key.into_response(),
            (Mode::Healthy | Mode::Forbidden, _) => StatusCode::FORBIDDEN.into_response(),
        }
    }
}
