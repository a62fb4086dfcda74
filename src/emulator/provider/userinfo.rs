//! The userinfo endpoint: the user's claims, which a load balancer forwards.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use serde_json::json;

use super::{DemoProvider, token::ID_TOKEN_LIFETIME};
use crate::internal::signer::{Members, to_json};

/// OpenID Connect Core 1.0 section 5.3. The claims are the current ones, so a change of the users
/// file takes effect at the next request.
pub(super) async fn userinfo(State(provider): State<DemoProvider>, headers: HeaderMap) -> Response {
    let Some(token) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer) else {
        return refusal(StatusCode::UNAUTHORIZED, "Bearer realm=\"demo provider\"");
    };
    let users = provider.inner().users.now().await;
    let access = provider.inner().memory.lock().access(token, provider.inner().clock.monotonic());
    let Some((grant, scope)) = access else {
        return refusal(StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\"");
    };
    if !scope.has("openid") {
        return refusal(StatusCode::FORBIDDEN, "Bearer error=\"insufficient_scope\", scope=\"openid\"");
    }
    match users.by_id(&grant.user).filter(|user| user.subject() == grant.subject) {
        Some(user) => {
            let mut claims = scope.claims_of(user);
            if user.sends_id_token_claims() {
                claims.extend(provider.id_token_claims(&grant.client_id));
            }
            ([(header::CONTENT_TYPE, "application/json")], to_json(&claims)).into_response()
        }
        // The user was removed from the file.
        None => refusal(StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\""),
    }
}

impl DemoProvider {
    /// What the ID token says about itself, for a provider whose userinfo response is the whole ID token.
    fn id_token_claims(&self, client_id: &str) -> Members {
        let now = self.inner().clock.unix_now().unwrap_or_default();
        let claims = [
            ("iss", json!(self.issuer())),
            ("aud", json!(client_id)),
            ("exp", json!(now.saturating_add(ID_TOKEN_LIFETIME))),
            ("iat", json!(now)),
        ];
        claims.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// RFC 6750 section 3.
fn refusal(status: StatusCode, challenge: &'static str) -> Response {
    (status, [(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))]).into_response()
}
