//! The layer and the service of all requirements.

use std::{
    fmt,
    mem::replace,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Extensions, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use super::{RequireResponseFuture, requirement::Requirement};
use crate::{
    alb::TraceId,
    error::AuthError,
    layer::{
        Refuse, RefuseWith, RefusedRequest, StandardRefusal, WithRefusalBody, left_trail::LeftTrail, refusal::refuse,
    },
    sync::SharedClock,
    telemetry::{self, Warnings},
};

/// A requirement on the user of a request, as a layer: a signed-in user, an ownership, or a claim.
///
/// | constructor | accepts |
/// |---|---|
/// | [`signed_in`](Self::signed_in) | every user |
/// | [`owner_of_any`](Self::owner_of_any), [`owner_of_all`](Self::owner_of_all) | users who have ownership of an entity, usually a group |
/// | [`claim_present`](Self::claim_present), [`claim_equals`](Self::claim_equals), [`claim_contains`](Self::claim_contains) | users whose provider sends this claim |
/// | [`claims_match`](Self::claims_match) | users whose claims pass a test of the application |
///
/// [`of_issuer`](Self::of_issuer) limits each of them to the users of one issuer.
///
/// It belongs inside an [`AlbAuthLayer`](crate::AlbAuthLayer): in axum a `route_layer` of the
/// routes that require it, with the `AlbAuthLayer` added later, around all routes. See
/// [`layer`](crate::layer).
#[doc(alias("authorization", "role", "group", "scope"))]
#[derive(Clone)]
pub struct RequireLayer<R = StandardRefusal> {
    shared: Arc<Shared>,
    /// `None`: any.
    issuer: Option<Arc<str>>,
    refusal: R,
}

struct Shared {
    requirement: Requirement,
    warnings: Warnings,
}

impl RequireLayer {
    pub(super) fn new(requirement: Requirement) -> Self {
        let warnings = Warnings::new(SharedClock::default());
        Self { shared: Arc::new(Shared { requirement, warnings }), issuer: None, refusal: StandardRefusal::default() }
    }

    /// Requires a user, with or without an identity: 401 otherwise. For the parts of an application
    /// under an [optional](crate::AlbAuthLayer::optional) layer that are not public.
    ///
    /// ```
    /// use tower_alb_auth::RequireLayer;
    ///
    /// let members_only = RequireLayer::signed_in();
    /// # let _ = members_only;
    /// ```
    pub fn signed_in() -> Self {
        Self::new(Requirement::SignIn)
    }

    /// Whether the user of this request meets it; counts and logs a failure.
    #[cfg(feature = "proxy")]
    pub(crate) fn check<B>(&self, request: &Request<B>) -> Result<(), AuthError> {
        let log = |error: &AuthError| {
            telemetry::requirement_failed(error, TraceId::In(request.headers()), &self.shared.warnings);
        };
        self.check_user(request.extensions()).inspect_err(log)
    }

    /// Writes refusals as Backstage's back ends do, in JSON, for clients that read them.
    #[must_use]
    pub fn refuse_with_backstage_json(mut self) -> Self {
        self.refusal = self.refusal.with_backstage_json();
        self
    }
}

impl<R> RequireLayer<R> {
    /// Requires that the user is of this issuer too, which is compared byte for byte with that of the token.
    ///
    /// With several issuers, a claim is what one of them sends: a user of another one may have the same group, email or
    /// subject. So name the issuer with each requirement on claims, or require an ownership, which the sign-in policy of each
    /// issuer decides.
    ///
    /// ```
    /// use tower_alb_auth::RequireLayer;
    ///
    /// let admins = RequireLayer::claim_contains("groups", "admins").of_issuer("https://staff.example.com");
    /// # let _ = admins;
    /// ```
    #[must_use]
    pub fn of_issuer(mut self, issuer: impl Into<String>) -> Self {
        let issuer: String = issuer.into();
        self.issuer = Some(issuer.into());
        self
    }

    fn check_user(&self, extensions: &Extensions) -> Result<(), AuthError> {
        self.shared.requirement.check(extensions, self.issuer.as_deref())
    }

    /// Makes refusals by a closure, as
    /// [`AlbAuthLayer::refuse_with`](crate::AlbAuthLayer::refuse_with) does.
    #[must_use]
    pub fn refuse_with<F, B>(self, refuse: F) -> RequireLayer<RefuseWith<F>>
    where
        F: Fn(&AuthError, &RefusedRequest<'_>) -> Response<B> + Clone,
    {
        RequireLayer { shared: self.shared, issuer: self.issuer, refusal: RefuseWith::new(refuse) }
    }

    /// Gives responses a [`RefusalBody`](crate::layer::RefusalBody), for inner services whose body
    /// has no `Default`, as
    /// [`AlbAuthLayer::with_refusal_body`](crate::AlbAuthLayer::with_refusal_body) does. Call it
    /// last.
    #[must_use]
    pub fn with_refusal_body(self) -> RequireLayer<WithRefusalBody<R>> {
        RequireLayer { shared: self.shared, issuer: self.issuer, refusal: WithRefusalBody::new(self.refusal) }
    }
}

impl<S, R: Clone> Layer<S> for RequireLayer<R> {
    type Service = Require<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Require { inner, layer: self.clone() }
    }
}

impl<R> fmt::Debug for RequireLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_tuple("RequireLayer");
        shown.field(&self.shared.requirement.describe());
        if let Some(issuer) = &self.issuer {
            shown.field(issuer);
        }
        shown.finish()
    }
}

/// The service that [`RequireLayer`] makes.
#[derive(Clone)]
pub struct Require<S, R = StandardRefusal> {
    inner: S,
    layer: RequireLayer<R>,
}

impl<S, R, ReqB, ResB> Service<Request<ReqB>> for Require<S, R>
where
    S: Service<Request<ReqB>, Response = Response<ResB>> + Clone,
    R: Refuse<ResB>,
{
    type Response = Response<R::Body>;
    type Error = S::Error;
    type Future = RequireResponseFuture<S::Future, R, Response<R::Body>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<ReqB>) -> Self::Future {
        match self.layer.check_user(request.extensions()) {
            Ok(()) => RequireResponseFuture::inner(self.inner.call(request)),
            Err(error) => {
                telemetry::requirement_failed(&error, TraceId::In(request.headers()), &self.layer.shared.warnings);
                LeftTrail::refused(request.extensions(), &error, request.headers());
                // A rejected request must not keep what readiness holds, such as a permit.
                let unready = self.inner.clone();
                drop(replace(&mut self.inner, unready));
                let refused = RefusedRequest::of(&request).behind_layer(request.extensions());
                RequireResponseFuture::refused(refuse(&self.layer.refusal, &error, &refused))
            }
        }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for Require<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Require").field("inner", &self.inner).field("layer", &self.layer).finish()
    }
}
