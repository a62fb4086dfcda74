//! Errors in Backstage's shape.

use axum::{
    body::Body,
    http::{Response, StatusCode, header},
    response::IntoResponse,
};
use serde_json::json;

/// An error as Backstage's clients read it.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    name: &'static str,
    status: StatusCode,
    message: String,
}

impl ApiError {
    pub(super) fn of_status(status: StatusCode, message: impl Into<String>) -> Self {
        let name = match status {
            StatusCode::BAD_REQUEST => "InputError",
            StatusCode::UNAUTHORIZED => "AuthenticationError",
            StatusCode::FORBIDDEN => "NotAllowedError",
            StatusCode::NOT_FOUND => "NotFoundError",
            StatusCode::CONFLICT => "ConflictError",
            StatusCode::NOT_IMPLEMENTED => "NotImplementedError",
            StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableError",
            _ => "Error",
        };
        Self { name, status, message: message.into() }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::of_status(StatusCode::NOT_FOUND, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response<Body> {
        let body = json!({
            "error": { "name": self.name, "message": self.message },
            "response": { "statusCode": self.status.as_u16() },
        });
        (
            self.status,
            [(header::CONTENT_TYPE, "application/json; charset=utf-8"), (header::CACHE_CONTROL, "no-store")],
            body.to_string(),
        )
            .into_response()
    }
}
