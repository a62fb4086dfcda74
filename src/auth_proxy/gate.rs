//! The one authenticator of all modes: what the client sent as an identity is removed, the layer
//! verifies the token, the requirements are checked, and the headers of the user are made.
//!
//! A [`Mode`] gets admitted requests only.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use http::{HeaderName, HeaderValue, Request, Response};
use serde_json::{Map, Value};
use tower_layer::Layer;
use tower_service::Service;

use super::{
    assertion::{Assertion, SignedAssertion},
    identity_headers::IdentityHeaders,
    rules::{Access, Needs, Rules},
    template::{Template, User},
};
use crate::{
    AlbAuthHandle, AlbAuthLayer, AuditTrail, AuthError, BackstageIdentity, Claims,
    internal::{
        SharedClock, TraceId, strip_oidc_headers,
        telemetry::{
            self, Warnings,
            audit::{Details, NamedBy, Subject, What},
        },
    },
    layer::{RefusedRequest, StandardRefusal, refuse},
};

/// What a mode does with an admitted request.
pub(super) trait Mode: Send + Sync + 'static {
    /// `headers` are those of the user; none for a request without a user.
    fn admitted(
        self: Arc<Self>,
        request: Request<Body>,
        headers: Vec<(HeaderName, HeaderValue)>,
    ) -> impl Future<Output = Response<Body>> + Send;
}

pub(super) struct Gate {
    handle: AlbAuthHandle,
    required: AlbAuthLayer,
    optional: AlbAuthLayer,
    pub(super) rules: Rules,
    pub(super) identity: IdentityHeaders,
    templates: Vec<(HeaderName, Template)>,
    assertion: Option<Arc<Assertion>>,
    audit: Option<AuditTrail>,
    warnings: Warnings,
}

impl Gate {
    pub(super) fn new(
        layer: AlbAuthLayer,
        rules: Rules,
        strip: &[String],
        keeps_alb_headers: bool,
        headers: Vec<(HeaderName, Template)>,
        assertion: Option<Arc<Assertion>>,
        audit: Option<AuditTrail>,
    ) -> Self {
        let of_assertion = assertion.iter().map(|assertion| assertion.header());
        let set = headers.iter().map(|(name, _)| name).chain(of_assertion).map(HeaderName::as_str);
        let names = set.chain(strip.iter().map(String::as_str));
        let identity = IdentityHeaders::with(names).keeping_certificate(keeps_alb_headers);
        let warnings = Warnings::new(SharedClock::default());
        Self {
            handle: layer.handle(),
            optional: layer.clone().optional(),
            required: layer,
            rules,
            identity,
            templates: headers,
            assertion,
            audit,
            warnings,
        }
    }

    /// The handle of the layer.
    pub(super) fn handle(&self) -> &AlbAuthHandle {
        &self.handle
    }

    /// The mode's response to the request, or a refusal.
    pub(super) async fn pass<M: Mode>(
        self: &Arc<Self>,
        mode: Arc<M>,
        needs: Needs,
        mut request: Request<Body>,
    ) -> Response<Body> {
        self.identity.strip(request.headers_mut());
        let access = needs.access;
        let mut admit = Admit { gate: Arc::clone(self), mode, needs };
        let response = match access {
            Access::Required => self.required.layer(admit).call(request).await,
            Access::Optional => self.optional.layer(admit).call(request).await,
            Access::Exempt => {
                strip_oidc_headers(request.headers_mut());
                admit.call(request).await
            }
        };
        response.unwrap_or_else(|never| match never {})
    }

    /// The headers that users may have.
    pub(super) fn header_names(&self) -> impl Iterator<Item = &HeaderName> {
        let of_assertion = self.assertion.iter().map(|assertion| assertion.header());
        self.templates.iter().map(|(name, _)| name).chain(of_assertion)
    }

