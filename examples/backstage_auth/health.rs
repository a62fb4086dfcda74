//! Backstage's health paths, in the shape of the stock backend's.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tower_alb_auth::AlbAuthHandle;

/// Whether this replica is fit to be asked.
#[derive(Clone)]
pub struct Health {
    alb: AlbAuthHandle,
    ending: Arc<AtomicBool>,
}

impl Health {
    pub fn of(alb: AlbAuthHandle) -> Self {
        Self { alb, ending: Arc::default() }
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

async fn readiness(State(health): State<Health>) -> (StatusCode, Json<Value>) {
    let problem = if health.ending.load(Ordering::Relaxed) {
        Some("it is about to end".to_owned())
    } else {
        let readiness = health.alb.readiness();
        (!readiness.is_ready()).then(|| readiness.problems().join("; "))
    };
    match problem {
        None => (StatusCode::OK, Json(json!({ "status": "ok" }))),
        Some(problem) => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "error", "message": problem }))),
    }
}
