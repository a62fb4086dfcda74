//! A whole site on a laptop: the browser's load balancer, behind it a front end, our auth backend and a stock back end.

use std::{path::PathBuf, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::json;
use tokio::net::TcpListener;
use tower_alb_auth::{
    AlbAuthConfig, TrustedAlb,
    emulator::{Emulator, EmulatorConfig, IdentityProvider},
    sign_in::EmailLocalPart,
    test_util::TestClock,
};
use tower_http::services::{ServeDir, ServeFile};

pub use crate::service::TOKEN_LIFETIME;
use crate::{
    process::{free_port, peers},
    service::{Asked, auth_backend},
    stock::Stock,
};

/// What an ALB's session lives for here.
pub const SESSION: Duration = Duration::from_secs(3600);

/// Whom the service trusts.
#[derive(Clone, Copy, PartialEq)]
pub enum Trust {
    TheLoadBalancer,
    /// A load balancer that is not there: every user is a stranger.
    AnotherOne,
}

pub struct Site {
    pub emulator: Emulator,
    pub clock: TestClock,
    pub asked: Asked,
    _stock: Stock,
}

impl Site {
    /// The front end of this name, with Jane at the keyboard.
    pub async fn start(front_end: &str, trust: Trust, change: impl FnOnce(EmulatorConfig) -> EmulatorConfig) -> Self {
        let clock = TestClock::new();
        let listener = TcpListener::bind(("127.0.0.1", free_port())).await.expect("a free port");
        let target = format!("http://{}", listener.local_addr().expect("an address"));
        let config = EmulatorConfig::on_free_ports()
            .target(&target)
            .clock(clock.clone())
            .session_timeout(SESSION)
            .provider(IdentityProvider::demo(([127, 0, 0, 1], 0).into()).sign_in_as("jane"));
        let emulator = Emulator::start(change(config)).await.expect("a sound configuration");

        let policy = EmailLocalPart::in_domains(["example.com"]);
        let trusted = match trust {
            Trust::TheLoadBalancer => emulator.trusted(),
            Trust::AnotherOne => TrustedAlb::new(emulator.signer().replace("app/", "app/other-"), emulator.issuer())
                .client_id(emulator.client_id())
                .key_endpoint(emulator.key_endpoint()),
        };
        let config = AlbAuthConfig::builder().trust(trusted).sign_in(policy).clock(clock.clone());
        let (auth, asked) = auth_backend(config.build().expect("sound"), emulator.url(), &clock, |issuer| issuer);
        // Back ends go straight to the auth backend: they have no session at the load balancer.
        let discovery = json!({ "endpoints": [{ "target": format!("{target}/api/auth"), "plugins": ["auth"] }] });
        let serving = auth.merge(pages(front_end));
        let stock = Stock::start("whoami", json!({ "discovery": discovery }), None).await;
        let app = serving.nest("/api/whoami", to_stock(&stock));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { emulator, clock, asked, _stock: stock }
    }

    pub fn url(&self) -> String {
        format!("{}/", self.emulator.url())
    }
}

/// The built front end: files where there are any, the page everywhere else.
fn pages(front_end: &str) -> Router {
    let built: PathBuf = peers().join("backstage-frontend/dist");
    let page = built.join(format!("{front_end}.html"));
    assert!(page.exists(), "the front ends are not built: run .ci/peers");
    Router::new()
        .fallback_service(ServeDir::new(built).append_index_html_on_directories(false).fallback(ServeFile::new(page)))
}

/// Passes calls of the plugin on.
fn to_stock(stock: &Stock) -> Router {
    Router::new().fallback(any(pass_on)).with_state(format!("{}/api/whoami", stock.url))
}

async fn pass_on(State(stock): State<String>, request: Request) -> Response {
    let mut call = reqwest::Client::new().get(format!("{stock}{}", request.uri().path()));
    if let Some(token) = request.headers().get("authorization") {
        call = call.header("authorization", token);
    }
    let answer = call.send().await.expect("an answer");
    (answer.status(), answer.text().await.expect("a text")).into_response()
}
