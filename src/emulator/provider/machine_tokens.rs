//! Access tokens of machines: the grant `client_credentials` (RFC 6749 section 4.4), as JWTs by RFC 9068, signed with RS256.
//!
//! | request | response |
//! |---|---|
//! | a client of machines with its secret | a token whose `sub` and `client_id` are the client's id |
//! | `audience`, or `resource` (RFC 8707); neither | the claim `aud`; the issuer |
//! | `scope` | the claim `scope`, as requested |
//! | a client that signs users in | `unauthorized_client` |

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{DemoClient, DemoProvider, params::Params, secret::Secret, token_error::TokenError};

/// Maximum size of audience and scope together, in bytes.
const MAX_REQUEST_BYTES: usize = 1024;

/// The token of a machine, for a client that has authenticated.
pub(super) fn by_client_credentials(
    provider: &DemoProvider,
    client: &DemoClient,
    params: &Params,
) -> Result<Response, TokenError> {
    let inner = provider.inner();
    let signer = inner.machine_signer.as_ref().filter(|_| client.is_machine()).ok_or_else(|| {
        TokenError::new(
            "unauthorized_client",
            "this client signs users in; client_credentials is for a client of machines",
        )
    })?;
    let one = |name| params.one(name).map_err(TokenError::invalid_request);
    let (audience, resource, scope) = (one("audience")?, one("resource")?, one("scope")?);
    if audience.is_some() && resource.is_some() {
        return Err(TokenError::invalid_request("audience and resource are both given"));
    }
    let audience = audience.or(resource).unwrap_or(&inner.issuer);
    if audience.len().saturating_add(scope.map_or(0, str::len)) > MAX_REQUEST_BYTES {
        return Err(TokenError::invalid_request("audience and scope are longer than 1 KiB"));
    }
    let issued_at = inner.clock.unix_now().unwrap_or_default();
    let lifetime = inner.access_token_lifetime.as_secs();
    let mut claims = json!({
        "iss": inner.issuer,
        "sub": client.id(),
        "client_id": client.id(),
        "aud": audience,
        "iat": issued_at,
        "exp": issued_at.saturating_add(lifetime),
        "jti": Secret::generate()?.as_str(),
    });
    if let (Some(scope), Some(members)) = (scope, claims.as_object_mut()) {
        members.insert("scope".to_owned(), scope.into());
    }
    let mut body = json!({ "access_token": signer.sign(&claims)?, "token_type": "Bearer", "expires_in": lifetime });
    if let (Some(scope), Some(members)) = (scope, body.as_object_mut()) {
        members.insert("scope".to_owned(), scope.into());
    }
    Ok(Json(body).into_response())
}
