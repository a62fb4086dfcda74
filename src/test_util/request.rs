//! Requests as a load balancer forwards them.

use http::{HeaderName, HeaderValue, Method, Request, Version};

use super::{MockAlb, User};
use crate::internal::{ACCESS_TOKEN, DATA, IDENTITY};

/// A request as a load balancer forwards it. Created by [`MockAlb::request`]; converted to an
/// [`http::Request`] by `into()` or [`body`](Self::body).
#[derive(Debug, Clone)]
#[must_use]
pub struct MockRequest<'a> {
    alb: &'a MockAlb,
    request: Request<()>,
}

impl MockAlb {
    /// A request for this path, without a user.
    pub fn request(&self, path: &str) -> MockRequest<'_> {
        MockRequest { alb: self, request: Request::get(path).body(()).expect("a path") }
    }
}

impl MockRequest<'_> {
    /// Adds this user's three headers, with a token signed now.
    pub fn user(self, user: &User) -> Self {
        let token = self.alb.sign(user);
        let identity = user.subject().unwrap_or_default().to_owned();
        self.token(&token).header(IDENTITY, &identity).header(ACCESS_TOKEN, "opaque-access-token")
    }

    /// Adds this text as `x-amzn-oidc-data`, in addition to existing values.
    pub fn token(self, token: &str) -> Self {
        self.header(DATA, token)
    }

    /// Adds a header.
    pub fn header(mut self, name: impl TryInto<HeaderName>, value: impl AsRef<[u8]>) -> Self {
        let name = name.try_into().unwrap_or_else(|_| panic!("a header name"));
        self.request.headers_mut().append(name, HeaderValue::from_bytes(value.as_ref()).expect("a header value"));
        self
    }

    pub(super) fn alb(&self) -> &MockAlb {
        self.alb
    }

    pub(super) fn without(mut self, name: &http::HeaderName) -> Self {
        self.request.headers_mut().remove(name);
        self
    }

    /// Sets the method. Default: GET.
    pub fn method(mut self, method: Method) -> Self {
        *self.request.method_mut() = method;
        self
    }

    /// Sets the HTTP version. Default: HTTP/1.1, which is the only version that a load balancer
    /// with authentication uses to its targets; a service that relays tokens may use another.
    pub fn version(mut self, version: Version) -> Self {
        *self.request.version_mut() = version;
        self
    }

    /// Adds an extension.
    pub fn extension<T: Clone + Send + Sync + 'static>(mut self, extension: T) -> Self {
        self.request.extensions_mut().insert(extension);
        self
    }

    /// Sets the body.
    pub fn body<B>(self, body: B) -> Request<B> {
        self.request.map(|()| body)
    }
}

impl<B: Default> From<MockRequest<'_>> for Request<B> {
    fn from(request: MockRequest<'_>) -> Self {
        request.body(B::default())
    }
}
