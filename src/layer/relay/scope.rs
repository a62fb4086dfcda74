//! The user of the current request, for clients that are called while it is handled.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use http::Request;
use pin_project_lite::pin_project;
use tokio::task::futures::TaskLocalFuture;
use tower_layer::Layer;
use tower_service::Service;

use crate::identity::Claims;

tokio::task_local! {
    static USER: Option<Claims>;
}

/// The user of the scope that this is called in.
pub(super) fn current() -> Option<Claims> {
    USER.try_with(Clone::clone).ok().flatten()
}

/// A layer inside an [`AlbAuthLayer`](crate::AlbAuthLayer) that gives the user of the current
/// request to the clients with [`RelayIdentityLayer::new`](crate::RelayIdentityLayer::new), so that
/// handlers need not name the user.
///
/// It applies while the handler's future runs. It does not apply in tasks that the handler spawns,
/// nor while a streamed body is sent: these outlive the request, and may outlive the token.
#[derive(Debug, Clone, Copy, Default)]
pub struct RelayScopeLayer;

impl RelayScopeLayer {
    /// The layer.
    pub fn new() -> Self {
        Self
    }
}

impl<S> Layer<S> for RelayScopeLayer {
    type Service = RelayScope<S>;

    fn layer(&self, inner: S) -> Self::Service {
        RelayScope { inner }
    }
}

/// The service that [`RelayScopeLayer`] makes.
#[derive(Debug, Clone)]
pub struct RelayScope<S> {
    inner: S,
}

impl<S, B> Service<Request<B>> for RelayScope<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = RelayScopeResponseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Set the scope even without a user, so that an outer scope's user does not leak in.
        let user = Claims::of(request.extensions()).cloned();
        let future = USER.sync_scope(user.clone(), || self.inner.call(request));
        RelayScopeResponseFuture { future: USER.scope(user, future) }
    }
}

pin_project! {
    /// The response of [`RelayScope`].
    pub struct RelayScopeResponseFuture<F> {
        #[pin]
        future: TaskLocalFuture<Option<Claims>, F>,
    }
}

impl<F: Future> Future for RelayScopeResponseFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        self.project().future.poll(context)
    }
}

impl<F> fmt::Debug for RelayScopeResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayScopeResponseFuture").finish_non_exhaustive()
    }
}
