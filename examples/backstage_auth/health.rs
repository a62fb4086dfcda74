//! Backstage's health paths, in the shape of the stock backend's.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tower_alb_auth::{AlbAuthHandle, backstage::TokenIssuer};

/// Whether this replica is fit to be asked.
#[derive(Clone)]
pub struct Health {
    alb: AlbAuthHandle,
    tokens: TokenIssuer,
    ending: Arc<AtomicBool>,
}

impl Health {
    pub fn of(alb: AlbAuthHandle, tokens: TokenIssuer) -> Self {
        Self { alb, tokens, ending: Arc::default() }
    }

    /// From now on not ready, so that the load balancer sends nobody more.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }
}

pub fn routes(health: Health) -> Router {
    Router::new()
        .route("/.backstage/health/v1/liveness", get(liveness))
        .route("/.backstage/health/v1/readiness", get(readiness))
        .with_state(health)
}

async fn liveness() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// What is wrong is for the log, since it names machines.
async fn readiness(State(health): State<Health>) -> (StatusCode, Json<Value>) {
    if health.ending.load(Ordering::Relaxed) {
        return not_ready("it is about to end");
    }
    let (keys, tokens) = (health.alb.readiness(), health.tokens.readiness());
    keys.problems().iter().chain(tokens.problems()).for_each(|problem| tracing::warn!("{problem}"));
    match (keys.is_ready(), tokens.is_ready()) {
        (true, true) => (StatusCode::OK, Json(json!({ "status": "ok" }))),
        (false, _) => not_ready("the load balancer's public keys are out of reach"),
        (true, false) => not_ready("its signing key is not published yet"),
    }
}

fn not_ready(message: &str) -> (StatusCode, Json<Value>) {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "error", "message": message })))
}
