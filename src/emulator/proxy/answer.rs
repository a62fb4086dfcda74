//! Answers in the target's place.

use axum::body::Body;
use http::{HeaderValue, Response, StatusCode, header};

/// A page with the status alone; why stands in the log.
pub(in crate::emulator) fn answer(status: u16, reason: &str) -> Response<Body> {
    tracing::warn!(target: "alb_emulator", "{status}: {reason}");
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let page = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>{title}</title><h1>{title}</h1><p>alb-emulator: the \
         reason stands in its log.</p></html>\n"
    );
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
