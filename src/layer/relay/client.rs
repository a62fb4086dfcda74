//! The layer for clients.

use std::{
    fmt,
    task::{Context, Poll},
};

use http::{HeaderMap, HeaderValue, Request};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    scope,
    targets::{Targets, not_sent_to},
};
use crate::{
    alb::{DATA, OidcHeaders},
    identity::Claims,
};

/// A layer for clients that sends the verified header of a user to the next service.
///
/// A client that is connected to one server, such as a tonic channel, takes requests without an
/// authority, and needs no list. For a client that takes absolute URIs, list the services that may
/// get the user's token by [`only_to`](Self::only_to): requests to all others are sent without it,
/// which is logged.
///
/// Put it directly around the client that connects. If the client follows redirects by itself, the
/// layer sees only the first request, and the client sends the token to the target of the redirect:
/// switch that off (`redirect::Policy::none()` of reqwest), and follow redirects outside of this
/// layer (`FollowRedirect` of tower-http), where it sees each request.
///
/// ```
/// use std::convert::Infallible;
///
/// use http::{Request, Response};
/// use tower::{Layer, Service, service_fn};
/// use tower_alb_auth::{BackstageIdentity, RelayIdentityLayer};
///
/// /// In a handler: the call is made for its user.
/// fn for_user<C>(user: &BackstageIdentity, client: C) -> impl Service<Request<String>, Response = Response<String>>
/// where
///     C: Service<Request<String>, Response = Response<String>>,
/// {
///     RelayIdentityLayer::of(user).only_to(["users.internal.example.com"]).layer(client)
/// }
/// # let _ = for_user::<tower::util::BoxCloneService<Request<String>, Response<String>, Infallible>>;
/// ```
#[derive(Debug, Clone, Default)]
pub struct RelayIdentityLayer {
    user: Option<Claims>,
    targets: Targets,
}

impl RelayIdentityLayer {
    /// For a client that several requests share: the user is the one in the outgoing request's
    /// extensions (a [`BackstageIdentity`](crate::BackstageIdentity) or [`Claims`]), else the one
    /// of the [`RelayScopeLayer`](crate::RelayScopeLayer) that the call is made in.
    pub fn new() -> Self {
        Self::default()
    }

    /// For calls on behalf of this user: a [`BackstageIdentity`](crate::BackstageIdentity), or
    /// [`Claims`].
    pub fn of(user: &impl AsRef<Claims>) -> Self {
        Self { user: Some(user.as_ref().clone()), targets: Targets::default() }
    }

    /// Sends the user to these services: `users.internal.example.com` is https at port 443,
    /// `users:8080` http and https at this port, `http://users` http at port 80. Host and port must
    /// be equal; subdomains are different hosts. Further calls add to the list.
    ///
    /// A request without an authority is for the server that the client is connected to, and always
    /// gets the user.
    #[must_use]
    pub fn only_to(mut self, authorities: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.targets = self.targets.with(authorities.into_iter());
        self
    }

    /// Sends the user to every service. If a redirect is followed outside of this layer, the token
    /// then goes to a host that the redirecting service chooses, and that host can sign in with it
    /// as the user for two minutes. Use this only if the hosts are not known beforehand and no
    /// redirect is followed.
    #[must_use]
    pub fn dangerously_to_any_authority(mut self) -> Self {
        self.targets = Targets::Any;
        self
    }
}

impl<S> Layer<S> for RelayIdentityLayer {
    type Service = RelayIdentity<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RelayIdentity { inner, user: self.user.clone(), targets: self.targets.clone() }
    }
}

/// The client that [`RelayIdentityLayer`] makes.
#[derive(Clone)]
pub struct RelayIdentity<S> {
    inner: S,
    user: Option<Claims>,
    targets: Targets,
}

impl<S, B> Service<Request<B>> for RelayIdentity<S>
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
        match user {
            Some(user) if self.targets.allow(request.uri()) => send(&user, request.headers_mut()),
            Some(_) => not_sent_to(request.uri()),
            None => {}
        }
        self.inner.call(request)
    }
}

impl<S: fmt::Debug> fmt::Debug for RelayIdentity<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayIdentity").field("inner", &self.inner).finish_non_exhaustive()
    }
}

fn send(user: &Claims, headers: &mut HeaderMap) {
    // A token from a header fits into one; claims that were made for a test have no token.
    match user.token().map(HeaderValue::try_from) {
        Some(Ok(mut token)) => {
            token.set_sensitive(true);
            if headers.try_insert(DATA, token).is_err() {
                tracing::warn!(target: "tower_alb_auth", "the user is not sent to the next service: the request has too many headers");
            }
        }
        _ => {
            tracing::debug!(target: "tower_alb_auth", "the user is not sent to the next service: the identity has no token")
        }
    }
}
