//! A whole site on a laptop: the browser's load balancer, behind it a front end, our auth backend and a stock back end.

use std::{fs, os::unix::fs::symlink, time::Duration};

use axum::{
    Router,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::any,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower_alb_auth::{
    AlbAuthConfig, TrustedAlb,
    backstage::TokenIssuer,
    emulator::{Emulator, EmulatorConfig, IdentityProvider},
    sign_in::EmailLocalPart,
    test_util::TestClock,
};
use tower_http::services::{ServeDir, ServeFile};

pub use crate::stock_backstage::auth_backend::TOKEN_LIFETIME;
use crate::{
    programs::process::{free_port, peers},
    stock_backstage::{
        auth_backend::{Asked, auth_backend},
        stock::Stock,
    },
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
    _front_end: TempDir,
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
        let tokens = TokenIssuer::builder(format!("{}/api/auth", emulator.url()));
        let tokens = tokens.token_lifetime(TOKEN_LIFETIME).clock(clock.clone()).build().expect("sound");
        let (auth, asked) = auth_backend(config.build().expect("sound"), tokens);
        // Back ends go straight to the auth backend: they have no session at the load balancer.
        let discovery = json!({ "endpoints": [{ "target": format!("{target}/api/auth"), "plugins": ["auth"] }] });
        let front_end = built(front_end);
        let page = ServeFile::new(front_end.path().join("index.html"));
        let serving = auth.fallback_service(ServeDir::new(front_end.path()).fallback(page));
        let stock = Stock::start("whoami", json!({ "discovery": discovery }), None).await;
        let app = serving.nest("/api/whoami", to_stock(&stock));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { emulator, clock, asked, _stock: stock, _front_end: front_end }
    }

    pub fn url(&self) -> String {
        format!("{}/", self.emulator.url())
    }
}

/// The built front end of this name, as a folder of its own.
pub fn built(front_end: &str) -> TempDir {
    let all = peers().join("backstage-frontend/dist");
    let folder = TempDir::new().expect("a folder");
    let page = all.join(format!("{front_end}.html"));
    fs::copy(page, folder.path().join("index.html")).expect("the front ends are built: run .ci/peers");
    symlink(all.join("static"), folder.path().join("static")).expect("a link");
    folder
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
