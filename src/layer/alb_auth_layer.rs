//! The layer and its settings.

use std::{fmt, sync::Arc};

use http::Method;
use tower_layer::Layer;

use super::{
    AlbAuth, AlbAuthHandle, RefuseWith, RefusedRequest, StandardRefusal, WithRefusalBody, refusal::RefusalForm,
    settings::LayerSettings,
};
use crate::{
    authenticator::Authenticator,
    config::AlbAuthConfig,
    deny_list::DenyList,
    error::AuthError,
    telemetry::{self, audit::AuditTrail},
};

/// Verifies the user in the load balancer's header, and gives the inner service a
/// [`BackstageIdentity`](crate::BackstageIdentity) and [`Claims`](crate::Claims).
///
/// Clones share keys and caches; put clones of one layer on as many services as there are.
///
/// ```
/// use std::convert::Infallible;
///
/// use http::{Request, Response};
/// use tower::{Layer, ServiceExt, service_fn};
/// use tower_alb_auth::{AlbAuthConfig, AlbAuthLayer, BackstageIdentity, TrustedAlb, keys::FixedKeys, sign_in::EmailLocalPart};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let alb = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";
/// let config = AlbAuthConfig::builder()
///     .trust(TrustedAlb::new(alb, "https://idp.example.com").client_id("my-application"))
///     .sign_in(EmailLocalPart::in_domains(["example.com"]))
///     .fixed_keys(FixedKeys::new())
///     .build()?;
///
/// let handler = service_fn(|request: Request<String>| async move {
///     let user = request.extensions().get::<BackstageIdentity>().expect("the layer rejects other requests");
///     Ok::<_, Infallible>(Response::new(user.user_entity_ref().to_string()))
/// });
/// let service = AlbAuthLayer::new(config).layer(handler);
///
/// let response = service.oneshot(Request::new(String::new())).await?;
/// assert_eq!(response.status(), 401);
/// # Ok(())
/// # }
/// ```
#[doc(alias("jwt", "oidc", "cognito", "entra", "x-amzn-oidc-data"))]
#[derive(Clone)]
pub struct AlbAuthLayer<R = StandardRefusal> {
    authenticator: Arc<Authenticator>,
    settings: Arc<LayerSettings>,
    refusal: R,
}

impl AlbAuthLayer {
    /// A layer that accepts requests of signed-in users and rejects all others.
    ///
    /// It does no I/O and starts no task: keys are fetched when the first token names one. It logs
    /// one line with what is trusted, and at the first use one line with its switches.
    pub fn new(config: AlbAuthConfig) -> Self {
        telemetry::started(&config.summary(), config.warnings());
        Self {
            authenticator: Arc::new(Authenticator::new(config)),
            settings: Arc::default(),
            refusal: StandardRefusal::default(),
        }
    }

    /// Writes refusals as Backstage's back ends do, in JSON, for clients that read them.
    #[must_use]
    pub fn refuse_with_backstage_json(self) -> Self {
        let refusal = self.refusal.with_backstage_json();
        self.refuse_by(refusal)
    }

    /// Gives every refusal its HTTP status, also those of gRPC calls, which otherwise get 200 with
    /// `grpc-status`. Refusals of gRPC calls keep the headers `grpc-status` and `grpc-message`,
    /// which gRPC clients read too.
    ///
    /// For a service that a gateway queries before it forwards a request (nginx's `auth_request`,
    /// Traefik's `forwardAuth`, Envoy's `ext_authz` over HTTP). The gateway sends the client's
    /// headers, and forwards the request on 2xx. Over HTTP/1.1 every refusal has its HTTP status
    /// anyway, and over HTTP/2 every refusal of a request with `content-length: 0`, which Envoy and
    /// Traefik send. With this switch neither matters.
    #[must_use]
    pub fn refuse_by_http_status(self) -> Self {
        let refusal = self.refusal.by_http_status();
        self.refuse_by(refusal)
    }

    fn refuse_by(mut self, refusal: StandardRefusal) -> Self {
        self.refusal = refusal;
        LayerSettings::edit(&mut self.settings).form = refusal.form().map(RefusalForm::carried);
        self
    }
}

