//! Answers in the upstream's place, in Backstage's shape.

use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde_json::json;

use super::Upstream;

/// What the error says was asked for.
pub(super) struct Asked {
    method: String,
    path: String,
}

impl Asked {
    /// Without the query, which may carry what signs a user in.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self { method: request.method().to_string(), path: request.uri().path().to_owned() }
    }
}

/// The status and a sentence for the client; why stands in the log, since it names machines.
pub(super) fn answer(status: u16, asked: &Asked, reason: &str, upstream: &Upstream) -> Response<Body> {
    let path = crate::error::quoted(&asked.path);
    tracing::warn!(target: "tower_alb_auth", "{status} for {} {path}: the upstream {upstream} {reason}", asked.method);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let (name, message) = match status {
        StatusCode::BAD_REQUEST => ("InputError", "there is no such address"),
        StatusCode::NOT_FOUND => ("NotFoundError", "there is no such address"),
        StatusCode::METHOD_NOT_ALLOWED => ("NotAllowedError", "the method is not allowed"),
        StatusCode::GATEWAY_TIMEOUT => ("ServiceUnavailableError", "the backend behind this one takes too long"),
        _ => ("ServiceUnavailableError", "the backend behind this one gives no answer"),
    };
    let body = json!({
        "error": { "name": name, "message": message },
        "request": { "method": asked.method, "url": asked.path },
        "response": { "statusCode": status.as_u16() },
    });
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