    /// The headers of the user in the request, and the claims of the assertion.
    fn headers(&self, request: &Request<Body>) -> Result<UserHeaders, AuthError> {
        let Some(claims) = Claims::of(request.extensions()) else { return Ok(UserHeaders::default()) };
        let user = User { claims, identity: request.extensions().get::<BackstageIdentity>() };
        let mut headers = Vec::with_capacity(self.templates.len().saturating_add(1));
        for (name, template) in &self.templates {
            if let Some(value) = template.render(name.as_str(), user)? {
                headers.push((name.clone(), value));
            }
        }
        let to_sign = match &self.assertion {
            Some(assertion) => Some((Arc::clone(assertion), assertion.claims(user)?)),
            None => None,
        };
        Ok(UserHeaders { headers, to_sign })
    }

    /// Records an assertion that was signed for the user of this request.
    fn record_assertion(&self, request: &Request<Body>, signed: SignedAssertion) {
        let Some(trail) = &self.audit else { return };
        let (name, claims) = user_of(request);
        trail.succeeded(What::TokenIssued, Some("assertion"), Subject::User(name, claims), || Details {
            kid: Some(signed.kid),
            expires_at: Some(signed.expires_at),
            trace_id: TraceId::In(request.headers()).text(),
            ..Details::default()
        });
    }

    /// Logs and counts an error of this proxy, and refuses as the layer does.
    fn refuse(&self, error: &AuthError, request: &Request<Body>) -> Response<Body> {
        telemetry::refused(error, TraceId::In(request.headers()), &self.warnings);
        self.refuse_logged(error, request)
    }

    /// Refuses an error that is logged already.
    fn refuse_logged(&self, error: &AuthError, request: &Request<Body>) -> Response<Body> {
        self.record_refusal(error, user_of(request), TraceId::In(request.headers()));
        refusal(error, request)
    }

    /// Records the refusal of a request of this user, which the layer has accepted.
    pub(super) fn record_refusal(&self, error: &AuthError, (name, claims): NamedBy<'_>, trace_id: TraceId<'_>) {
        if let Some(trail) = &self.audit {
            trail.refused(What::Refused, error, || Details {
                user: claims.map(|claims| trail.user(name, Some(claims))),
                trace_id: trace_id.text(),
                ..Details::default()
            });
        }
    }
}

fn user_of(request: &Request<Body>) -> NamedBy<'_> {
    let identity = request.extensions().get::<BackstageIdentity>();
    (identity.map(BackstageIdentity::user_entity_ref), Claims::of(request.extensions()))
}

#[derive(Default)]
struct UserHeaders {
    headers: Vec<(HeaderName, HeaderValue)>,
    /// The claims of the assertion.
    to_sign: Option<(Arc<Assertion>, Map<String, Value>)>,
}

impl UserHeaders {
    /// Signs the assertion, and adds it to the headers.
    async fn signed(&mut self) -> Result<Option<SignedAssertion>, AuthError> {
        let Some((assertion, claims)) = self.to_sign.take() else { return Ok(None) };
        let signed = assertion.sign(claims).await?;
        self.headers.push((assertion.header().clone(), signed.value.clone()));
        Ok(Some(signed))
    }
}

fn refusal(error: &AuthError, request: &Request<Body>) -> Response<Body> {
    let refused = RefusedRequest::of(request).behind_layer(request.extensions());
    refuse::<Body, _>(&StandardRefusal::default(), error, &refused)
}

/// The service inside of the layer.
struct Admit<M> {
    gate: Arc<Gate>,
    mode: Arc<M>,
    needs: Needs,
}

impl<M> Clone for Admit<M> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate), mode: Arc::clone(&self.mode), needs: self.needs.clone() }
    }
}

impl<M: Mode> Service<Request<Body>> for Admit<M> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if let Some(error) = self.needs.requirements().find_map(|layer| layer.check(&request).err()) {
            return Box::pin(std::future::ready(Ok(self.gate.refuse_logged(&error, &request))));
        }
        let (gate, mode) = (Arc::clone(&self.gate), Arc::clone(&self.mode));
        match gate.headers(&request) {
            Ok(mut headers) => Box::pin(async move {
                Ok(match headers.signed().await {
                    Ok(signed) => {
                        if let Some(signed) = signed {
                            gate.record_assertion(&request, signed);
                        }
                        mode.admitted(request, headers.headers).await
                    }
                    Err(error) => gate.refuse(&error, &request),
                })
            }),
            Err(error) => Box::pin(std::future::ready(Ok(gate.refuse(&error, &request)))),
        }
    }
}
