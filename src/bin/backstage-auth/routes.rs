//! The routes of the service and the layers around them.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, Uri, header},
    response::IntoResponse,
};
use serde_json::json;
use tower_alb_auth::backstage::{self, BackstageAuth, Upstream};
use tower_http::{
    limit::RequestBodyLimitLayer,
    timeout::TimeoutLayer,
    trace::{DefaultOnResponse, TraceLayer},
};
use tracing::Level;

use crate::health::{self, Health};

/// Longer than a sign-in that waits for the catalog and a store, and longer than the upstream's timeout.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(65);
/// Backstage's own limit.
const MAX_BODY: usize = 100 * 1024;

/// The parts of the service.
pub struct Parts {
    pub auth: BackstageAuth,
    pub health: Health,
    pub front_end: Option<Router>,
    pub upstream: Option<Upstream>,
}

/// | path | served by |
/// |---|---|
/// | `/api/auth/*` | the auth backend, else the upstream, else 404 |
/// | `/.backstage/health/v1/*` | this service |
/// | the rest of `/api/*`, `/.backstage/*`, and `/.well-known/*` | the upstream, else 404 |
/// | everything else | the front end, else the upstream, else 404 |
pub fn routes(parts: Parts) -> Router {
    let Parts { auth, health, front_end, upstream } = parts;
    let (auth, others) = match upstream {
        Some(upstream) => {
            (backstage::router_with_fallback(auth, upstream.clone()), Router::new().fallback_service(upstream))
        }
        None => (backstage::router(auth), Router::new().fallback(not_found)),
    };
    let rest = match front_end {
        Some(front_end) => ["/api", "/.backstage", "/.well-known"]
            .into_iter()
            .fold(Router::new(), |rest, path| rest.nest_service(path, others.clone()))
            .fallback_service(front_end),
        None => others,
    };
    // Not around the upstream: its uploads and event streams pass.
    let auth = auth
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, RESPONSE_TIMEOUT))
        .layer(RequestBodyLimitLayer::new(MAX_BODY));
    let service = Router::new().nest("/api/auth", auth).fallback_service(rest);
    let traced = service.layer(
        TraceLayer::new_for_http()
            // Only the path: a query may contain sign-in credentials of another provider.
            .make_span_with(|request: &Request<_>| {
                let trace_id = tower_alb_auth::layer::trace_id(request.headers()).map(tracing::field::display);
                tracing::info_span!("request", method = %request.method(), path = request.uri().path(), trace_id)
            })
            .on_response(DefaultOnResponse::new().level(Level::INFO))
            // Without a second line, an error, for each 503: clients can cause them at will, and what failed has its own line with the
            // reason, a limited number of times.
            .on_failure(()),
    );
    // Not traced: a load balancer probes every few seconds.
    traced.merge(health::routes(health))
}

async fn not_found(uri: Uri) -> impl IntoResponse {
    let headers: [(HeaderName, HeaderValue); 1] = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    let body = json!({
        "error": { "name": "NotFoundError", "message": "there is nothing at this path" },
        "request": { "url": uri.path() },
        "response": { "statusCode": 404 },
    });
    (StatusCode::NOT_FOUND, headers, Json(body))
}
