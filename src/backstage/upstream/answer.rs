//! Answers in the upstream's place, in Backstage's shape.

use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};

use super::Upstream;
use crate::{
    internal::Mutex,
    layer::{Format, Refusal},
};

/// At most so many warnings of an upstream
const WARNINGS: u32 = 10;
/// in this time. Any client can have requests fail: by a long `X-Forwarded-For`, or a body that breaks off.
const WARNINGS_IN: Duration = Duration::from_secs(10);

/// Since when warnings are counted, and how many there were.
#[derive(Default)]
pub(super) struct Lines(Mutex<Option<(Instant, u32)>>);

impl Lines {
    /// Whether there may be one more.
    fn allow(&self, now: Instant) -> bool {
        let mut counted = self.0.lock();
        let (since, before) =
            counted.filter(|(since, _)| now.saturating_duration_since(*since) < WARNINGS_IN).unwrap_or((now, 0));
        let count = before.saturating_add(1);
        *counted = Some((since, count));
        count <= WARNINGS
    }
}

/// What the error says was asked for.
pub(super) struct Asked {
    method: Method,
    path: String,
}

impl Asked {
    /// Without the query, which may carry what signs a user in.
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self { method: request.method().clone(), path: request.uri().path().to_owned() }
    }
}

/// The status and a sentence for the client; why stands in the log, since it names machines.
pub(super) fn answer(status: u16, asked: &Asked, reason: &str, upstream: &Upstream) -> Response<Body> {
    let path = crate::internal::quoted(&asked.path);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let code = status.as_u16();
    // What a client sends wrong is not the operator's to mend, and any client could fill the log with it.
    if !status.is_client_error() && upstream.0.lines.allow(Instant::now()) {
        tracing::warn!(target: "tower_alb_auth", "{code} for {} {path}: the upstream {upstream} {reason}", asked.method);
    } else {
        tracing::debug!(target: "tower_alb_auth", "{code} for {} {path}: the upstream {upstream} {reason}", asked.method);
    }
    let message = match status {
        StatusCode::BAD_REQUEST => "there is no such address",
        StatusCode::NOT_FOUND => "there is no such address",
        StatusCode::METHOD_NOT_ALLOWED => "the method is not allowed",
        StatusCode::GATEWAY_TIMEOUT => "the backend behind this one takes too long",
        _ => "the backend behind this one gives no answer",
    };
    Refusal { status, message, header: None }.in_text(Format::BackstageJson, &asked.method, &asked.path)
}
