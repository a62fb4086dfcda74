//! The userinfo endpoint: the user's claims, which a load balancer forwards.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::DemoProvider;
use crate::internal::signer::to_json;

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
        Some(user) => ([(header::CONTENT_TYPE, "application/json")], to_json(&scope.claims_of(user))).into_response(),
        // The user was removed from the file.
        None => refusal(StatusCode::UNAUTHORIZED, "Bearer error=\"invalid_token\""),
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
