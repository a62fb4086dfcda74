//! The route `/.well-known/openid-configuration`.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, Response},
};
use serde::Serialize;

use super::{error::ApiError, response};
use crate::backstage::BackstageAuth;

/// The members that a stock auth backend returns, in its order, with the values of this one. As
/// there, the code flow is announced whether it is enabled or not; here its routes return 404, or
/// the response of the fallback of
/// [`router_with_fallback`](super::router_with_fallback).
#[derive(Serialize)]
struct Discovery<'a> {
    issuer: &'a str,
    token_endpoint: String,
    userinfo_endpoint: String,
    jwks_uri: String,
    response_types_supported: [&'a str; 2],
    subject_types_supported: [&'a str; 1],
    id_token_signing_alg_values_supported: [&'a str; 1],
    scopes_supported: [&'a str; 1],
    token_endpoint_auth_methods_supported: [&'a str; 2],
    claims_supported: [&'a str; 2],
    grant_types_supported: [&'a str; 1],
    authorization_endpoint: String,
    code_challenge_methods_supported: [&'a str; 2],
}

pub(super) async fn discovery(
    State(auth): State<BackstageAuth>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let issuer = auth.tokens().issuer();
    let below = |path: &str| format!("{issuer}{path}");
    let discovery = Discovery {
        issuer,
        token_endpoint: below("/v1/token"),
        userinfo_endpoint: below("/v1/userinfo"),
        jwks_uri: below("/.well-known/jwks.json"),
        response_types_supported: ["code", "id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256"],
        scopes_supported: ["openid"],
        token_endpoint_auth_methods_supported: ["client_secret_basic", "client_secret_post"],
        claims_supported: ["sub", "ent"],
        grant_types_supported: ["authorization_code"],
        authorization_endpoint: below("/v1/authorize"),
        code_challenge_methods_supported: ["S256", "plain"],
    };
    let body = serde_json::to_string(&discovery).map_err(|_| ApiError::unavailable())?;
    Ok(response::public(&headers, body))
}
