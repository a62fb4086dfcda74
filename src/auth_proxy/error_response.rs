//! Responses of the proxy that do not concern the user.

use std::time::{Duration, Instant};

use axum::body::Body;
use http::{Method, Request, Response, StatusCode};

use crate::{
    AuthError,
    internal::{
        Mutex, OwnedTraceId, TraceId, quoted,
        telemetry::{LogLimit, LogRate},
    },
    layer::{Format, GrpcForm, Refusal, RefusedRequest},
};

/// The rate of warnings: every request to a service that is down causes one.
const WARNING_RATE: LogRate = LogRate { max_lines: 10, window: Duration::from_secs(10) };

/// Method and path of a request, for the log. Not the query, which may contain credentials.
pub(super) struct Described {
    method: Method,
    path: String,
    pub(super) trace_id: OwnedTraceId,
    /// A client of gRPC gets a gRPC status.
    grpc: Option<GrpcForm>,
}

impl Described {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        let grpc = GrpcForm::of(&RefusedRequest::of(request));
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        Self { method, path, trace_id: TraceId::In(request.headers()).owned(), grpc }
    }

    /// As the layer refuses it.
    pub(super) fn refused_for(&self, error: &AuthError) -> Response<Body> {
        self.refused(Refusal::of(error))
    }

    fn refused(&self, refusal: Refusal<'_>) -> Response<Body> {
        match self.grpc {
            Some(form) => refusal.in_grpc(form),
            None => refusal.in_text(Format::Text, &self.method, "/"),
        }
    }
}

/// Makes the responses, and limits their warnings.
#[derive(Default)]
pub(super) struct ErrorResponses(Mutex<LogLimit>);

impl ErrorResponses {
    /// The reason is only logged, because it may name machines.
    pub(super) fn make(&self, status: StatusCode, reason: &str, request: &Described) -> Response<Body> {
        // A client's mistake is not the operator's to fix.
        self.log(status, !status.is_client_error(), reason, request);
        let message = match status {
            StatusCode::BAD_REQUEST => "The request cannot be read in one way only.",
            StatusCode::METHOD_NOT_ALLOWED => "The method is not allowed.",
            StatusCode::PAYLOAD_TOO_LARGE => "The body of the request is too large.",
            StatusCode::GATEWAY_TIMEOUT => "The application does not respond in time.",
            StatusCode::LOOP_DETECTED => "The request leads back to this proxy.",
            _ => "The application is not available.",
        };
        request.refused(Refusal { status, message, header: None })
    }

    /// Logs why the service responded with this status, which is the operator's to fix.
    pub(super) fn explain(&self, status: StatusCode, reason: &str, request: &Described) {
        self.log(status, true, reason, request);
    }

    fn log(&self, status: StatusCode, warn: bool, reason: &str, request: &Described) {
        let (code, method, path) = (status.as_u16(), &request.method, quoted(&request.path));
        let trace_id = request.trace_id.get();
        if warn && self.0.lock().allows(WARNING_RATE, Instant::now()) {
            tracing::warn!(target: "tower_alb_auth", trace_id = trace_id.shown(), "{code} for {method} {path}: {reason}");
        } else {
            tracing::debug!(target: "tower_alb_auth", trace_id = trace_id.shown(), "{code} for {method} {path}: {reason}");
        }
    }
}
