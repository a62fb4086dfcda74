//! The route `/guest/refresh`: a session without a sign-in, if the application allows it.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode},
};

use super::{error::ApiError, session::Session, site::OwnSite};
use crate::backstage::BackstageAuth;

pub(super) async fn refresh(
    State(auth): State<BackstageAuth>,
    headers: HeaderMap,
    _own: OwnSite,
) -> Result<Response<Body>, ApiError> {
    let Some(guest) = auth.guest() else {
        return Err(ApiError::new(StatusCode::FORBIDDEN, "Guest sign-in is not allowed."));
    };
    let session = Session {
        user: &guest.user,
        claims: None,
        ownership: &guest.ownership,
        profile: &guest.profile,
        provider_info: None,
    };
    session.give(&auth, &headers).await
}
