//! JSON responses.

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use super::error::ApiError;

/// How long caches may keep public responses. A stock back end that misses a key fetches again
/// after 30 s, and a replica reports ready 35 s after it published its key: a cache must not hide
/// that key for longer than the difference.
const PUBLIC: HeaderValue = HeaderValue::from_static("public, max-age=5");

/// Headers of a JSON response that no cache may keep.
pub(super) fn json_headers() -> [(HeaderName, HeaderValue); 3] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]
}

/// A response for one user.
pub(super) fn private(value: &impl Serialize) -> Result<Response<Body>, ApiError> {
    let body = serde_json::to_string(value).map_err(|_| ApiError::unavailable())?;
    Ok((json_headers(), body).into_response())
}

/// A response for everyone, or 304 for a client that has it already (RFC 9110 section 13.1.2).
pub(super) fn public(requested: &HeaderMap, body: String) -> Response<Body> {
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest(&SHA256, body.as_bytes())));
    let mut response = if holds(requested, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        (json_headers(), body).into_response()
    };
    response.headers_mut().insert(header::CACHE_CONTROL, PUBLIC);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn holds(requested: &HeaderMap, tag: &str) -> bool {
    let lists = requested.get_all(header::IF_NONE_MATCH).iter().filter_map(|list| list.to_str().ok());
    let mut held = lists.flat_map(|list| list.split(',')).map(str::trim);
    held.any(|held| held == "*" || held.strip_prefix("W/").unwrap_or(held) == tag)
}
