//! Responses to requests for other routes.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Response, StatusCode},
    middleware::Next,
    response::IntoResponse,
};

use super::error::ApiError;
use crate::backstage::own_paths;

/// Maximum length of a provider name that is repeated in a message.
const MAX_NAME_BYTES: usize = 64;

/// 404 with Backstage's message: the first segment of the path is the name of a provider there.
pub(super) async fn unknown(request: Request) -> ApiError {
    let name = request.uri().path().split('/').nth(1).unwrap_or_default();
    // Only plain names are repeated, so that a response cannot be made to contain foreign text.
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let message = match name {
        "" => "There is no such route.".to_owned(),
        name if is_plain && name.len() <= MAX_NAME_BYTES => format!("Unknown auth provider '{name}'"),
        _ => "There is no such route.".to_owned(),
    };
    ApiError::new(StatusCode::NOT_FOUND, message)
}

pub(super) async fn not_implemented() -> ApiError {
    ApiError::new(StatusCode::NOT_IMPLEMENTED, "The load balancer signs users in; this route is not implemented.")
}

pub(super) async fn wrong_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "This route does not support this method.")
}

/// Passes on what is not an own route in any reading: see [`own_paths`]. The state says whether
/// guests are allowed.
pub(super) async fn pass_other_paths(State(guests): State<bool>, request: Request, next: Next) -> Response<Body> {
    match own_paths::is_of_others(request.uri().path(), guests) {
        true => next.run(request).await,
        false => unknown(request).await.into_response(),
    }
}
