//! Responses in place of the target's.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};

/// A page with only the status; the reason is logged.
pub(in crate::emulator) fn error_response(status: u16, reason: &str) -> Response<Body> {
    tracing::warn!(target: "alb_emulator", "{status}: {reason}");
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1><p>alb-emulator: \
         see its log for the reason.</p></html>\n"
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
