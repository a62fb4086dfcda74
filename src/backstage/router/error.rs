//! Errors in Backstage's shape.

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderName, HeaderValue, Response, StatusCode, header},
    middleware::Next,
    response::IntoResponse,
};

use crate::{
    AuthError, AuthErrorKind,
    layer::{CHALLENGE, Format, Refusal},
};

/// An error for Backstage's clients: one message per status, which reveals no details.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    /// Says how to authenticate, or when to retry.
    header: Option<(HeaderName, HeaderValue)>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), header: None }
    }

    /// 401 for a request that requires a Backstage token (RFC 6750 section 3).
    pub(super) fn bearer(challenge: &'static str, message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message).with(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// 503 for a store that is unavailable; the same as for keys or a catalog that are.
    pub(super) fn unavailable() -> Self {
        AuthError::new(AuthErrorKind::SignInUnavailable).into()
    }

    /// 403 for a signed-in user; the same for every reason.
    pub(super) fn not_allowed() -> Self {
        AuthError::new(AuthErrorKind::SignInRefused).into()
    }

    fn with(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some((name, value)), ..self }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let response = Self::new(error.status(), error.client_message());
        match (error.status(), error.retry_after_seconds()) {
            (StatusCode::UNAUTHORIZED, _) => response.with(header::WWW_AUTHENTICATE, CHALLENGE),
            (_, Some(seconds)) => response.with(header::RETRY_AFTER, seconds.into()),
            _ => response,
        }
    }
}

impl IntoResponse for ApiError {
    /// Without a body: [`shaped`] adds it, because it knows the request.
    fn into_response(self) -> Response<Body> {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes errors with method and path of the request: the path below the mount, as Backstage does,
/// and never the query. The format is always Backstage's JSON, because no route of the router is a
/// gRPC route.
pub(super) async fn shaped(request: Request, next: Next) -> Response<Body> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let refusal = Refusal { status: error.status, message: &error.message, header: error.header };
    let (refused, body) = refusal.in_text::<Body>(Format::BackstageJson, &method, &path).into_parts();
    // Keeps axum's header `Allow`.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().extend(refused.headers);
    *response.body_mut() = body;
    response
}
