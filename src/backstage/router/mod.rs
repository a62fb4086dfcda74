//! The routes of the auth backend.

mod error;
mod keys;
mod session;
mod user_info;

use axum::{
    Router,
    body::Body,
    extract::State,
    http::{Method, Request, Response},
    routing::{any, get, post},
};

use super::BackstageAuth;
use error::ApiError;

/// The routes below `/api/auth`, to be nested there, outside any [`AlbAuthLayer`](crate::AlbAuthLayer).
pub fn router(auth: BackstageAuth) -> Router {
    Router::new()
        .route("/awsalb/refresh", get(session::refresh).post(session::refresh))
        .route("/awsalb/logout", post(sign_out))
        .route("/.well-known/jwks.json", get(keys::user_keys))
        .route("/.backstage/auth/v1/jwks.json", get(keys::plugin_keys))
        .route("/v1/userinfo", get(user_info::user_info))
        .fallback(any(unknown))
        .with_state(auth)
}

async fn sign_out(State(auth): State<BackstageAuth>, method: Method, request: Request<Body>) -> Response<Body> {
    auth.sign_out().answer(&method, request.headers())
}

async fn unknown() -> ApiError {
    ApiError::not_found("there is no such route")
}
