//! `/awsalb/refresh`: the session.

use std::time::SystemTime;

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response, StatusCode, header},
    response::IntoResponse,
};
use serde::Serialize;

use super::error::ApiError;
use crate::{
    EntityRef,
    backstage::{BackstageAuth, store::UserInfo},
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'a> {
    profile: Profile<'a>,
    provider_info: ProviderInfo,
    backstage_identity: Identity<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Profile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<&'a str>,
    display_name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProviderInfo {
    expires_in_seconds: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    id: &'a str,
    token: &'a str,
    identity: Ownership<'a>,
    expires_in_seconds: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Ownership<'a> {
    r#type: &'static str,
    user_entity_ref: &'a EntityRef,
    ownership_entity_refs: &'a [EntityRef],
}

pub(super) async fn refresh(State(auth): State<BackstageAuth>, headers: HeaderMap) -> Result<Response<Body>, ApiError> {
    let user = auth
        .alb()
        .authenticate(&headers)
        .await
        .map_err(|error| ApiError::of_status(error.status(), error.client_message()))?;
    let identity =
        user.identity().ok_or_else(|| ApiError::of_status(StatusCode::FORBIDDEN, "the sign-in policy names nobody"))?;
    let unavailable = |_| ApiError::of_status(StatusCode::SERVICE_UNAVAILABLE, "try again later");
    let (user_ref, ownership) = (identity.user_entity_ref(), identity.ownership_entity_refs());
    let issued = auth.tokens().user_token(user_ref, ownership).await.map_err(unavailable)?;
    // Before the token is out of the house: whoever is shown it may ask at once.
    auth.user_info().put(UserInfo::new(user_ref.clone(), ownership), issued.expires_at).await.map_err(unavailable)?;
    let now = auth.tokens().now();
    let left = |at: SystemTime| at.duration_since(now).unwrap_or_default().as_secs();
    let profile = identity.profile();
    let session = Session {
        profile: Profile { email: profile.email(), picture: profile.picture(), display_name: profile.display_name() },
        provider_info: ProviderInfo { expires_in_seconds: left(user.claims().token_expires_at()) },
        backstage_identity: Identity {
            id: user_ref.name(),
            token: issued.expose(),
            identity: Ownership { r#type: "user", user_entity_ref: user_ref, ownership_entity_refs: ownership },
            expires_in_seconds: auth.tokens().token_lifetime().as_secs(),
        },
    };
    let body = serde_json::to_string(&session).map_err(|_| ApiError::of_status(StatusCode::FORBIDDEN, "no session"))?;
    let headers = [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, body).into_response())
}
