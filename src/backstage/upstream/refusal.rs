//! Error responses in place of the upstream's, in Backstage's format.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};

use crate::{
    internal::{
        Mutex, OwnedTraceId, TraceId,
        telemetry::{LogLimit, LogRate},
    },
    layer::{Format, Refusal},
};

/// The rate of an upstream's warnings. Clients can cause them: by a long `X-Forwarded-For`, or a
/// body that breaks off.
const WARNING_RATE: LogRate = LogRate { max_lines: 10, window: Duration::from_secs(10) };

/// The warnings of one upstream.
pub(super) type Warnings = Mutex<LogLimit>;

/// The part of the request that the error repeats.
pub(super) struct Requested {
    method: Method,
    path: String,
    trace_id: OwnedTraceId,
}

impl Requested {
    /// Without the query, which may contain credentials.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let trace_id = TraceId::In(request.headers()).owned();
        Self { method: request.method().clone(), path: request.uri().path().to_owned(), trace_id }
    }
}

/// The status and a message for the client. The reason is only logged, because it names machines.
pub(super) fn refuse(
    status: u16,
    requested: &Requested,
    reason: &str,
    upstream: &impl Display,
    warnings: &Warnings,
) -> Response<Body> {
    let path = crate::internal::quoted(&requested.path);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let (code, trace_id) = (status.as_u16(), requested.trace_id.get());
    // A client's mistake is not the operator's to fix, and clients could flood the log with it.
    if !status.is_client_error() && warnings.lock().allows(WARNING_RATE, Instant::now()) {
        tracing::warn!(target: "tower_alb_auth", trace_id = trace_id.shown(), "{code} for {} {path}: the upstream {upstream} {reason}", requested.method);
    } else {
        tracing::debug!(target: "tower_alb_auth", trace_id = trace_id.shown(), "{code} for {} {path}: the upstream {upstream} {reason}", requested.method);
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
