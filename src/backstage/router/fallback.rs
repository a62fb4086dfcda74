//! What is not ours.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{Response, StatusCode},
    middleware::Next,
    response::IntoResponse,
};

use super::error::ApiError;
use crate::backstage::own_paths;

/// Longest provider name that is said back.
const MAX_NAME_BYTES: usize = 64;

/// 404, as Backstage words it: what stands first in a path is the name of a provider there.
pub(super) async fn unknown(request: Request) -> ApiError {
    let name = request.uri().path().split('/').nth(1).unwrap_or_default();
    // Plain names alone: nobody's page is to say a stranger's words.
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let message = match name {
        "" => "There is no such route.".to_owned(),
        name if is_plain && name.len() <= MAX_NAME_BYTES => format!("Unknown auth provider '{name}'"),
        _ => "There is no such route.".to_owned(),
    };
    ApiError::new(StatusCode::NOT_FOUND, message)
}

pub(super) async fn not_implemented() -> ApiError {
    ApiError::new(StatusCode::NOT_IMPLEMENTED, "The load balancer signs users in: there is nothing to start here.")
}

pub(super) async fn wrong_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "This route does not take this method.")
}

/// Hands on what is not ours in any reading: see [`own_paths`]. The state says whether guests are ours.
pub(super) async fn of_others_alone(State(guests): State<bool>, request: Request, next: Next) -> Response<Body> {
    match own_paths::is_of_others(request.uri().path(), guests) {
        true => next.run(request).await,
        false => unknown(request).await.into_response(),
    }
}
