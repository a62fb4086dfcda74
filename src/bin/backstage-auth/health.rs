//! Backstage's health paths, with the responses of the stock backend.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode},
    middleware::map_response,
    routing::get,
};
use serde_json::{Value, json};
use tower_alb_auth::{AlbAuthHandle, backstage::TokenIssuer};

pub const LIVENESS: &str = "/.backstage/health/v1/liveness";

/// Minimum interval between equal log lines: every node of a load balancer probes every few seconds.
const SAME_LINE_INTERVAL: Duration = Duration::from_secs(60);
/// Maximum number of different log lines per [`SAME_LINE_INTERVAL`].
const MAX_LINES: usize = 10;

/// Whether this replica can serve requests.
#[derive(Clone)]
pub struct Health {
    alb: AlbAuthHandle,
    tokens: TokenIssuer,
    /// Of every response: `backend.health.headers`.
    headers: HeaderMap,
    ending: Arc<AtomicBool>,
    logged: Arc<Logged>,
}

impl Health {
    pub fn new(alb: AlbAuthHandle, tokens: TokenIssuer, headers: HeaderMap) -> Self {
        Self { alb, tokens, headers, ending: Arc::default(), logged: Arc::default() }
    }

    /// Reports "not ready" from now on, so that the load balancer deregisters this replica.
    pub fn end(&self) {
        self.ending.store(true, Ordering::Relaxed);
    }
}

pub fn routes(health: Health) -> Router {
    let headers = health.headers.clone();
    Router::new()
        .route(LIVENESS, get(liveness))
        .route("/.backstage/health/v1/readiness", get(readiness))
        .with_state(health)
        .layer(map_response(move |mut response: Response<Body>| {
            let headers = headers.clone();
            async move {
                response.headers_mut().extend(headers);
                response
            }
        }))
}

async fn liveness() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Problems are logged and not part of the response, since they name machines.
async fn readiness(State(health): State<Health>) -> (StatusCode, Json<Value>) {
    if health.ending.load(Ordering::Relaxed) {
        return not_ready("it is about to end");
    }
    let (keys, tokens) = (health.alb.readiness(), health.tokens.readiness());
    keys.problems().iter().chain(tokens.problems()).for_each(|problem| health.logged.warn(problem, Instant::now()));
    match (keys.is_ready(), tokens.is_ready()) {
        (true, true) => (StatusCode::OK, Json(json!({ "status": "ok" }))),
        (false, _) => not_ready("the load balancer's public keys are out of reach"),
        (true, false) => match tokens.ready_in() {
            Some(left) => not_ready(&format!(
                "it waits until back ends know its new signing key, since other replicas are running: ready in {} s",
                left.as_secs_f64().ceil()
            )),
            None => not_ready("its signing key is not published yet"),
        },
    }
}

fn not_ready(message: &str) -> (StatusCode, Json<Value>) {
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "error", "message": message })))
}

/// Lines that were logged recently, with their times.
#[derive(Default)]
struct Logged(Mutex<Vec<(String, Instant)>>);

impl Logged {
    fn warn(&self, problem: &str, now: Instant) {
        match self.is_new(problem, now) {
            true => tracing::warn!("{problem}"),
            false => tracing::debug!("{problem}"),
        }
    }

    fn is_new(&self, problem: &str, now: Instant) -> bool {
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        logged.retain(|(_, at)| now.saturating_duration_since(*at) < SAME_LINE_INTERVAL);
        let is_new = logged.len() < MAX_LINES && !logged.iter().any(|(line, _)| line == problem);
        if is_new {
            logged.push((problem.to_owned(), now));
        }
        is_new
    }
}
