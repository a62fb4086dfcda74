//! What other sites may do.

use std::convert::Infallible;

use axum::{
    body::Body,
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header, request::Parts},
    middleware::Next,
};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};
use tower_layer::Layer;
use tower_service::Service;

use super::error::ApiError;
use crate::backstage::BackstageAuth;

/// Proof that no page of a stranger is behind the request: a browser sends the session's cookie along, whoever wrote the page.
pub(super) struct OwnSite;

impl FromRequestParts<BackstageAuth> for OwnSite {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, auth: &BackstageAuth) -> Result<Self, ApiError> {
        if auth.origins().allow(&parts.headers) { Ok(Self) } else { Err(cross_site()) }
    }
}

/// As [`OwnSite`], and for signing out the origins that [`SignOut`](crate::SignOut) allows besides.
pub(super) struct MaySignOut;

impl FromRequestParts<BackstageAuth> for MaySignOut {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, auth: &BackstageAuth) -> Result<Self, ApiError> {
        let allowed = auth.origins().allow(&parts.headers) || auth.sign_out().names(&parts.headers);
        if allowed { Ok(Self) } else { Err(cross_site()) }
    }
}

fn cross_site() -> ApiError {
    tracing::debug!(
        target: "tower_alb_auth",
        "refused: a page of another site asks; if it is yours, its origin belongs into app.baseUrl or backend.cors.origin"
    );
    ApiError::new(StatusCode::FORBIDDEN, "Pages of another site may not ask this.")
}

/// Lets pages of allowed origins read the answers (CORS), and answers their preflight requests. Nobody else's: an `OPTIONS`
/// from elsewhere is a method like any other.
pub(super) async fn cors(State(auth): State<BackstageAuth>, request: Request, mut next: Next) -> Response<Body> {
    let Some(origin) = allowed_origin(&auth, request.headers()) else {
        let mut response = next.run(request).await;
        response.headers_mut().append(header::VARY, HeaderValue::from_static("origin"));
        return response;
    };
    let cors = CorsLayer::new()
        .allow_origin(AllowOrigin::exact(origin))
        .allow_credentials(true)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .vary([header::ORIGIN]);
    let answer: Result<_, Infallible> = cors.layer(&mut next).call(request).await;
    answer.unwrap_or_else(|never| match never {})
}

fn allowed_origin(auth: &BackstageAuth, headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(header::ORIGIN).filter(|_| auth.origins().names(headers)).cloned()
}
