//! Requests from pages of other sites.

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
use crate::{backstage::BackstageAuth, internal::TraceId};

/// Proof that the request does not come from a page of another site. A browser sends the session's
/// cookie with requests of any page.
pub(super) struct OwnSite;

impl FromRequestParts<BackstageAuth> for OwnSite {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, auth: &BackstageAuth) -> Result<Self, ApiError> {
        if auth.origins().allow(&parts.headers) { Ok(Self) } else { Err(cross_site(&parts.headers)) }
    }
}

/// Like [`OwnSite`], but also accepts the origins that [`SignOut`](crate::SignOut) allows for
/// signing out.
pub(super) struct MaySignOut;

impl FromRequestParts<BackstageAuth> for MaySignOut {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, auth: &BackstageAuth) -> Result<Self, ApiError> {
        let allowed = auth.origins().allow(&parts.headers) || auth.sign_out().names(&parts.headers);
        if allowed { Ok(Self) } else { Err(cross_site(&parts.headers)) }
    }
}

fn cross_site(headers: &HeaderMap) -> ApiError {
    tracing::debug!(
        target: "tower_alb_auth",
        trace_id = TraceId::In(headers).shown(),
        "refused a request from a page of another site; if the site is yours, add its origin to app.baseUrl or backend.cors.origin"
    );
    ApiError::new(StatusCode::FORBIDDEN, "Requests from pages of another site are not allowed.")
}

/// Lets pages of allowed origins read the responses (CORS), and responds to their preflight
/// requests. An `OPTIONS` request from another origin is handled like any other method.
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
    let response: Result<_, Infallible> = cors.layer(&mut next).call(request).await;
    response.unwrap_or_else(|never| match never {})
}

fn allowed_origin(auth: &BackstageAuth, headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(header::ORIGIN).filter(|_| auth.origins().names(headers)).cloned()
}
