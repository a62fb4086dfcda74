//! The route `/v1/userinfo`: the user of a token.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode, header},
};
use serde::Serialize;

use super::{error::ApiError, response};
use crate::{
    EntityRef,
    backstage::{BackstageAuth, TokenRefused},
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

/// The response to a full or limited user token.
pub(super) async fn user_info(
    State(auth): State<BackstageAuth>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let token = bearer(&headers).ok_or_else(|| ApiError::bearer("Bearer", "A Backstage token is required."))?;
    let user = auth.tokens().verify(token).await.map_err(|refused| match refused {
        TokenRefused::Invalid(why) => {
            tracing::debug!(target: "tower_alb_auth", "userinfo refused: {why}");
            ApiError::bearer("Bearer error=\"invalid_token\"", "The token is not a valid Backstage token.")
        }
        TokenRefused::Unavailable(error) => {
            auth.store_failed("the store of public keys", &error);
            ApiError::unavailable()
        }
    })?;
    auth.check_denied(&user.user_entity_ref)?;
    let info = auth.user_info().find(user.user_entity_ref.as_str()).await.map_err(|error| {
        auth.store_failed("the store of users", &error);
        ApiError::unavailable()
    })?;
    // Only for this user: a row of another user would grant that user's rights.
    let info = info
        .filter(|info| info.user_entity_ref == user.user_entity_ref)
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "The user is unknown."))?;
    response::private(&UserInfo { claims: UserClaims { sub: &info.user_entity_ref, ent: &info.ownership_entity_refs } })
}

/// The only token of the only `Authorization` header. The scheme is case-insensitive (RFC 9110
/// section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let is_one_word = !token.is_empty() && !token.contains(|c: char| c.is_ascii_whitespace());
    (scheme.eq_ignore_ascii_case("bearer") && is_one_word).then_some(token)
}
