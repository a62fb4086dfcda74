//! Our auth backend on a port of its own.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::Request, middleware};
use tokio::{net::TcpListener, task::JoinHandle};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer,
    backstage::{BackstageAuth, TokenIssuer, TokenIssuerBuilder, router},
    test_util::TestClock,
};

/// As short as Backstage lets it be.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(600);

/// A server on a free port, until it is dropped.
pub struct Server {
    pub url: String,
    task: JoinHandle<()>,
}

impl Server {
    /// Serves what `app` makes of the address.
    pub async fn start(app: impl FnOnce(&str) -> Router) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let app = app(&url);
        Self { url, task: tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") }) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// How often the routes that matter were asked.
#[derive(Clone, Default)]
pub struct Asked(Arc<Counters>);

#[derive(Default)]
struct Counters {
    refresh: AtomicUsize,
    user_info: AtomicUsize,
}

impl Asked {
    pub fn refresh(&self) -> usize {
        self.0.refresh.load(Ordering::SeqCst)
    }

    pub fn user_info(&self) -> usize {
        self.0.user_info.load(Ordering::SeqCst)
    }
}

/// The routes at `/api/auth`, counted.
pub fn auth_backend(
    config: AlbAuthConfig,
    base_url: &str,
    clock: &TestClock,
    change: impl FnOnce(TokenIssuerBuilder) -> TokenIssuerBuilder,
) -> (Router, Asked) {
    let issuer = TokenIssuer::builder(format!("{base_url}/api/auth"));
    let issuer = issuer.token_lifetime(TOKEN_LIFETIME).clock(clock.clone());
    let tokens = change(issuer).build().expect("a sound issuer");
    let auth = BackstageAuth::builder(AlbAuthLayer::new(config).handle(), tokens).build().expect("sound");
    let asked = Asked::default();
    let counters = Arc::clone(&asked.0);
    let count = middleware::from_fn(move |request: Request, next: middleware::Next| {
        match request.uri().path() {
            "/awsalb/refresh" => counters.refresh.fetch_add(1, Ordering::SeqCst),
            "/v1/userinfo" => counters.user_info.fetch_add(1, Ordering::SeqCst),
            _ => 0,
        };
        next.run(request)
    });
    (Router::new().nest("/api/auth", router(auth).layer(count)), asked)
}
