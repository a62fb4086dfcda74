//! Our auth backend on a port of its own, and asked as a load balancer asks.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, extract::Request, middleware};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinHandle};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthLayer,
    backstage::{BackstageAuth, TokenIssuer, router},
    test_util::{MockAlb, User},
};

/// As short as Backstage lets it be.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(600);

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
pub fn auth_backend(config: AlbAuthConfig, tokens: TokenIssuer) -> (Router, Asked) {
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

/// A free port, taken before what is served there is known.
pub struct Place {
    listener: TcpListener,
    pub url: String,
}

impl Place {
    pub async fn take() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        Self { listener, url }
    }

    /// Serves this there, until the value is dropped.
    pub fn serve(self, app: Router) -> Server {
        let Self { listener, url } = self;
        Server { url, task: tokio::spawn(async move { axum::serve(listener, app).await.expect("it serves") }) }
    }
}

pub struct Server {
    pub url: String,
    task: JoinHandle<()>,
}

impl Server {
    /// What the session endpoint says of a user of this load balancer.
    pub async fn session(&self, alb: &MockAlb, user: &User) -> (u16, Value) {
        let request = reqwest::Client::new().get(format!("{}/api/auth/awsalb/refresh", self.url));
        let answer = request.header("x-amzn-oidc-data", alb.sign(user)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// A token for this user.
    pub async fn token(&self, alb: &MockAlb, user: &User) -> String {
        let (status, session) = self.session(alb, user).await;
        assert_eq!(status, 200, "{session}");
        session["backstageIdentity"]["token"].as_str().expect("a token").to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}
