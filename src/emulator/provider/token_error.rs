//! Error responses of the token endpoint (RFC 6749 section 5.2).

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// An error of the token endpoint: its code, and a description for developers.
#[derive(Debug)]
pub(super) struct TokenError {
    status: StatusCode,
    code: &'static str,
    description: String,
}

impl TokenError {
    pub(super) fn new(code: &'static str, description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, description: description.into() }
    }

    pub(super) fn invalid_request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    pub(super) fn invalid_grant(description: impl Into<String>) -> Self {
        Self::new("invalid_grant", description)
    }

    pub(super) fn invalid_client(description: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, ..Self::new("invalid_client", description) }
    }
}

impl From<aws_lc_rs::error::Unspecified> for TokenError {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Self::new("server_error", "the operating system provides no random bytes")
        }
    }
}

impl IntoResponse for TokenError {
    fn into_response(self) -> Response {
        tracing::info!(target: "alb_emulator", "demo provider: {}: {}", self.code, self.description);
        let body = json!({ "error": self.code, "error_description": self.description });
        let mut response = (self.status, Json(body)).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"demo provider\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}
