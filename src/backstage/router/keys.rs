//! Key sets (RFC 7517 section 5): what tokens verify by.

use std::collections::HashSet;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response},
};

use super::{error::ApiError, response};
use crate::backstage::{BackstageAuth, PublicJwk, store::StoreError};

pub(super) async fn user_keys(
    State(auth): State<BackstageAuth>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    key_set(&auth, &headers, auth.tokens().public_keys().await)
}

pub(super) async fn plugin_keys(
    State(auth): State<BackstageAuth>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    key_set(&auth, &headers, auth.tokens().plugin_public_keys().await)
}

fn key_set(
    auth: &BackstageAuth,
    asked: &HeaderMap,
    keys: Result<Vec<PublicJwk>, StoreError>,
) -> Result<Response<Body>, ApiError> {
    let mut keys = keys.map_err(|error| {
        auth.store_failed("the store of public keys", &error);
        ApiError::unavailable()
    })?;
    // One key an id, the first, as tokens are verified here: of two, readers would pick one each in their own way.
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(key.kid().to_owned()));
    let keys: Vec<&str> = keys.iter().map(PublicJwk::json).collect();
    Ok(response::public(asked, format!(r#"{{"keys":[{}]}}"#, keys.join(","))))
}
