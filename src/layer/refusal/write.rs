//! The one place where refusals of this crate are written.

use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;

use super::{
    CHALLENGE,
    fill_body::fill,
    grpc::{self, GrpcForm},
};
use crate::error::AuthError;

/// The content of a refusal, independent of its form.
pub(crate) struct Refusal<'a> {
    pub(crate) status: StatusCode,
    /// For the client.
    pub(crate) message: &'a str,
    /// `WWW-Authenticate` or `Retry-After`.
    pub(crate) header: Option<(HeaderName, HeaderValue)>,
}

/// The form of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Text,
    BackstageJson,
}

impl Refusal<'_> {
    pub(crate) fn of(error: &AuthError) -> Refusal<'static> {
        let status = error.status();
        let header = match (status, error.retry_after_seconds()) {
            (StatusCode::UNAUTHORIZED, _) => Some((header::WWW_AUTHENTICATE, CHALLENGE)),
            (_, Some(seconds)) => Some((header::RETRY_AFTER, HeaderValue::from(seconds))),
            _ => None,
        };
        Refusal { status, message: error.client_message(), header }
    }

    /// With its status and a text.
    pub(crate) fn in_text<B: Default + 'static>(self, format: Format, method: &Method, url: &str) -> Response<B> {
        let (content_type, body) = match format {
            Format::Text => ("text/plain; charset=utf-8", [self.message, "\n"].concat()),
            Format::BackstageJson => ("application/json; charset=utf-8", self.backstage_json(method, url)),
        };
        let mut response = self.empty(3, HeaderValue::from_static(content_type));
        if format == Format::BackstageJson {
            // It repeats the URL of the request.
            response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        }
        let length = body.len();
        if fill(response.body_mut(), body) && method == Method::HEAD {
            // Only its length: hyper would send the body over HTTP/2, where a body in a response to
            // HEAD breaks the stream.
            *response.body_mut() = B::default();
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }

    /// For gRPC, without a body: a gRPC client would read a text as a broken message. In the form
    /// Trailers-Only (gRPC over HTTP/2) the HTTP status is 200, whatever the gRPC status is.
    pub(crate) fn in_grpc<B: Default>(self, form: GrpcForm) -> Response<B> {
        let GrpcForm { family, trailers_only } = form;
        let code = grpc::code(self.status);
        // The messages are ASCII without '%', so they need no percent-encoding.
        let message = HeaderValue::from_str(self.message);
        let head = match trailers_only {
            true => Self { status: StatusCode::OK, header: None, ..self },
            false => self,
        };
        let mut response = head.empty(5, family.content_type_header());
        response.headers_mut().insert("grpc-status", code);
        if let Ok(message) = message {
            response.headers_mut().insert("grpc-message", message);
        }
        response
    }

    /// Status and headers, with room for exactly this number of headers: requests of unknown
    /// clients must cost little.
    fn empty<B: Default>(self, headers: usize, content_type: HeaderValue) -> Response<B> {
        let mut response = Response::new(B::default());
        *response.status_mut() = self.status;
        *response.headers_mut() = HeaderMap::with_capacity(headers);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((name, value)) = self.header {
            headers.insert(name, value);
        }
        response
    }

    /// The form of Backstage's back ends.
    fn backstage_json(&self, method: &Method, url: &str) -> String {
        let body = Body {
            error: ErrorPart { name: self.name(), message: self.message },
            request: RequestPart { method: method.as_str(), url },
            response: ResponsePart { status_code: self.status.as_u16() },
        };
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// Backstage's name of the error.
    fn name(&self) -> &'static str {
        match self.status {
            StatusCode::BAD_REQUEST => "InputError",
            StatusCode::UNAUTHORIZED => "AuthenticationError",
            StatusCode::FORBIDDEN => "NotAllowedError",
            StatusCode::NOT_FOUND => "NotFoundError",
            StatusCode::CONFLICT => "ConflictError",
            StatusCode::NOT_IMPLEMENTED => "NotImplementedError",
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
                "ServiceUnavailableError"
            }
            _ => "Error",
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: ErrorPart<'a>,
    request: RequestPart<'a>,
    response: ResponsePart,
}

#[derive(Serialize)]
struct ErrorPart<'a> {
    name: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct RequestPart<'a> {
    method: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResponsePart {
    status_code: u16,
}
