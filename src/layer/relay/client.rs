//! The client's side.

use std::{
    fmt,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::scope;
use crate::{
    identity::Claims,
    oidc_headers::{DATA, OidcHeaders},
};

/// A layer for clients that sends the verified header of a user on. See [`layer`](crate::layer) for what goes out.
///
/// ```
/// use std::convert::Infallible;
///
/// use http::{Request, Response};
/// use tower::{Layer, Service, service_fn};
/// use tower_alb_auth::{BackstageIdentity, RelayIdentity};
///
/// /// In a handler: the call is made for its user.
/// fn for_user<C>(user: &BackstageIdentity, client: C) -> impl Service<Request<String>, Response = Response<String>>
/// where
///     C: Service<Request<String>, Response = Response<String>>,
/// {
///     RelayIdentity::of(user).layer(client)
/// }
/// # let _ = for_user::<tower::util::BoxCloneService<Request<String>, Response<String>, Infallible>>;
/// ```
#[derive(Debug, Clone, Default)]
pub struct RelayIdentity {
    user: Option<Claims>,
}

impl RelayIdentity {
    /// For a client that several requests share: the user is the one in the outgoing request's extensions (a
    /// [`BackstageIdentity`](crate::BackstageIdentity) or [`Claims`]), else the one of the [`RelayScope`](super::RelayScope)
    /// that the call is made in.
    pub fn new() -> Self {
        Self::default()
    }

    /// For calls on behalf of this user: a [`BackstageIdentity`](crate::BackstageIdentity), or [`Claims`].
    pub fn of(user: &impl AsRef<Claims>) -> Self {
        Self { user: Some(user.as_ref().clone()) }
    }
}

impl<S> Layer<S> for RelayIdentity {
    type Service = Relay<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Relay { inner, user: self.user.clone() }
    }
}

/// The client that [`RelayIdentity`] makes.
#[derive(Clone)]
pub struct Relay<S> {
    inner: S,
    user: Option<Claims>,
}

impl<S, B> Service<Request<B>> for Relay<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        let user = self.user.clone().or_else(|| Claims::of(request.extensions()).cloned()).or_else(scope::current);
        let to_strip = OidcHeaders::scan(request.headers()).to_strip();
        to_strip.strip_all(request.headers_mut());
        if let Some(user) = user {
            send(&user, request.headers_mut());
        }
        self.inner.call(request)
    }
}

impl<S: fmt::Debug> fmt::Debug for Relay<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("inner", &self.inner).finish_non_exhaustive()
    }
}

fn send(user: &Claims, headers: &mut HeaderMap) {
    // It came in a header, so it fits into one; claims made for a test came in none.
    match HeaderValue::from_bytes(user.token()) {
        Ok(mut token) if !token.is_empty() => {
            token.set_sensitive(true);
            if headers.try_insert(DATA, token).is_err() {
                tracing::warn!(target: "tower_alb_auth", "the user is not sent on: the request has too many headers");
            }
        }
        _ => tracing::debug!(target: "tower_alb_auth", "the user is not sent on: the identity came without a token"),
    }
}