impl<R> AlbAuthLayer<R> {
    /// Accepts requests without `x-amzn-oidc-data`, without an identity. Invalid tokens are still
    /// rejected.
    ///
    /// For applications with public pages. The handlers that need a user take a
    /// `BackstageIdentity`, or their routes get a [`RequireLayer`](crate::RequireLayer).
    #[must_use]
    pub fn optional(mut self) -> Self {
        LayerSettings::edit(&mut self.settings).optional = true;
        self
    }

    /// Accepts GET and HEAD requests with exactly this path, without an identity: for the load
    /// balancer's health check, which has no such headers. Requests with other methods need a user
    /// as on any path, unless [`exempt_path_for_methods`](Self::exempt_path_for_methods) exempts
    /// them.
    ///
    /// Compared byte for byte with the path as the layer sees it: `/healthz` exempts neither
    /// `/healthz/` nor `//healthz` nor `/health%7A`. The query is ignored. Inside axum's
    /// `Router::nest` the layer sees the path without the prefix: in a router that is nested at
    /// `/api`, `exempt_path("/healthz")` exempts `/api/healthz`. A token on such a request is
    /// removed without being read, so the path has no user, even if one is signed in. If `/` is a page
    /// for users too, then do not exempt it: use [`optional`](Self::optional), or a path of its own for
    /// the health check.
    ///
    /// A path with a pattern or query exempts nothing and is logged as a warning.
    ///
    /// # Panics
    /// The path does not begin with `/`, as in axum's `Router::route`.
    #[must_use]
    #[track_caller]
    pub fn exempt_path(self, path: impl Into<String>) -> Self {
        self.exempt_path_for_methods(path, [Method::GET, Method::HEAD])
    }

    /// As [`exempt_path`](Self::exempt_path), for these methods only.
    ///
    /// For a health check of another method, such as gRPC's:
    /// `exempt_path_for_methods("/grpc.health.v1.Health/Check", [Method::POST])`. Such a request
    /// changes data without a user.
    ///
    /// # Panics
    /// The path does not begin with `/`.
    #[must_use]
    #[track_caller]
    pub fn exempt_path_for_methods(
        mut self,
        path: impl Into<String>,
        methods: impl IntoIterator<Item = Method>,
    ) -> Self {
        LayerSettings::edit(&mut self.settings).exempt(path.into(), methods.into_iter().collect());
        self
    }

    /// Keeps the three headers of the load balancer on requests of signed-in users, for a handler
    /// that forwards them.
    ///
    /// The layer still removes look-alikes, an `x-amzn-oidc-identity` that is not the signed
    /// subject, and all of them from requests without a user. The three headers are marked as
    /// sensitive, so that `Debug` does not show them.
    #[must_use]
    pub fn keep_headers(mut self) -> Self {
        LayerSettings::edit(&mut self.settings).keep_headers = true;
        self
    }

    /// Puts the provider's access token into the extensions of a signed-in user's request, as
    /// [`AlbAccessToken`](crate::AlbAccessToken).
    #[must_use]
    pub fn expose_access_token(mut self) -> Self {
        LayerSettings::edit(&mut self.settings).expose_access_token = true;
        self
    }

    /// Leaves responses without `Cache-Control` as they are.
    ///
    /// By default they get `private`. The session is a cookie, so nothing else prevents a shared
    /// cache (a CDN) from storing a response to one user and serving it to another: RFC 9111
    /// section 3.5 protects only requests with `Authorization`. Use this if there is no shared
    /// cache in front, or if every handler sets the header.
    #[must_use]
    pub fn leave_cache_control(mut self) -> Self {
        LayerSettings::edit(&mut self.settings).leave_cache_control = true;
        self
    }

    /// Refuses users of this list, with status 403: see [`deny_list`](crate::deny_list).
    ///
    /// The list applies to all clones of this layer, to handles that were made before, and to the auth backend behind them. A second
    /// list applies as well. No method takes a list away, and [`reload`](AlbAuthHandle::reload) keeps it.
    ///
    /// ```
    /// # #[cfg(feature = "test-util")] {
    /// use tower_alb_auth::{deny_list::{Denied, DenyList}, test_util::MockAlb};
    ///
    /// let denied = DenyList::new(); // Or DenyList::from_file("denied.jsonl")?
    /// let layer = MockAlb::new().layer().deny_list(&denied);
    /// denied.deny(Denied::email("jane.doe@example.com")?);
    /// # let _ = layer;
    /// # }
    /// # Ok::<(), tower_alb_auth::ConfigError>(())
    /// ```
    #[must_use]
    pub fn deny_list(self, list: &DenyList) -> Self {
        self.authenticator.denied().add(list);
        self
    }

