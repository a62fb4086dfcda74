//! The token endpoint and the revocation endpoint.

use axum::{
    Form, Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::HeaderMap;
use serde_json::json;

use super::{
    DemoProvider,
    client_auth::authenticated,
    machine_tokens::by_client_credentials,
    memory::{Granted, Redemption},
    params::Params,
    scope::Scope,
    signing::{half_hash, s256},
    token_error::TokenError,
};

/// Lifetime of an ID token, in seconds.
pub(super) const ID_TOKEN_LIFETIME: u64 = 3600;

/// RFC 6749 sections 4.1.3, 4.4 and 6.
pub(super) async fn token(
    State(provider): State<DemoProvider>,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<Response, TokenError> {
    let params = Params::new(pairs);
    let client = authenticated(&provider, &headers, &params)?;
    match params.one("grant_type").map_err(TokenError::invalid_request)? {
        Some("authorization_code") => by_code(&provider, client.id(), &params),
        Some("refresh_token") => by_refresh_token(&provider, client.id(), &params).await,
        Some("client_credentials") if provider.inner().machine_signer.is_some() => {
            by_client_credentials(&provider, client, &params)
        }
        Some(_) => Err(TokenError::new(
            "unsupported_grant_type",
            "grant_type must be authorization_code, refresh_token or client_credentials",
        )),
        None => Err(TokenError::invalid_request("grant_type is missing")),
    }
}

fn by_code(provider: &DemoProvider, client_id: &str, params: &Params) -> Result<Response, TokenError> {
    let one = |name| params.one(name).map_err(TokenError::invalid_request);
    let challenge = one("code_verifier")?.map(s256);
    let redemption = Redemption {
        code: one("code")?.ok_or_else(|| TokenError::invalid_request("code is missing"))?,
        client_id,
        redirect_uri: one("redirect_uri")?,
        challenge: challenge.as_deref(),
    };
    let now = provider.inner().clock.monotonic();
    let granted = provider.inner().memory.lock().redeem(&redemption, now)?.map_err(TokenError::invalid_grant)?;
    let (scope, nonce) = (granted.grant.scope.clone(), granted.grant.nonce.clone());
    token_response(provider, &granted, &scope, nonce.as_deref())
}

async fn by_refresh_token(provider: &DemoProvider, client_id: &str, params: &Params) -> Result<Response, TokenError> {
    let one = |name| params.one(name).map_err(TokenError::invalid_request);
    let token = one("refresh_token")?.ok_or_else(|| TokenError::invalid_request("refresh_token is missing"))?;
    if provider.inner().switches.lock().refuses_refresh {
        return Err(TokenError::invalid_grant("the demo provider is set to refuse refresh tokens"));
    }
    let users = provider.inner().users.now().await;
    let now = provider.inner().clock.monotonic();
    let granted =
        provider.inner().memory.lock().take_refresh(token, client_id, now).map_err(TokenError::invalid_grant)?;
    if users.by_id(&granted.grant.user).is_none_or(|user| user.subject() != granted.grant.subject) {
        return Err(TokenError::invalid_grant("the user no longer exists, or has another subject"));
    }
    let scope = match one("scope")?.map(Scope::parse) {
        None => granted.grant.scope.clone(),
        Some(scope) if scope.is_within(&granted.grant.scope) => scope,
        Some(_) => return Err(TokenError::new("invalid_scope", "scope may only be narrowed")),
    };
    token_response(provider, &granted, &scope, None)
}

/// New tokens. The ID token is included only if the scope requests it; after a refresh it has no
/// `nonce` (OpenID Connect Core 1.0 section 12.2).
fn token_response(
    provider: &DemoProvider,
    granted: &Granted,
    scope: &Scope,
    nonce: Option<&str>,
) -> Result<Response, TokenError> {
    let inner = provider.inner();
    let now = inner.clock.monotonic();
    let tokens = inner.memory.lock().issue_tokens(granted.key, scope, inner.gives_refresh_tokens, now)?;
    let mut body = json!({
        "access_token": tokens.access.as_str(),
        "token_type": "Bearer",
        "expires_in": inner.access_token_lifetime.as_secs(),
        "scope": scope.to_text(),
    });
    let mut add = |name: &str, value: String| {
        if let Some(members) = body.as_object_mut() {
            members.insert(name.to_owned(), value.into());
        }
    };
    if let Some(refresh) = tokens.refresh {
        add("refresh_token", refresh.as_str().to_owned());
    }
    if scope.has("openid") {
        let issued_at = inner.clock.unix_now().unwrap_or_default();
        let mut claims = json!({
            "iss": inner.issuer,
            "sub": granted.grant.subject,
            "aud": granted.grant.client_id,
            "iat": issued_at,
            "exp": issued_at.saturating_add(ID_TOKEN_LIFETIME),
            "auth_time": granted.grant.session.since,
            "sid": granted.grant.session.id,
            "at_hash": half_hash(tokens.access.as_str().as_bytes()),
        });
        if let (Some(nonce), Some(members)) = (nonce, claims.as_object_mut()) {
            members.insert("nonce".to_owned(), nonce.into());
        }
        add("id_token", inner.signer.sign(&claims)?);
    }
    Ok(Json(body).into_response())
}

/// RFC 7009. An unknown token counts as revoked.
pub(super) async fn revoke(
    State(provider): State<DemoProvider>,
    headers: HeaderMap,
    Form(pairs): Form<Vec<(String, String)>>,
) -> Result<(), TokenError> {
    let params = Params::new(pairs);
    let client = authenticated(&provider, &headers, &params)?;
    let token = params.one("token").map_err(TokenError::invalid_request)?;
    let token = token.ok_or_else(|| TokenError::invalid_request("token is missing"))?;
    provider.inner().memory.lock().revoke(token, client.id(), provider.inner().clock.monotonic());
    Ok(())
}
