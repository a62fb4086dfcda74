//! Liveness, readiness and metrics.
//!
//! | port | paths |
//! |---|---|
//! | of the reverse proxy | `/.alb-auth-proxy/live`, `/.alb-auth-proxy/ready`: GET and HEAD, for a load balancer's health check |
//! | `admin_listen` | the same, and `/metrics` for Prometheus |
//! | of forward auth | none: a gateway would take its 200 for an admission |

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::body::Body;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::Incoming;
use metrics_exporter_prometheus::PrometheusHandle;

use super::{counters::ModeLabel, serve::Respond, settings::Settings};
use crate::{AlbAuthHandle, backstage::TokenIssuer};

const LIVE: &str = Settings::LIVENESS_PATH;
const READY: &str = "/.alb-auth-proxy/ready";
const METRICS: &str = "/metrics";

#[derive(Clone)]
pub(super) struct Health {
    alb: AlbAuthHandle,
    /// Of assertions.
    issuer: Option<TokenIssuer>,
    is_ending: Arc<AtomicBool>,
}

impl Health {
    pub(super) fn new(alb: AlbAuthHandle, issuer: Option<TokenIssuer>) -> Self {
        Self { alb, issuer, is_ending: Arc::default() }
    }

    /// Reports "not ready" from now on.
    pub(super) fn end(&self) {
        self.is_ending.store(true, Ordering::Relaxed);
    }

    /// The response to a health check; `None` for any other request.
    pub(super) fn on_service_port(&self, method: &Method, path: &str) -> Option<Response<Body>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return None;
        }
        let response = match path {
            LIVE => text(StatusCode::OK, "live\n"),
            READY => self.readiness(),
            _ => return None,
        };
        // hyper would send a body over HTTP/2, which breaks the stream.
        Some(if *method == Method::HEAD { response.map(|_| Body::empty()) } else { response })
    }

    fn readiness(&self) -> Response<Body> {
        if self.is_ending.load(Ordering::Relaxed) {
            return text(StatusCode::SERVICE_UNAVAILABLE, "not ready: the proxy ends\n");
        }
        let readiness = self.alb.readiness();
        // They name machines, so they are not part of the response.
        readiness.problems().iter().for_each(|problem| tracing::debug!(target: "tower_alb_auth", "{problem}"));
        if let Some(issuer) = self.issuer.as_ref().map(TokenIssuer::readiness).filter(|issuer| !issuer.is_ready()) {
            issuer.problems().iter().for_each(|problem| tracing::debug!(target: "tower_alb_auth", "{problem}"));
            return text(StatusCode::SERVICE_UNAVAILABLE, "not ready: no key signs assertions\n");
        }
        match readiness.is_ready() {
            true => text(StatusCode::OK, "ready\n"),
            false => text(StatusCode::SERVICE_UNAVAILABLE, "not ready: the public keys are out of reach\n"),
        }
    }
}

/// The port for operators.
pub(super) struct Admin {
    pub(super) health: Health,
    /// `None`: another part of the process has the recorder of the metrics.
    pub(super) metrics: Option<PrometheusHandle>,
}

impl Respond for Admin {
    const MODE: ModeLabel = ModeLabel::Admin;

    fn abort(&self) {}

    async fn respond(self: Arc<Self>, request: Request<Incoming>) -> Response<Body> {
        let (method, path) = (request.method(), request.uri().path());
        if let Some(response) = self.health.on_service_port(method, path) {
            return response;
        }
        match (&self.metrics, path) {
            (Some(metrics), METRICS) if method == Method::GET => text(StatusCode::OK, metrics.render()),
            _ => text(StatusCode::NOT_FOUND, "not found\n"),
        }
    }
}

fn text(status: StatusCode, body: impl Into<Body>) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
