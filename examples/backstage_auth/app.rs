//! The service: the auth backend's routes, and what stands around them.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::Request,
    http::{HeaderName, HeaderValue, StatusCode, Uri, header},
    response::IntoResponse,
    routing::any,
};
use serde_json::json;
use tower_alb_auth::backstage::{self, BackstageAuth};
use tower_http::{
    limit::RequestBodyLimitLayer,
    timeout::TimeoutLayer,
    trace::{DefaultOnResponse, TraceLayer},
};
use tracing::Level;

use crate::health::{self, Health};

/// Longer than a sign-in may take that waits for the catalog and a store.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);
/// No route of ours reads a body.
const LONGEST_BODY: usize = 64 * 1024;

/// What the service is made of.
pub struct Parts {
    pub auth: BackstageAuth,
    pub health: Health,
    pub front_end: Option<Router>,
}

pub fn routes(parts: Parts) -> Router {
    let auth = backstage::router(parts.auth)
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, LONGEST_ANSWER))
        .layer(RequestBodyLimitLayer::new(LONGEST_BODY));
    let service = Router::new()
        .nest("/api/auth", auth)
        .merge(health::routes(parts.health))
        .route("/api", any(not_found))
        .route("/api/{*path}", any(not_found));
    let service = match parts.front_end {
        Some(front_end) => service.fallback_service(front_end),
        None => service.fallback(not_found),
    };
    service.layer(
        TraceLayer::new_for_http()
            // The path alone: a query may carry what signs a user in at another provider.
            .make_span_with(|request: &Request<_>| {
                tracing::info_span!("request", method = %request.method(), path = request.uri().path())
            })
            .on_response(DefaultOnResponse::new().level(Level::INFO)),
    )
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
