//! Answers in the upstream's place, in Backstage's shape.

use std::fmt::Display;

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};

use crate::layer::{Format, Refusal};

/// What the error says was asked for.
pub(super) struct Requested {
    method: Method,
    path: String,
}

impl Requested {
    /// Without the query, which may carry what signs a user in.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self { method: request.method().clone(), path: request.uri().path().to_owned() }
    }
}

/// The status and a sentence for the client; why stands in the log, since it names machines.
pub(super) fn refuse(status: u16, requested: &Requested, reason: &str, upstream: &impl Display) -> Response<Body> {
    let path = crate::internal::quoted(&requested.path);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let code = status.as_u16();
    // What a client sends wrong is not the operator's to mend, and any client could fill the log with it.
    if status.is_client_error() {
        tracing::debug!(target: "tower_alb_auth", "{code} for {} {path}: the upstream {upstream} {reason}", requested.method);
    } else {
        tracing::warn!(target: "tower_alb_auth", "{code} for {} {path}: the upstream {upstream} {reason}", requested.method);
    }
    let message = match status {
        StatusCode::BAD_REQUEST => "there is no such address",
        StatusCode::NOT_FOUND => "there is no such address",
        StatusCode::METHOD_NOT_ALLOWED => "the method is not allowed",
        StatusCode::GATEWAY_TIMEOUT => "the backend behind this one takes too long",
        _ => "the backend behind this one gives no answer",
    };
    Refusal { status, message, header: None }.in_text(Format::BackstageJson, &requested.method, &requested.path)
}
