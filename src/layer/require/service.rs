//! The layer and the service of all demands.

use std::{
    fmt,
    mem::replace,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::{RequireFuture, demand::Demand};
use crate::{
    error::AuthError,
    layer::{Refuse, RefuseWith, RefusedRequest, StandardRefusal, refusal::refuse},
    sync::SharedClock,
    telemetry::{self, Warnings},
};

/// A demand, as a layer. Made by [`RequireSignIn`](super::RequireSignIn), [`RequireOwnership`](super::RequireOwnership) and
/// [`RequireClaim`](super::RequireClaim).
///
/// Belongs inside an [`AlbAuthLayer`](crate::AlbAuthLayer): in axum a `route_layer` of the routes that demand it, with the
/// `AlbAuthLayer` added later, around all routes.
#[derive(Clone)]
pub struct Require<R = StandardRefusal> {
    shared: Arc<Shared>,
    refusal: R,
}

struct Shared {
    demand: Demand,
    warnings: Warnings,
}

impl Require {
    pub(super) fn new(demand: Demand) -> Self {
        let warnings = Warnings::new(SharedClock::default());
        Self { shared: Arc::new(Shared { demand, warnings }), refusal: StandardRefusal::default() }
    }

    /// Writes refusals as Backstage's back ends do, in JSON, for clients that read them.
    #[must_use]
    pub fn refuse_with_backstage_json(mut self) -> Self {
        self.refusal = self.refusal.with_backstage_json();
        self
    }
}

impl<R> Require<R> {
    /// Makes refusals by a closure, as
    /// [`AlbAuthLayer::refuse_with`](crate::AlbAuthLayer::refuse_with) does.
    #[must_use]
    pub fn refuse_with<F, B>(self, refuse: F) -> Require<RefuseWith<F>>
    where
        F: Fn(&AuthError, &RefusedRequest<'_>) -> Response<B> + Clone,
    {
        Require { shared: self.shared, refusal: RefuseWith::new(refuse) }
    }
}

impl<S, R: Clone> Layer<S> for Require<R> {
    type Service = Required<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Required { inner, require: self.clone() }
    }
}

impl<R> fmt::Debug for Require<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Require").field(&self.shared.demand.describe()).finish()
    }
}

/// The service that [`Require`] makes.
#[derive(Clone)]
pub struct Required<S, R = StandardRefusal> {
    inner: S,
    require: Require<R>,
}

impl<S, R, ReqB, ResB> Service<Request<ReqB>> for Required<S, R>
where
    S: Service<Request<ReqB>, Response = Response<ResB>> + Clone,
    R: Refuse<ResB>,
{
    type Response = Response<ResB>;
    type Error = S::Error;
    type Future = RequireFuture<S::Future, Response<ResB>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        let Shared { demand, warnings } = &*self.require.shared;
        match demand.check(request.extensions()) {
            Ok(()) => RequireFuture::inner(self.inner.call(request)),
            Err(error) => {
                telemetry::requirement_failed(&error, warnings);
                // What readiness holds (a permit, say) must not stay with somebody who is refused.
                let unready = self.inner.clone();
                drop(replace(&mut self.inner, unready));
                let refused = RefusedRequest::of(&request).behind_layer(request.extensions());
                RequireFuture::refused(refuse(&self.require.refusal, &error, &refused))
            }
        }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for Required<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Required").field("inner", &self.inner).field("require", &self.require).finish()
    }
}
