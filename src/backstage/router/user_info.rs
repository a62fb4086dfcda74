//! `/v1/userinfo`: who holds this token.

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

/// The answer to a full token or a limited one.
pub(super) async fn user_info(
    State(auth): State<BackstageAuth>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let token = bearer(&headers).ok_or_else(|| ApiError::bearer("Bearer", "This needs a Backstage token."))?;
    let user = auth.tokens().verify(token).await.map_err(|refused| match refused {
        TokenRefused::Invalid(why) => {
            tracing::debug!(target: "tower_alb_auth", "refused at userinfo: {why}");
            ApiError::bearer("Bearer error=\"invalid_token\"", "The token is not a valid Backstage token.")
        }
        TokenRefused::Unavailable(error) => {
            auth.store_failed("the store of public keys", &error);
            ApiError::unavailable()
        }
    })?;
    let info = auth.user_info().find(user.user_entity_ref.as_str()).await.map_err(|error| {
        auth.store_failed("the store of users", &error);
        ApiError::unavailable()
    })?;
    // Of this very user: an answer about somebody else would be that user's rights.
    let info = info
        .filter(|info| info.user_entity_ref == user.user_entity_ref)
        .ok_or_else(|| ApiError::new(StatusCode::NOT_FOUND, "Nothing is known of this user."))?;
    response::private(&UserInfo { claims: UserClaims { sub: &info.user_entity_ref, ent: &info.ownership_entity_refs } })
}

/// The one token of the one `Authorization` header. The scheme counts in any case (RFC 9110 section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    let token = token.trim_start_matches(' ');
    let is_one_word = !token.is_empty() && !token.contains(|c: char| c.is_ascii_whitespace());
    (scheme.eq_ignore_ascii_case("bearer") && is_one_word).then_some(token)
}
