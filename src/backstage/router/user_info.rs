//! The route `/v1/userinfo`: the user of a token.

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Response, StatusCode, header, request::Parts},
};
use serde::Serialize;

use super::{behind::Behind, error::ApiError, response};
use crate::{
    EntityRef,
    backstage::{BackstageAuth, TokenRefused, VerifiedUser},
    internal::TraceId,
};

#[derive(Serialize)]
struct UserInfo<'a> {
    claims: UserClaims<'a>,
}

#[derive(Serialize)]
struct UserClaims<'a> {
    sub: &'a EntityRef,
    ent: &'a [EntityRef],
}

/// The response to a full or limited user token, of this auth backend or of the one behind it.
pub(super) async fn user_info(State(auth): State<BackstageAuth>, request: Request) -> Result<Response<Body>, ApiError> {
    let (parts, _unread) = request.into_parts();
    let token = bearer(&parts.headers).ok_or_else(|| ApiError::bearer("Bearer", "A Backstage token is required."))?;
    let user = verified(&auth, token, &parts).await.map_err(|refused| match refused {
        TokenRefused::Invalid(why) => {
            let trace_id = TraceId::In(&parts.headers);
            tracing::debug!(target: "tower_alb_auth", trace_id = trace_id.shown(), "userinfo refused: {why}");
            ApiError::bearer("Bearer error=\"invalid_token\"", "The token is not a valid Backstage token.")
        }
        TokenRefused::Unavailable(error) => {
            auth.store_failed("the store of public keys", &error, &parts.headers);
            ApiError::unavailable()
        }
    })?;
    auth.check_denied(&user.user_entity_ref, &parts.headers)?;
    let elsewhere = auth.check_denied_elsewhere(&user.user_entity_ref, &parts.headers).await;
    elsewhere.map_err(|error| {
        auth.store_failed("the store of accounts", &error, &parts.headers);
        ApiError::unavailable()
    })??;
    let info = auth.user_info().find(user.user_entity_ref.as_str()).await.map_err(|error| {
        auth.store_failed("the store of users", &error, &parts.headers);
        ApiError::unavailable()
    })?;
    // Only for this user: a row of another user would grant that user's rights.
    let info = info
        .filter(|info| info.user_entity_ref == user.user_entity_ref)
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "The user is unknown."))?;
    response::private(&UserInfo { claims: UserClaims { sub: &info.user_entity_ref, ent: &info.ownership_entity_refs } })
}

/// The user of a token that a key of the published key set verifies: a client that signed in at the auth backend behind this one
/// has a token of its keys.
async fn verified(auth: &BackstageAuth, token: &str, parts: &Parts) -> Result<VerifiedUser, TokenRefused> {
    match Behind::of(parts) {
        Some(behind) => auth.tokens().verify_with(token, behind.keys(parts)).await,
        None => auth.tokens().verify(token).await,
    }
}

/// The only token of the only `Authorization` header. The scheme is case-insensitive (RFC 9110
/// section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else { return None };
    let (scheme, token) = std::str::from_utf8(value.as_bytes()).ok()?.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    // All bytes without a branch, so that the compiler can compare several at once.
    let is_one_word = !token.is_empty() && token.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic());
    (scheme.eq_ignore_ascii_case("bearer") && is_one_word).then_some(token)
}
