//! Requests, as a load balancer forwards them.

use http::{HeaderName, HeaderValue, Method, Request, Version};

use super::{MockAlb, User};
use crate::internal::{ACCESS_TOKEN, DATA, IDENTITY};

/// A request as a load balancer forwards it. Made by [`MockAlb::request`]; turn it into an [`http::Request`] by `into()`, or
/// by [`body`](Self::body).
#[derive(Debug, Clone)]
#[must_use]
pub struct MockRequest<'a> {
    alb: &'a MockAlb,
    request: Request<()>,
}

impl MockAlb {
    /// A request to this path, without a user so far.
    pub fn request(&self, path: &str) -> MockRequest<'_> {
        MockRequest { alb: self, request: Request::get(path).body(()).expect("a path") }
    }
}

impl MockRequest<'_> {
    /// Of this user: with the three headers, the token signed now.
    pub fn user(self, user: &User) -> Self {
        let token = self.alb.sign(user);
        let identity = user.subject().unwrap_or_default().to_owned();
        self.token(&token).header(IDENTITY, &identity).header(ACCESS_TOKEN, "opaque-access-token")
    }

    /// With this text in `x-amzn-oidc-data`, beside what is there already.
    pub fn token(self, token: &str) -> Self {
        self.header(DATA, token)
    }

    /// With one header more.
    pub fn header(mut self, name: impl TryInto<HeaderName>, value: impl AsRef<[u8]>) -> Self {
        let name = name.try_into().unwrap_or_else(|_| panic!("a header name"));
        self.request.headers_mut().append(name, HeaderValue::from_bytes(value.as_ref()).expect("a header value"));
        self
    }

    /// With this method instead of GET.
    pub fn method(mut self, method: Method) -> Self {
        *self.request.method_mut() = method;
        self
    }

    /// Over this version of HTTP instead of HTTP/1.1. A load balancer that authenticates speaks nothing else to its targets; a
    /// service that hands tokens on may.
    pub fn version(mut self, version: Version) -> Self {
        *self.request.version_mut() = version;
        self
    }

    /// With something in its extensions.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, extension: T) -> Self {
        self.request.extensions_mut().insert(extension);
        self
    }

    /// With this body.
    pub fn body<B>(self, body: B) -> Request<B> {
        self.request.map(|()| body)
    }
}

impl<B: Default> From<MockRequest<'_>> for Request<B> {
    fn from(request: MockRequest<'_>) -> Self {
        request.body(B::default())
    }
}
