//! The future of a response.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use http::{HeaderValue, Request, Response, header};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::{
    AlbAccessToken, Refuse, RefusedRequest, Unnamed,
    left_trail::LeftTrail,
    refusal::{GrpcFamily, refuse},
    settings::LayerSettings,
};
use crate::{
    alb::{TraceId, strip_other_identities},
    authenticator::{Authenticated, DecisionFuture, Refused},
    error::AuthError,
    identity::Carried,
    telemetry::audit::{AuditTrail, Details, What},
};

pin_project! {
    /// The response of [`AlbAuth`](crate::AlbAuth).
    ///
    /// If no key has to be fetched, it holds the inner service's future, and nothing on the heap.
    pub struct ResponseFuture<S, B, R, A>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        state: State<S, B, R, S::Future, A>,
    }
}

pin_project! {
    #[project = StateProjected]
    enum State<S, B, R, F, A> {
        /// The inner service handles the request.
        Inner {
            #[pin]
            future: F,
            cache_control: CacheControl,
        },
        /// A key is being fetched, or the sign-in policy queries another service.
        Waiting { decision: DecisionFuture, held: Option<Box<Held<S, B, R>>> },
        /// The request is accepted, and the inner service is being made ready for it.
        Readying { admitted: Option<Box<Admitted<S, B>>> },
        Refused { response: Option<A> },
    }
}

/// What is held until the decision is made. Boxed, so that the future is small in the usual case.
struct Held<S, B, R> {
    request: Request<B>,
    /// Not ready: a request that may be rejected must not keep what readiness holds, such as a
    /// permit.
    service: S,
    refusal: R,
    admission: Admission,
}

/// A request that was accepted after a wait.
struct Admitted<S, B> {
    request: Request<B>,
    service: S,
    cache_control: CacheControl,
}

/// What happens to a request that is accepted.
pub(super) struct Admission {
    pub(super) audit: Option<AuditTrail>,
    pub(super) access_token: Option<AlbAccessToken>,
    pub(super) keep_headers: bool,
    pub(super) cache_control: CacheControl,
    /// The form of refusals, for services behind the layer.
    pub(super) form: Option<Carried>,
}

/// Whether a response without `Cache-Control` gets one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CacheControl {
    Private,
    Leave,
}

impl CacheControl {
    pub(super) fn of(settings: &LayerSettings, leave: bool) -> Self {
        if settings.leave_cache_control || leave { Self::Leave } else { Self::Private }
    }

    fn apply<B>(self, response: &mut Response<B>) {
        // By the response's content type: the client chooses the request's.
        if self == Self::Leave || GrpcFamily::of(response.headers()).is_some() {
            return;
        }
        // Not `entry`, which panics if the application filled the map.
        if let Ok(header::Entry::Vacant(entry)) = response.headers_mut().try_entry(header::CACHE_CONTROL) {
            drop(entry.try_insert(HeaderValue::from_static("private")));
        }
    }
}

impl Admission {
    /// Records a refusal in the audit trail, if there is one.
    pub(super) fn refused<B>(&self, refused: &Refused, request: &Request<B>) {
        if let Some(trail) = &self.audit {
            let trace_id = TraceId::In(request.headers());
            trail.refused(What::Refused, &refused.error, || Details {
                user: refused.user().map(|(name, claims)| trail.user(name, Some(claims))),
                trace_id: trace_id.text(),
                ..Details::default()
            });
        }
    }

    /// Inserts the user into the extensions: one value, so one allocation.
    pub(super) fn admit<B>(self, request: &mut Request<B>, mut authenticated: Authenticated) {
        if let Some(form) = self.form {
            authenticated.claims_mut().carry(form);
        }
        if self.keep_headers {
            strip_other_identities(request.headers_mut(), authenticated.claims().subject());
        }
        if let Some(trail) = &self.audit {
            let user = match &authenticated {
                Authenticated::User(identity) => Some(identity.user_entity_ref()),
                Authenticated::ClaimsOnly(_) | Authenticated::NoMatch(_) => None,
            };
            trail.signed_in(user, authenticated.claims(), TraceId::In(request.headers()));
        }
        let extensions = request.extensions_mut();
        match authenticated {
            Authenticated::User(identity) => drop(extensions.insert(identity)),
            Authenticated::ClaimsOnly(claims) => drop(extensions.insert(claims)),
            Authenticated::NoMatch(claims) => {
                extensions.insert(Unnamed);
                extensions.insert(claims);
            }
        }
        if let Some(token) = self.access_token {
            extensions.insert(token);
        }
        if let Some(trail) = self.audit {
            extensions.insert(LeftTrail(trail));
        }
    }
}

impl<S, B, R, ResB> ResponseFuture<S, B, R, Response<R::Body>>
where
    S: Service<Request<B>, Response = Response<ResB>>,
    R: Refuse<ResB>,
{
    pub(super) fn inner(future: S::Future, cache_control: CacheControl) -> Self {
        Self { state: State::Inner { future, cache_control } }
    }

    pub(super) fn refused(refusal: &R, error: &AuthError, request: &Request<B>) -> Self {
        Self { state: State::Refused { response: Some(refuse(refusal, error, &RefusedRequest::of(request))) } }
    }

    pub(super) fn waiting(
        decision: DecisionFuture,
        request: Request<B>,
        service: S,
        refusal: R,
        admission: Admission,
    ) -> Self {
        Self { state: State::Waiting { decision, held: Some(Box::new(Held { request, service, refusal, admission })) } }
    }
}

impl<S, B, R, ResB> Future for ResponseFuture<S, B, R, Response<R::Body>>
where
    S: Service<Request<B>, Response = Response<ResB>>,
    R: Refuse<ResB>,
{
    type Output = Result<Response<R::Body>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().state;
        loop {
            match state.as_mut().project() {
                StateProjected::Inner { future, cache_control } => {
                    let mut response = ready!(future.poll(context))?;
                    cache_control.apply(&mut response);
                    return Poll::Ready(Ok(R::pass(response)));
                }
                StateProjected::Waiting { decision, held } => {
                    let outcome = ready!(decision.as_mut().poll(context));
                    let Some(held) = held.take() else { return Poll::Pending };
                    let Held { mut request, service, refusal, admission } = *held;
                    let next = match outcome {
                        Ok(authenticated) => {
                            let cache_control = admission.cache_control;
                            admission.admit(&mut request, authenticated);
                            State::Readying { admitted: Some(Box::new(Admitted { request, service, cache_control })) }
                        }
                        Err(refused) => {
                            admission.refused(&refused, &request);
                            let response = refuse(&refusal, &refused.error, &RefusedRequest::of(&request));
                            State::Refused { response: Some(response) }
                        }
                    };
                    state.set(next);
                }
                StateProjected::Readying { admitted } => {
                    if let Some(admitted) = admitted {
                        ready!(admitted.service.poll_ready(context))?;
                    }
                    let Some(admitted) = admitted.take() else { return Poll::Pending };
                    let Admitted { request, mut service, cache_control } = *admitted;
                    state.set(State::Inner { future: service.call(request), cache_control });
                }
                StateProjected::Refused { response } => {
                    // If it is polled after completion, it stays pending and does not panic.
                    return response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response)));
                }
            }
        }
    }
}

impl<S: Service<Request<B>>, B, R, A> fmt::Debug for ResponseFuture<S, B, R, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
