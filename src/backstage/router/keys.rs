//! Key sets (RFC 7517 section 5), which verify tokens.

use std::collections::HashSet;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response},
};

use super::{behind::Behind, error::ApiError, response};
use crate::backstage::{BackstageAuth, PublicJwk, store::StoreError};

/// The keys of this auth backend, then those of the one behind it.
pub(super) async fn user_keys(State(auth): State<BackstageAuth>, request: Request) -> Result<Response<Body>, ApiError> {
    let (parts, _unread) = request.into_parts();
    let mut keys = auth.tokens().public_keys().await;
    if let (Ok(keys), Some(behind)) = (&mut keys, Behind::of(&parts)) {
        keys.extend(behind.keys(&parts).await);
    }
    key_set(&auth, &parts.headers, keys)
}

pub(super) async fn plugin_keys(
    State(auth): State<BackstageAuth>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    key_set(&auth, &headers, auth.tokens().plugin_public_keys().await)
}

fn key_set(
    auth: &BackstageAuth,
    requested: &HeaderMap,
    keys: Result<Vec<PublicJwk>, StoreError>,
) -> Result<Response<Body>, ApiError> {
    let mut keys = keys.map_err(|error| {
        auth.store_failed("the store of public keys", &error, requested);
        ApiError::unavailable()
    })?;
    // One key per id, the first one, as token verification here does: otherwise verifiers may pick
    // different keys.
    let mut seen = HashSet::new();
    keys.retain(|key| seen.insert(key.kid().to_owned()));
    let keys: Vec<&str> = keys.iter().map(PublicJwk::json).collect();
    Ok(response::public(requested, format!(r#"{{"keys":[{}]}}"#, keys.join(","))))
}
