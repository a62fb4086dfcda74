//! Refusals: the responses to rejected requests.
//!
//! All refusals with the same status look the same, so that a client learns nothing about the
//! reason. The reason is in the response's extensions, as [`AuthError`], for an outer layer.
//!
//! | request | response |
//! |---|---|
//! | `POST` over HTTP/2 with `application/grpc` or `application/grpc+...` | 200 with `grpc-status` 16 (401), 7 (403, 409), 14 (503) or 13 (500), no body |
//! | `application/grpc-web`, `application/grpc-web-text`, and `application/grpc` in any other request | the status, with the same headers, no body |
//! | any other | the status and a text |
//!
//! All are `no-store`; a 401 has `WWW-Authenticate`, a 503 `Retry-After`. Only gRPC calls get a
//! status of 2xx: a gateway that queries this service before it forwards a request (`auth_request`,
//! forward auth) would take 2xx for an acceptance, and alarms on the status would not fire.
//!
//! All refusals of the crate are made by one function, [`write::Refusal`]'s: those of the layer, of
//! [`RequireLayer`](crate::RequireLayer), of the extractors, of the router for Backstage and of its
//! upstream. The layer leaves its form in the request ([`form::RefusalForm`]) for refusals behind
//! it.
//!
//! The text is written into bodies that this crate knows: `String`, `Vec<u8>`, `Bytes`,
//! `Full<Bytes>`, and axum's `Body` (feature `axum`). Any other body is its `Default`. For texts in
//! other bodies, and for bodies without a `Default`, there are
//! [`with_refusal_body`](crate::AlbAuthLayer::with_refusal_body) and
//! [`refuse_with`](crate::AlbAuthLayer::refuse_with).

mod body;
mod fill_body;
mod form;
mod grpc;
mod write;

use std::fmt;

use http::{Extensions, HeaderMap, HeaderValue, Method, Request, Response, Uri, Version, header};

pub use self::body::{RefusalBody, WithRefusalBody};
pub(crate) use self::{
    form::{LeftForm, RefusalForm},
    grpc::{GrpcFamily, GrpcForm},
    write::{Format, Refusal},
};
use crate::error::AuthError;

/// The challenge of a 401, which RFC 9110 section 11.6.1 requires. No client can respond to it by
/// itself: the load balancer has the session.
pub(crate) const CHALLENGE: HeaderValue = HeaderValue::from_static("AlbOidc");

/// Makes the response to a rejected request, for an inner service whose responses have the body
/// `B`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot make a refusal for responses with the body `{B}`",
    label = "a refusal needs a response body that can be made",
    note = "`StandardRefusal` needs a body with `Default`: call `.with_refusal_body()` on the AlbAuthLayer or RequireLayer that \
            stands outside of the service with this body",
    note = "with `.refuse_with(..)`, the closure returns the response with its body"
)]
pub trait Refuse<B> {
    /// The body of the responses that leave the layer.
    type Body;

    /// The response to a rejected request. The layer adds the error to its extensions, and
    /// `no-store` if it has no `Cache-Control`.
    fn refuse(&self, error: &AuthError, request: &RefusedRequest<'_>) -> Response<Self::Body>;

    /// The response of the inner service.
    fn pass(response: Response<B>) -> Response<Self::Body>;
}

/// The parts of the request that a refusal may use. The `x-amzn-oidc-*` headers are removed
/// already, unless the layer keeps them ([`keep_headers`](crate::AlbAuthLayer::keep_headers)).
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RefusedRequest<'r> {
    /// The method.
    pub method: &'r Method,
    /// The URI, as received.
    pub uri: &'r Uri,
    /// The protocol version: gRPC runs over HTTP/2.
    pub version: Version,
    /// The headers.
    pub headers: &'r HeaderMap,
    /// The form of the outer layer, if the refusal is not that layer's.
    form: Option<&'r RefusalForm>,
}

/// The standard refusal: the status and a text, or a gRPC status.
///
/// Behind an [`AlbAuthLayer`](crate::AlbAuthLayer) with a different form of refusals, it has that
/// form.
#[derive(Debug, Clone, Copy, Default)]
pub struct StandardRefusal {
    /// `None`: the form of the outer layer, or a text if no layer left one.
    format: Option<Format>,
    http_status_only: bool,
}

/// Refusals by a closure. Made by [`refuse_with`](crate::AlbAuthLayer::refuse_with).
#[derive(Clone)]
pub struct RefuseWith<F>(F);

impl StandardRefusal {
    pub(super) fn with_backstage_json(self) -> Self {
        Self { format: Some(Format::BackstageJson), ..self }
    }

    pub(super) fn by_http_status(self) -> Self {
        Self { http_status_only: true, ..self }
    }

    /// To be left in requests; `None` for the form that is the default everywhere.
    pub(super) fn form(self) -> Option<RefusalForm> {
        (self.format.is_some() || self.http_status_only).then_some(RefusalForm::Standard(self))
    }

    fn write<B: Default + 'static>(self, error: &AuthError, request: &RefusedRequest<'_>) -> Response<B> {
        let refusal = Refusal::of(error);
        match GrpcForm::of(request) {
            Some(form) => {
                refusal.in_grpc(GrpcForm { trailers_only: form.trailers_only && !self.http_status_only, ..form })
            }
            None => {
                let url = request.uri.path_and_query().map_or("/", |path| path.as_str());
                refusal.in_text(self.format.unwrap_or(Format::Text), request.method, url)
            }
        }
    }
}

#[diagnostic::do_not_recommend]
impl<B: Default + 'static> Refuse<B> for StandardRefusal {
    type Body = B;

    fn pass(response: Response<B>) -> Response<B> {
        response
    }

    fn refuse(&self, error: &AuthError, request: &RefusedRequest<'_>) -> Response<B> {
        // The closure of the outer layer may call this again: without the form it cannot recurse.
        let (around, request) = (request.form, RefusedRequest { form: None, ..*request });
        if self.format.is_none()
            && let Some(response) = around.and_then(|form| form.refuse(error, &request))
        {
            return response;
        }
        let around = around.is_some_and(RefusalForm::is_http_status_only);
        Self { http_status_only: self.http_status_only || around, ..*self }.write(error, &request)
    }
}

impl<'r> RefusedRequest<'r> {
    pub(crate) fn of<B>(request: &'r Request<B>) -> Self {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        Self { method, uri, version: request.version(), headers, form: None }
    }

    /// Of a request without its body.
    #[cfg(feature = "axum")]
    pub(crate) fn of_parts(parts: &'r http::request::Parts) -> Self {
        Self { method: &parts.method, uri: &parts.uri, version: parts.version, headers: &parts.headers, form: None }
    }

    /// In the form that the outer layer left, unless the refusal has its own.
    pub(crate) fn behind_layer(self, extensions: &'r Extensions) -> Self {
        Self { form: RefusalForm::left_in(extensions), ..self }
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
    type Body = B;

    fn pass(response: Response<B>) -> Response<B> {
        response
    }

    fn refuse(&self, error: &AuthError, request: &RefusedRequest<'_>) -> Response<B> {
        (self.0)(error, request)
    }
}

impl<F> fmt::Debug for RefuseWith<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefuseWith")
    }
}

/// The response to a rejected request: `no-store`, and with the error for an outer layer.
pub(crate) fn refuse<B, R: Refuse<B>>(
    refusal: &R,
    error: &AuthError,
    request: &RefusedRequest<'_>,
) -> Response<R::Body> {
    let mut response = refusal.refuse(error, request);
    if !response.headers().contains_key(header::CACHE_CONTROL) {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response.extensions_mut().insert(error.clone());
    response
}
