//! The service.

use std::{
    fmt,
    mem::replace,
    sync::Arc,
    task::{Context, Poll},
};

use http::{Request, Response};
use tower_service::Service;

use super::{
    AlbAccessToken, Anonymous, Refuse, ResponseFuture, StandardRefusal,
    extension_markers::clear,
    future::{Admission, CacheControl},
    left_trail::LeftTrail,
    refusal::LeftForm,
    settings::LayerSettings,
};
use crate::{
    alb::{OidcHeaders, TakenHeaders, TraceId, Values},
    authenticator::{Authenticator, Decision},
    telemetry::metrics,
};

/// The service that [`AlbAuthLayer`](crate::AlbAuthLayer) makes. See [`layer`](super) for what it
/// does.
#[derive(Clone)]
pub struct AlbAuth<S, R = StandardRefusal> {
    inner: S,
    authenticator: Arc<Authenticator>,
    settings: Arc<LayerSettings>,
    refusal: R,
}

impl<S, R> AlbAuth<S, R> {
    pub(super) fn new(inner: S, authenticator: Arc<Authenticator>, settings: Arc<LayerSettings>, refusal: R) -> Self {
        Self { inner, authenticator, settings, refusal }
    }

    /// The service inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// Replaces the ready service by a clone that is not ready. What readiness holds, such as a
    /// permit, must not stay with an idle connection of an unknown client, nor wait for a key fetch
    /// that such a client caused.
    fn give_back(&mut self)
    where
        S: Clone,
    {
        let unready = self.inner.clone();
        drop(replace(&mut self.inner, unready));
    }
}

impl<S, R, ReqB, ResB> Service<Request<ReqB>> for AlbAuth<S, R>
where
    S: Service<Request<ReqB>, Response = Response<ResB>> + Clone,
    R: Refuse<ResB> + Clone,
{
    type Response = Response<R::Body>;
    type Error = S::Error;
    type Future = ResponseFuture<S, ReqB, R, Response<R::Body>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqB>) -> Self::Future {
        let settings = &*self.settings;
        if clear(request.extensions_mut()) {
            self.authenticator.current().misused(
                "a user, or the mark of a request without one, was in the request already: is an AlbAuthLayer inside another \
                 one? The outer one removes the headers, so the inner one sees no user; use one layer per request, and let \
                 parts of the application require a user by RequireLayer::signed_in()",
                TraceId::In(request.headers()),
            );
        }
        let exempt = settings.is_exempt(&request);
        // Headers are kept only if they are verified. Otherwise they are removed first, which finds their values.
        let taken = if settings.keep_headers { None } else { TakenHeaders::take(request.headers_mut()) };
        let headers = match &taken {
            Some(taken) => taken.headers(request.headers()),
            None => OidcHeaders::scan(request.headers()),
        };
        let to_strip = taken.is_none().then(|| headers.to_strip());

        let decision = match headers.data {
            _ if exempt => None,
            Values::None if settings.optional => None,
            Values::None => Some(self.authenticator.missing(settings.why_missing(&request), headers.trace_id())),
            _ => Some(self.authenticator.decide(&headers)),
        };
        // If there are several, it is unknown which one is the load balancer's.
        let access_token = match (&decision, headers.access_token) {
            (Some(_), Values::One(value)) if settings.expose_access_token => Some(AlbAccessToken::new(value.clone())),
            _ => None,
        };
        match to_strip {
            None => {}
            // Without a decision none of them is verified.
            Some(to_strip) if settings.keep_headers && decision.is_some() => {
                to_strip.strip_look_alikes(request.headers_mut());
            }
            Some(to_strip) => to_strip.strip_all(request.headers_mut()),
        }

        let cache_control = CacheControl::of(settings, exempt);
        let form = settings.form.clone();
        let audit = settings.audit.clone();
        let admission = Admission { audit, access_token, keep_headers: settings.keep_headers, cache_control, form };
        match decision {
            None => {
                metrics::decision("anonymous");
                request.extensions_mut().insert(Anonymous);
                if let Some(form) = &settings.form {
                    request.extensions_mut().insert(LeftForm(form.clone()));
                }
                if let Some(trail) = admission.audit {
                    request.extensions_mut().insert(LeftTrail(trail));
                }
                ResponseFuture::inner(self.inner.call(request), cache_control)
            }
            Some(Decision::Made(Ok(authenticated))) => {
                admission.admit(&mut request, authenticated);
                ResponseFuture::inner(self.inner.call(request), cache_control)
            }
            Some(Decision::Made(Err(refused))) => {
                admission.refused(&refused, &request);
                self.give_back();
                ResponseFuture::refused(&self.refusal, &refused.error, &request)
            }
            Some(Decision::Waiting(decision)) => {
                self.give_back();
                ResponseFuture::waiting(decision, request, self.inner.clone(), self.refusal.clone(), admission)
            }
        }
    }
}

impl<S: fmt::Debug, R> fmt::Debug for AlbAuth<S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlbAuth").field("inner", &self.inner).field("settings", &self.settings).finish_non_exhaustive()
    }
}
