//! `/v1/userinfo`: who holds this token.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode, header},
    response::IntoResponse,
};
use serde_json::json;

use super::error::ApiError;
use crate::backstage::{BackstageAuth, TokenRefused};

pub(super) async fn user_info(
    State(auth): State<BackstageAuth>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let unauthorized = |message: &str| ApiError::of_status(StatusCode::UNAUTHORIZED, message);
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = bearer.and_then(|value| value.strip_prefix("Bearer ")).ok_or_else(|| unauthorized("no token"))?;
    let unavailable = || ApiError::of_status(StatusCode::SERVICE_UNAVAILABLE, "try again later");
    let user = auth.tokens().verify(token).await.map_err(|refused| match refused {
        TokenRefused::Invalid(_) => unauthorized("the token is not valid"),
        TokenRefused::Unavailable(_) => unavailable(),
    })?;
    let info = auth.user_info().find(user.user_entity_ref.as_str()).await.map_err(|_| unavailable())?;
    let info = info.ok_or_else(|| ApiError::not_found("nothing is known of the user"))?;
    let body = json!({ "claims": { "sub": info.user_entity_ref, "ent": &*info.ownership_entity_refs } });
    let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, body.to_string()).into_response())
}
