//! The route `/.well-known/openid-configuration`.

use axum::{
    body::Body,
    extract::{Request, State},
    http::Response,
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{
    behind::{Behind, add_missing},
    error::ApiError,
    response,
};
use crate::backstage::BackstageAuth;

/// The lists of which those of both auth backends hold.
const LISTS: [&str; 5] = [
    "response_types_supported",
    "subject_types_supported",
    "id_token_signing_alg_values_supported",
    "scopes_supported",
    "claims_supported",
];

pub(super) async fn discovery(State(auth): State<BackstageAuth>, request: Request) -> Result<Response<Body>, ApiError> {
    let (parts, _unread) = request.into_parts();
    let own = Discovery::of(auth.tokens().issuer());
    let theirs = match Behind::of(&parts) {
        Some(behind) => {
            behind.discovery(&parts).await.map_err(|_| ApiError::unavailable())?.map(|found| (found, behind))
        }
        None => None,
    };
    let body = match theirs {
        Some((theirs, behind)) => {
            serde_json::to_value(&own).map(|own| Value::from(merged(theirs, own, behind)).to_string())
        }
        None => serde_json::to_string(&own),
    };
    Ok(response::public(&parts.headers, body.map_err(|_| ApiError::unavailable())?))
}

/// The members that a stock auth backend of version 0.31 returns if no client is configured, in its
/// order, with the values of this one. As there, the code flow is announced whether it is enabled or
/// not; here its routes return 404, or the response of the fallback of
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
    token_endpoint_auth_methods_supported: [&'a str; 0],
    claims_supported: [&'a str; 2],
    grant_types_supported: [&'a str; 1],
    authorization_endpoint: String,
    code_challenge_methods_supported: [&'a str; 1],
}

impl<'a> Discovery<'a> {
    fn of(issuer: &'a str) -> Self {
        let below = |path: &str| format!("{issuer}{path}");
        Self {
            issuer,
            token_endpoint: below("/v1/token"),
            userinfo_endpoint: below("/v1/userinfo"),
            jwks_uri: below("/.well-known/jwks.json"),
            response_types_supported: ["code", "id_token"],
            subject_types_supported: ["public"],
            id_token_signing_alg_values_supported: ["ES256"],
            scopes_supported: ["openid"],
            token_endpoint_auth_methods_supported: [],
            claims_supported: ["sub", "ent"],
            grant_types_supported: ["authorization_code"],
            authorization_endpoint: below("/v1/authorize"),
            code_challenge_methods_supported: ["S256"],
        }
    }
}

/// The document of the auth backend behind, which serves the code flow, with the issuer, the key set and the userinfo of this
/// one: the key set has the keys of both.
fn merged(mut theirs: Map<String, Value>, own: Value, behind: &Behind) -> Map<String, Value> {
    let (their_issuer, issuer) = (theirs.get("issuer").cloned(), own.get("issuer").cloned());
    if their_issuer != issuer {
        let shown = |issuer: Option<Value>| issuer.as_ref().and_then(Value::as_str).map(crate::internal::quoted);
        behind.warn(&format!(
            "the auth backend behind this one names the issuer {}, expected {}: set the same backend.baseUrl in its files, \
             because its tokens carry that issuer and clients are sent to its endpoints",
            shown(their_issuer).unwrap_or_else(|| "nothing".to_owned()),
            shown(issuer).unwrap_or_default()
        ));
    }
    for (name, value) in own.as_object().into_iter().flatten() {
        let held = theirs.entry(name.clone()).or_insert_with(|| value.clone());
        match name.as_str() {
            "issuer" | "jwks_uri" | "userinfo_endpoint" => *held = value.clone(),
            name if LISTS.contains(&name) => add_missing(held, value),
            _ => {}
        }
    }
    theirs
}
