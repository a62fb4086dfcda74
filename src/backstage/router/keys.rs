//! Key sets.

use axum::{
    body::Body,
    extract::State,
    http::{Response, StatusCode, header},
    response::IntoResponse,
};

use super::error::ApiError;
use crate::backstage::{BackstageAuth, PublicJwk, store::StoreError};

pub(super) async fn user_keys(State(auth): State<BackstageAuth>) -> Result<Response<Body>, ApiError> {
    key_set(auth.tokens().public_keys().await)
}

pub(super) async fn plugin_keys(State(auth): State<BackstageAuth>) -> Result<Response<Body>, ApiError> {
    key_set(auth.tokens().plugin_public_keys().await)
}

fn key_set(keys: Result<Vec<PublicJwk>, StoreError>) -> Result<Response<Body>, ApiError> {
    let keys = keys.map_err(|_| ApiError::of_status(StatusCode::SERVICE_UNAVAILABLE, "try again later"))?;
    let keys: Vec<&str> = keys.iter().map(PublicJwk::json).collect();
    let body = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
    Ok(([(header::CONTENT_TYPE, "application/json; charset=utf-8")], body).into_response())
}
