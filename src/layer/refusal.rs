//! What the client gets instead of an answer.
//!
//! One form a status, whatever the reason: a stranger learns nothing from it. The reason is in the response's extensions, as
//! [`AuthError`], for an outer layer.
//!
//! | request | answer |
//! |---|---|
//! | `application/grpc*` | 200 with `grpc-status` 16 (401), 7 (403, 409), 14 (503) or 13 (500), no body |
//! | any other | the status, one sentence, `no-store`; 401 with `WWW-Authenticate`, 503 with `Retry-After` |
//!
//! The sentence is written into bodies that this crate knows: `String`, `Vec<u8>`, `Bytes`, `Full<Bytes>`, and axum's `Body`
//! (feature `axum`). Any other body stays empty, its `Default`; for those there is
//! [`refuse_with`](super::AlbAuthLayer::refuse_with).

use std::fmt;

use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use serde::Serialize;

use super::fill_body::fill;
use crate::error::AuthError;

/// The challenge of a 401 (RFC 9110 section 11.6.1 wants one). No client can answer it by itself: the session is the load
/// balancer's.
pub(crate) const CHALLENGE: HeaderValue = HeaderValue::from_static("AlbOidc");

/// Makes the answer to a request that is not let in.
pub trait Refuse<B> {
    /// The answer. The layer adds the error to its extensions, and `no-store` where there is no `Cache-Control`.
    fn refuse(&self, error: &AuthError, request: &RefusedRequest<'_>) -> Response<B>;
}

/// What a refusal may look at. The `x-amzn-oidc-*` headers are off already, unless the layer was told to keep them.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RefusedRequest<'r> {
    /// The method.
    pub method: &'r Method,
    /// The address, as received.
    pub uri: &'r Uri,
    /// The headers.
    pub headers: &'r HeaderMap,
}

/// The usual refusal: the status and one sentence, or a status of gRPC.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandardRefusal {
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Format {
    #[default]
    Text,
    BackstageJson,
}

/// Refusals by a closure. Made by [`refuse_with`](super::AlbAuthLayer::refuse_with).
#[derive(Clone)]
pub struct RefuseWith<F>(F);

impl StandardRefusal {
    pub(super) fn backstage_json() -> Self {
        Self { format: Format::BackstageJson }
    }
}

impl<B: Default + 'static> Refuse<B> for StandardRefusal {
    fn refuse(&self, error: &AuthError, request: &RefusedRequest<'_>) -> Response<B> {
        if is_grpc(request.headers) {
            return grpc(error, request.headers);
        }
        let mut response = Response::new(B::default());
        *response.status_mut() = error.status();
        let (content_type, body) = match self.format {
            Format::Text => ("text/plain; charset=utf-8", format!("{}\n", error.client_message())),
            Format::BackstageJson => ("application/json; charset=utf-8", backstage_json(error, request)),
        };
        let headers = response.headers_mut();
        // Room for these and no more: strangers' requests are to cost little.
        *headers = HeaderMap::with_capacity(3);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if error.status() == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, CHALLENGE);
        }
        if let Some(seconds) = error.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let length = body.len();
        if fill(response.body_mut(), body) && request.method == Method::HEAD {
            // Only announced: hyper would send it over HTTP/2, where a body in answer to HEAD breaks the stream.
            *response.body_mut() = B::default();
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}

impl fmt::Debug for RefusedRequest<'_> {
    /// Method and path; never the query or the headers, which carry the session.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusedRequest")
            .field("method", self.method)
            .field("path", &self.uri.path())
            .finish_non_exhaustive()
    }
}

impl<F> RefuseWith<F> {
    pub(super) fn new(refuse: F) -> Self {
        Self(refuse)
    }
}

impl<F, B> Refuse<B> for RefuseWith<F>
where
    F: Fn(&AuthError, &RefusedRequest<'_>) -> Response<B>,
{
    fn refuse(&self, error: &AuthError, request: &RefusedRequest<'_>) -> Response<B> {
        (self.0)(error, request)
    }
}

impl<F> fmt::Debug for RefuseWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefuseWith")
    }
}

/// The answer to a request that is not let in: never stored, and with the error for an outer layer.
pub(super) fn refuse<B, ResB>(refusal: &impl Refuse<ResB>, error: &AuthError, request: &Request<B>) -> Response<ResB> {
    let request = RefusedRequest { method: request.method(), uri: request.uri(), headers: request.headers() };
    let mut response = refusal.refuse(error, &request);
    if !response.headers().contains_key(header::CACHE_CONTROL) {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response.extensions_mut().insert(error.clone());
    response
}

/// Whether this is a message of gRPC or grpc-web: a client that speaks it wants its answer in `grpc-status`.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    grpc_family(headers).is_some()
}

fn grpc_family(headers: &HeaderMap) -> Option<&'static str> {
    let content_type = headers.get(header::CONTENT_TYPE)?.as_bytes();
    // The longer names first: they begin like the shorter.
    let families = ["application/grpc-web-text", "application/grpc-web", "application/grpc"];
    families.into_iter().find(|family| {
        content_type.split_at_checked(family.len()).is_some_and(|(start, rest)| {
            start.eq_ignore_ascii_case(family.as_bytes()) && matches!(rest.first(), None | Some(b'+' | b';' | b' '))
        })
    })
}

/// Trailers only: the status stands in the headers, and the body is empty (gRPC over HTTP/2, "Trailers-Only").
fn grpc<B: Default>(error: &AuthError, headers: &HeaderMap) -> Response<B> {
    let code = match error.status() {
        StatusCode::UNAUTHORIZED => "16",
        StatusCode::SERVICE_UNAVAILABLE => "14",
        StatusCode::INTERNAL_SERVER_ERROR => "13",
        _ => "7",
    };
    let mut response = Response::new(B::default());
    let content_type = grpc_family(headers).unwrap_or("application/grpc");
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert("grpc-status", HeaderValue::from_static(code));
    // The sentences are ASCII without '%', so they need no percent-encoding.
    headers.insert("grpc-message", HeaderValue::from_static(error.client_message()));
    response
}

/// The form of Backstage's back ends.
fn backstage_json(error: &AuthError, request: &RefusedRequest<'_>) -> String {
    #[derive(Serialize)]
    struct Body<'a> {
        error: ErrorPart,
        request: RequestPart<'a>,
        response: ResponsePart,
    }
    #[derive(Serialize)]
    struct ErrorPart {
        name: &'static str,
        message: &'static str,
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
    let name = match error.status() {
        StatusCode::FORBIDDEN => "NotAllowedError",
        StatusCode::CONFLICT => "ConflictError",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailableError",
        StatusCode::INTERNAL_SERVER_ERROR => "Error",
        _ => "AuthenticationError",
    };
    let url = request.uri.path_and_query().map_or("/", |path| path.as_str());
    let body = Body {
        error: ErrorPart { name, message: error.client_message() },
        request: RequestPart { method: request.method.as_str(), url },
        response: ResponsePart { status_code: error.status().as_u16() },
    };
    serde_json::to_string(&body).unwrap_or_default()
}
