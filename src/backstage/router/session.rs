//! A session as the front end expects it.

use axum::{
    body::Body,
    http::{HeaderMap, Response, StatusCode},
};
use serde::Serialize;

use super::{error::ApiError, response};
use crate::{
    Claims, EntityRef,
    backstage::{BackstageAuth, SessionProfile, store::UserInfo},
};

/// The kind and the status of a session whose token could not be signed, or whose user not be stored.
const NOT_ISSUED: (&str, StatusCode) = ("not_issued", StatusCode::SERVICE_UNAVAILABLE);

/// A session without its token. Absent members are left out, because the front end does not accept
/// `null`.
pub(super) struct Session<'a> {
    pub(super) user: &'a EntityRef,
    pub(super) claims: Option<&'a Claims>,
    pub(super) ownership: &'a [EntityRef],
    pub(super) profile: &'a SessionProfile,
    pub(super) provider_info: Option<ProviderInfo<'a>>,
}

/// Data of the load balancer's token.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProviderInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) access_token: Option<&'a str>,
    /// Its remaining lifetime.
    pub(super) expires_in_seconds: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionBody<'a> {
    profile: &'a SessionProfile,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_info: Option<ProviderInfo<'a>>,
    backstage_identity: Identity<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identity<'a> {
    /// The user's name, which hand-written sign-in pages read.
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

impl Session<'_> {
    /// Issues a token and responds with the session.
    pub(super) async fn give(self, auth: &BackstageAuth, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
        let Session { user, claims, ownership, profile, provider_info } = self;
        // A guest too, and a user who was denied while the profile was made.
        let provider = if provider_info.is_some() { "awsalb" } else { "guest" };
        auth.check_denied(user, headers)
            .inspect_err(|error| auth.session_refused(provider, error, (Some(user), claims), headers))?;
        let issued = auth.tokens().user_token(user, ownership).await.map_err(|error| {
            auth.not_issued(&error, headers);
            auth.no_session(NOT_ISSUED, provider, (Some(user), claims), headers);
            ApiError::unavailable()
        })?;
        // Stored before the response is sent, because a back end may query it at once.
        let known = UserInfo::new(user.clone(), ownership);
        let (known, shared) = tokio::join!(
            auth.user_info().put(known, issued.expires_at),
            auth.share_account(user, claims, issued.expires_at)
        );
        let known = known.map_err(|error| ("the store of users", error));
        let shared = shared.map_err(|error| ("the store of accounts", error));
        known.and(shared).map_err(|(store, error)| {
            auth.store_failed(store, &error, headers);
            auth.no_session(NOT_ISSUED, provider, (Some(user), claims), headers);
            ApiError::unavailable()
        })?;
        auth.session_issued(provider, (user, claims), issued.expires_at, headers);
        response::private(&SessionBody {
            profile,
            provider_info,
            backstage_identity: Identity {
                id: user.name(),
                token: issued.expose(),
                identity: Ownership { r#type: "user", user_entity_ref: user, ownership_entity_refs: ownership },
                expires_in_seconds: auth.tokens().token_lifetime().as_secs(),
            },
        })
    }
}
