//! Error responses in place of the upstream's, in Backstage's format.

use std::fmt::Display;

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};

use crate::layer::{Format, Refusal};

/// The part of the request that the error repeats.
pub(super) struct Requested {
    method: Method,
    path: String,
}

impl Requested {
    /// Without the query, which may contain credentials.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self { method: request.method().clone(), path: request.uri().path().to_owned() }
    }
}

/// The status and a message for the client. The reason is only logged, because it names machines.
pub(super) fn refuse(status: u16, requested: &Requested, reason: &str, upstream: &impl Display) -> Response<Body> {
    let path = crate::internal::quoted(&requested.path);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let code = status.as_u16();
    // A client's mistake is not the operator's to fix, and clients could flood the log with it.
    if status.is_client_error() {
        tracing::debug!(target: "tower_alb_auth", "{code} for {} {path}: the upstream {upstream} {reason}", requested.method);
    } else {
        tracing::warn!(target: "tower_alb_auth", "{code} for {} {path}: the upstream {upstream} {reason}", requested.method);
    }
    let message = match status {
        StatusCode::BAD_REQUEST => "there is no such path",
        StatusCode::NOT_FOUND => "there is no such path",
        StatusCode::METHOD_NOT_ALLOWED => "the method is not allowed",
        StatusCode::GATEWAY_TIMEOUT => "the backend behind this one does not respond in time",
        _ => "the backend behind this one is not available",
    };
    Refusal { status, message, header: None }.in_text(Format::BackstageJson, &requested.method, &requested.path)
}
