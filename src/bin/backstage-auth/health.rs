//! Backstage's health paths, in the shape of the stock backend's.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};
use tower_alb_auth::{AlbAuthHandle, backstage::TokenIssuer};

/// Every node of a load balancer probes every few seconds: the same line comes once in this time,
const SAME_LINE: Duration = Duration::from_secs(60);
/// and no more lines than these.
const MAX_LINES: usize = 10;

/// Whether this replica is fit to be asked.
#[derive(Clone)]
pub struct Health {
    alb: AlbAuthHandle,
    tokens: TokenIssuer,
    ending: Arc<AtomicBool>,
    logged: Arc<Logged>,
}

impl Health {
    pub fn of(alb: AlbAuthHandle, tokens: TokenIssuer) -> Self {
        Self { alb, tokens, ending: Arc::default(), logged: Arc::default() }
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
    keys.problems().iter().chain(tokens.problems()).for_each(|problem| health.logged.warn(problem, Instant::now()));
    match (keys.is_ready(), tokens.is_ready()) {
        (true, true) => (StatusCode::OK, Json(json!({ "status": "ok" }))),
        (false, _) => not_ready("the load balancer's public keys are out of reach"),
        (true, false) => not_ready("its signing key is not published yet"),
    }
}

fn not_ready(message: &str) -> (StatusCode, Json<Value>) {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "error", "message": message })))
}

/// Which lines were logged of late, and when.
#[derive(Default)]
struct Logged(Mutex<Vec<(String, Instant)>>);

impl Logged {
    fn warn(&self, problem: &str, now: Instant) {
        match self.is_news(problem, now) {
            true => tracing::warn!("{problem}"),
            false => tracing::debug!("{problem}"),
        }
    }

    fn is_news(&self, problem: &str, now: Instant) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logged.retain(|(_, at)| now.saturating_duration_since(*at) < SAME_LINE);
        let is_news = logged.len() < MAX_LINES && !logged.iter().any(|(line, _)| line == problem);
        if is_news {
            logged.push((problem.to_owned(), now));
        }
        is_news
    }
}