    /// Records refusals in this audit trail, also those of a [`RequireLayer`](crate::RequireLayer) or an extractor behind the layer, users
    /// once an hour, changes of deny lists, and reloads.
    ///
    /// A reload or a change of a deny list is recorded in the first trail that a layer, a clone of it or an auth backend behind it was given.
    #[must_use]
    pub fn audit_trail(mut self, trail: &AuditTrail) -> Self {
        self.authenticator.set_audit(trail);
        LayerSettings::edit(&mut self.settings).audit = Some(trail.clone());
        self
    }

    /// Makes refusals by a closure: for response bodies that this crate does not know, or for a
    /// different form.
    ///
    /// The closure gets the error, and the request's method, URI, protocol version and headers. The
    /// layer adds the error to the response's extensions, and `Cache-Control: no-store` if the
    /// closure sets none. Never return a status of 2xx: a gateway that queries this service before
    /// it forwards a request would forward it.
    ///
    /// Extractors, [`RequireLayer`](crate::RequireLayer)s and other refusals behind the layer use
    /// the closure too, if their response body has the same type.
    #[must_use]
    pub fn refuse_with<F, B>(mut self, refuse: F) -> AlbAuthLayer<RefuseWith<F>>
    where
        F: Fn(&AuthError, &RefusedRequest<'_>) -> http::Response<B> + Clone + Send + Sync + 'static,
        B: 'static,
    {
        let settings = LayerSettings::edit(&mut self.settings);
        settings.form = Some(RefusalForm::own(refuse.clone(), settings.form.as_ref()).carried());
        settings.own_refusals = true;
        AlbAuthLayer { authenticator: self.authenticator, settings: self.settings, refusal: RefuseWith::new(refuse) }
    }

    /// Gives the service's responses a body of their own type, [`RefusalBody`](super::RefusalBody):
    /// the body of the inner service, or the text of a refusal.
    ///
    /// Without it the body's type stays what it is inside, and a refusal needs a body of that type.
    /// Some bodies cannot be made, such as that of tower-http's `TraceLayer`, which has no
    /// `Default`. Call this method if the layer stands directly or indirectly outside of such a
    /// layer:
    ///
    /// ```
    /// # #[cfg(feature = "test-util")] {
    /// use tower::ServiceBuilder;
    /// use tower_http::trace::TraceLayer;
    /// # let layer = tower_alb_auth::test_util::MockAlb::new().layer();
    ///
    /// let stack = ServiceBuilder::new().layer(layer.with_refusal_body()).layer(TraceLayer::new_for_http());
    /// # let _ = stack;
    /// # }
    /// ```
    ///
    /// It allocates nothing. It is not the default because axum puts bodies of a foreign type into
    /// a box, one per response, and its own body into none; outside of `TraceLayer` axum makes that
    /// box anyway.
    ///
    /// Call it after [`refuse_with_backstage_json`](AlbAuthLayer::refuse_with_backstage_json),
    /// [`refuse_by_http_status`](AlbAuthLayer::refuse_by_http_status) and
    /// [`refuse_with`](Self::refuse_with). The closure of the latter then returns a
    /// `Response<Full<Bytes>>`.
    #[must_use]
    pub fn with_refusal_body(self) -> AlbAuthLayer<WithRefusalBody<R>> {
        AlbAuthLayer {
            authenticator: self.authenticator,
            settings: self.settings,
            refusal: WithRefusalBody::new(self.refusal),
        }
    }

    /// A handle on what the clones of this layer share: reload, readiness, warm-up, refresh.
    pub fn handle(&self) -> AlbAuthHandle {
        AlbAuthHandle::new(Arc::clone(&self.authenticator))
    }
}

impl<S, R: Clone> Layer<S> for AlbAuthLayer<R> {
    type Service = AlbAuth<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        self.settings.log_once();
        AlbAuth::new(inner, Arc::clone(&self.authenticator), Arc::clone(&self.settings), self.refusal.clone())
    }
}

impl<R> fmt::Debug for AlbAuthLayer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.authenticator.current();
        f.debug_struct("AlbAuthLayer")
            .field("config", config.config())
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
