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

/// An error as Backstage's clients read it: one sentence a status, which gives nothing away.
#[derive(Debug, Clone)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    /// Says with the status how to be let in, or when to come back.
    header: Option<(HeaderName, HeaderValue)>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), header: None }
    }

    /// 401 for a request that wants a token of Backstage's (RFC 6750 section 3).
    pub(super) fn bearer(challenge: &'static str, message: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message).with(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge))
    }

    /// 503 where a store gives no answer: the same as where the keys or the catalog give none.
    pub(super) fn unavailable() -> Self {
        AuthError::new(AuthErrorKind::SignInUnavailable).into()
    }

    /// 403 for a signed-in user: the same for each reason.
    pub(super) fn not_allowed() -> Self {
        AuthError::new(AuthErrorKind::SignInRefused).into()
    }

    fn with(self, name: HeaderName, value: HeaderValue) -> Self {
        Self { header: Some((name, value)), ..self }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let answer = Self::new(error.status(), error.client_message());
        match (error.status(), error.retry_after_seconds()) {
            (StatusCode::UNAUTHORIZED, _) => answer.with(header::WWW_AUTHENTICATE, CHALLENGE),
            (_, Some(seconds)) => answer.with(header::RETRY_AFTER, seconds.into()),
            _ => answer,
        }
    }
}

impl IntoResponse for ApiError {
    /// Without a body yet: [`shaped`] knows the request that belongs into it.
    fn into_response(self) -> Response<Body> {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Writes errors out, with method and path of the request: the path below the mount, as Backstage does, and never the query.
/// In Backstage's JSON whatever the request says it is: no route of the router is one of gRPC.
pub(super) async fn shaped(request: Request, next: Next) -> Response<Body> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    let Some(error) = response.extensions_mut().remove::<ApiError>() else { return response };
    let refusal = Refusal { status: error.status, message: &error.message, header: error.header };
    let (refused, body) = refusal.in_text::<Body>(Format::BackstageJson, &method, &path).into_parts();
    // Axum has put `Allow` there.
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().extend(refused.headers);
    *response.body_mut() = body;
    response
}
