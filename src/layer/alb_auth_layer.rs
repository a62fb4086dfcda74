//! The layer and its settings.

use std::{fmt, sync::Arc};

use http::Method;
use tower_layer::Layer;

use super::{
    AlbAuth, AlbAuthHandle, RefuseWith, RefusedRequest, StandardRefusal, WithRefusalBody, refusal::RefusalForm,
    settings::LayerSettings,
};
use crate::{authenticator::Authenticator, config::AlbAuthConfig, error::AuthError, telemetry};

/// Verifies what the load balancer says about the signed-in user, and hands the inner service a
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
///     let user = request.extensions().get::<BackstageIdentity>().expect("the layer lets nobody else in");
///     Ok::<_, Infallible>(Response::new(user.user_entity_ref().to_string()))
/// });
/// let service = AlbAuthLayer::new(config).layer(handler);
///
/// let answer = service.oneshot(Request::new(String::new())).await?;
/// assert_eq!(answer.status(), 401);
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
    /// A layer that lets signed-in users in and nobody else. No I/O, no task: keys are fetched when the first token names
    /// one. Logs one line that says what is trusted, and one at the first use that says what its switches do.
    pub fn new(config: AlbAuthConfig) -> Self {
        telemetry::started(&config);
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

    /// Gives every refusal its HTTP status, also those of gRPC calls, which otherwise get 200 with `grpc-status`. They keep
    /// `grpc-status` and `grpc-message` beside it, which clients of gRPC read too.
    ///
    /// For a layer that answers a gateway's question whether a request may pass (nginx's `auth_request`, Traefik's
    /// `forwardAuth`, Envoy's `ext_authz` over HTTP): the gateway lets a request in on 2xx, and sends the client's headers along.
    /// Over HTTP/1.1 every refusal has its HTTP status anyway, and over HTTP/2 every refusal of a request that says it is empty
    /// (`content-length: 0`), as the questions of Envoy and Traefik do; this makes it independent of both.
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
    /// Lets requests without `x-amzn-oidc-data` through, without an identity. A bad token is refused all the same.
    ///
    /// For applications with public pages. Where a part of them needs a user, its handlers take a `BackstageIdentity`, or
    /// check the extensions.
    #[must_use]
    pub fn optional(mut self) -> Self {
        LayerSettings::edit(&mut self.settings).optional = true;
        self
    }

    /// Lets GET and HEAD requests with exactly this path through, without an identity: for the load balancer's health check,
    /// which comes without headers. Requests with other methods need a user as on any path, unless
    /// [`exempt_path_for_methods`](Self::exempt_path_for_methods) exempts them.
    ///
    /// Compared byte for byte with the path as the layer sees it: `/healthz` exempts neither `/healthz/` nor `//healthz` nor
    /// `/health%7A`. The query does not count. Inside axum's
    /// `Router::nest` the layer sees the path without the prefix. A token on such a request is taken off unread.
    ///
    /// A path that does not begin with `/`, or has a pattern or query, exempts nothing and is logged as a warning.
    #[must_use]
    pub fn exempt_path(self, path: impl Into<String>) -> Self {
        self.exempt_path_for_methods(path, [Method::GET, Method::HEAD])
    }

    /// As [`exempt_path`](Self::exempt_path), for these methods and no others.
    ///
    /// For a health check of another method, such as gRPC's: `exempt_path_for_methods("/grpc.health.v1.Health/Check",
    /// [Method::POST])`. What such a request changes is changed without a user.
    #[must_use]
    pub fn exempt_path_for_methods(
        mut self,
        path: impl Into<String>,
        methods: impl IntoIterator<Item = Method>,
    ) -> Self {
        LayerSettings::edit(&mut self.settings).exempt(path.into(), methods.into_iter().collect());
        self
    }

    /// Leaves the three headers of the load balancer on the request of a signed-in user, for a handler that hands them on
    /// itself. Look-alikes are taken off still, so is an `x-amzn-oidc-identity` that is not the signed subject, and all of
    /// them from requests without a user. The three are marked as sensitive, so that their `Debug` form does not show them.
    #[must_use]
    pub fn keep_headers(mut self) -> Self {
        LayerSettings::edit(&mut self.settings).keep_headers = true;
        self
    }

    /// Puts the provider's access token into the extensions of a signed-in user's request, as
    /// [`AlbAccessToken`](super::AlbAccessToken).
    #[must_use]
    pub fn expose_access_token(mut self) -> Self {
        LayerSettings::edit(&mut self.settings).expose_access_token = true;
        self
    }

    /// Leaves answers without `Cache-Control` as they are.
    ///
    /// Otherwise they get `private`: the session is a cookie, so nothing else keeps a shared cache (a CDN) from storing one
    /// user's answer and giving it to another (RFC 9111 section 3.5 protects only requests with `Authorization`). Right where
    /// there is no shared cache in front, or every handler sets the header.
    #[must_use]
    pub fn leave_cache_control(mut self) -> Self {
        LayerSettings::edit(&mut self.settings).leave_cache_control = true;
        self
    }

    /// Makes refusals by a closure: for response bodies that this crate does not know, or another form.
    ///
    /// The closure gets the error and sees of the request its method, address, protocol version and headers. The layer adds the
    /// error to the response's extensions, and `Cache-Control: no-store` where the closure set none. A status of 2xx lets a
    /// stranger in where a gateway asks this layer whether a request may pass.
    ///
    /// Extractors, [`RequireLayer`](super::RequireLayer)s and other refusals behind the layer use it too, if their bodies are of its
    /// type.
    #[must_use]
    pub fn refuse_with<F, B>(mut self, refuse: F) -> AlbAuthLayer<RefuseWith<F>>
    where
        F: Fn(&AuthError, &RefusedRequest<'_>) -> http::Response<B> + Clone + Send + Sync + 'static,
        B: 'static,
    {
        LayerSettings::edit(&mut self.settings).form = Some(RefusalForm::own(refuse.clone()).carried());
        LayerSettings::edit(&mut self.settings).own_refusals = true;
        AlbAuthLayer { authenticator: self.authenticator, settings: self.settings, refusal: RefuseWith::new(refuse) }
    }

    /// Gives the service's responses a body of their own type, [`RefusalBody`](super::RefusalBody): the body of the inner
    /// service, or the text of a refusal.
    ///
    /// Without it the body's type stays what it is inside, and a refusal needs a body of that type. Some bodies cannot be
    /// made, such as that of tower-http's `TraceLayer`, which has no `Default`. Call this method if the layer stands directly
    /// or indirectly outside of such a layer:
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
    /// It allocates nothing. It is not the default because axum puts bodies of a foreign type into a box, one per response,
    /// and its own body into none; outside of `TraceLayer` axum makes that box anyway.
    ///
    /// Call it after [`refuse_with_backstage_json`](AlbAuthLayer::refuse_with_backstage_json),
    /// [`refuse_by_http_status`](AlbAuthLayer::refuse_by_http_status) and [`refuse_with`](Self::refuse_with). The closure of
    /// the latter then returns a `Response<Full<Bytes>>`.
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
