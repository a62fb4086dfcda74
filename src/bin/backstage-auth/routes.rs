//! The service: the auth backend's routes, and what stands around them.

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

/// Longer than a sign-in may take that waits for the catalog and a store, and than an upstream may.
const LONGEST_ANSWER: Duration = Duration::from_secs(65);
/// What an auth backend is sent is short. Backstage's own limit is of this size.
const LONGEST_BODY: usize = 100 * 1024;

/// What the service is made of.
pub struct Parts {
    pub auth: BackstageAuth,
    pub health: Health,
    pub front_end: Option<Router>,
    pub upstream: Option<Upstream>,
}

/// | path | who answers |
/// |---|---|
/// | `/api/auth/*` | the routes of ours; else the upstream, else 404 |
/// | `/.backstage/health/v1/*` | this service, of itself |
/// | the rest of `/api/*` and `/.backstage/*` | the upstream, else 404 |
/// | all else | the front end, else the upstream, else 404 |
pub fn routes(parts: Parts) -> Router {
    let Parts { auth, health, front_end, upstream } = parts;
    let (auth, others) = match upstream {
        Some(upstream) => {
            (backstage::router_with_fallback(auth, upstream.clone()), Router::new().fallback_service(upstream))
        }
        None => (backstage::router(auth), Router::new().fallback(not_found)),
    };
    let rest = match front_end {
        Some(front_end) => ["/api", "/.backstage"]
            .into_iter()
            .fold(Router::new(), |rest, path| rest.nest_service(path, others.clone()))
            .fallback_service(front_end),
        None => others,
    };
    // The other back ends are without these: uploads and event streams pass.
    let auth = auth
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, LONGEST_ANSWER))
        .layer(RequestBodyLimitLayer::new(LONGEST_BODY));
    let service = Router::new().nest("/api/auth", auth).fallback_service(rest);
    let traced = service.layer(
        TraceLayer::new_for_http()
            // The path alone: a query may carry what signs a user in at another provider.
            .make_span_with(|request: &Request<_>| {
                tracing::info_span!("request", method = %request.method(), path = request.uri().path())
            })
            .on_response(DefaultOnResponse::new().level(Level::INFO)),
    );
    // A load balancer asks every few seconds: that is nobody's news.
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
