//! The layer and its settings.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::{Method, Request};
use tower_layer::Layer;

use super::{AlbAuth, AlbAuthHandle, RefuseWith, RefusedRequest, StandardRefusal, refusal::RefusalForm};
use crate::{authenticator::Authenticator, config::AlbAuthConfig, error::AuthError, identity::Carried, telemetry};

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
#[derive(Clone)]
pub struct AlbAuthLayer<R = StandardRefusal> {
    pub(super) authenticator: Arc<Authenticator>,
    pub(super) settings: Arc<LayerSettings>,
    pub(super) refusal: R,
}

/// Mode, exemptions, and what is done to messages on their way.
#[derive(Debug, Clone, Default)]
pub(super) struct LayerSettings {
    pub(super) optional: bool,
    pub(super) exempt_paths: Vec<ExemptPath>,
    pub(super) keep_headers: bool,
    pub(super) expose_access_token: bool,
    pub(super) leave_cache_control: bool,
    /// The form of refusals, for those behind the layer; `None` for the usual one.
    pub(super) form: Option<Carried>,
    own_refusals: bool,
    logged: Logged,
}

/// Whether the switches were logged. A clone of the settings is made to change them, and has not been.
#[derive(Debug, Default)]
struct Logged(AtomicBool);

impl Clone for Logged {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl LayerSettings {
    /// Logs the switches, once however many services the layer and its clones make.
    fn log_once(&self) {
        if !self.logged.0.swap(true, Ordering::Relaxed) {
            telemetry::switches(&self.switches());
        }
    }

    /// What the switches do, as they are.
    fn switches(&self) -> Vec<String> {
        let mut switches = vec![
            if self.optional {
                "requests without x-amzn-oidc-data pass, without a user (optional)"
            } else {
                "requests need a signed-in user"
            }
            .to_owned(),
        ];
        if !self.exempt_paths.is_empty() {
            let paths: Vec<String> = self.exempt_paths.iter().map(ExemptPath::describe).collect();
            switches.push(format!("exempt paths: {}", paths.join(", ")));
        }
        for (on, switch) in [
            (self.keep_headers, "the x-amzn-oidc-* headers of signed-in users are kept (keep_headers)"),
            (self.expose_access_token, "handlers get the provider's access token (expose_access_token)"),
            (self.leave_cache_control, "responses without Cache-Control are not made private (leave_cache_control)"),
            (self.own_refusals, "refusals are made by the application (refuse_with)"),
        ] {
            if on {
                switches.push(switch.to_owned());
            }
        }
        switches
    }
}

/// A path whose requests pass unread, by these methods.
#[derive(Debug, Clone)]
pub(super) struct ExemptPath {
    path: String,
    methods: Vec<Method>,
}

impl ExemptPath {
    /// The path, with its methods where they are others than those of a page that is read.
    fn describe(&self) -> String {
        let path = crate::error::quoted(&self.path);
        if self.methods == [Method::GET, Method::HEAD] {
            return path;
        }
        let methods: Vec<&str> = self.methods.iter().map(Method::as_str).collect();
        format!("{path} ({})", methods.join(", "))
    }
}

impl LayerSettings {
    /// Compares bytes: nothing is decoded, folded or collapsed.
    pub(super) fn is_exempt<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        self.exempt_paths.iter().any(|exempt| exempt.path == path && exempt.methods.contains(request.method()))
    }
}

impl AlbAuthLayer {
    /// A layer that lets signed-in users in and nobody else. No I/O, no task: keys are fetched when the first token names
    /// one. Logs one line that says what is trusted, and one at the first use that says what its switches do.
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
        self.settings_mut().form = refusal.form().map(RefusalForm::carried);
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
        self.settings_mut().optional = true;
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
        let (path, methods) = (path.into(), methods.into_iter().collect::<Vec<_>>());
        if !path.starts_with('/') || path.contains(['?', '#', '*', '{']) {
            tracing::warn!(target: "tower_alb_auth", "exempt_path({path:?}) exempts nothing: a path begins with / and has no pattern or query");
            return self;
        }
        if methods.is_empty() {
            tracing::warn!(target: "tower_alb_auth", "exempt_path_for_methods({path:?}) exempts nothing: it names no method");
            return self;
        }
        self.settings_mut().exempt_paths.push(ExemptPath { path, methods });
        self
    }

    /// Leaves the three headers of the load balancer on the request of a signed-in user, for a handler that hands them on
    /// itself. Look-alikes are taken off still, so is an `x-amzn-oidc-identity` that is not the signed subject, and all of
    /// them from requests without a user. The three are marked as sensitive, so that their `Debug` form does not show them.
    #[must_use]
    pub fn keep_headers(mut self) -> Self {
        self.settings_mut().keep_headers = true;
        self
    }

    /// Puts the provider's access token into the extensions of a signed-in user's request, as
    /// [`AlbAccessToken`](super::AlbAccessToken).
    #[must_use]
    pub fn expose_access_token(mut self) -> Self {
        self.settings_mut().expose_access_token = true;
        self
    }

    /// Leaves answers without `Cache-Control` as they are.
    ///
    /// Otherwise they get `private`: the session is a cookie, so nothing else keeps a shared cache (a CDN) from storing one
    /// user's answer and giving it to another (RFC 9111 section 3.5 protects only requests with `Authorization`). Right where
    /// there is no shared cache in front, or every handler sets the header.
    #[must_use]
    pub fn leave_cache_control(mut self) -> Self {
        self.settings_mut().leave_cache_control = true;
        self
    }

    /// Makes refusals by a closure: for response bodies that this crate does not know, or another form.
    ///
    /// The closure gets the error and sees of the request its method, address, protocol version and headers. The layer adds the
    /// error to the response's extensions, and `Cache-Control: no-store` where the closure set none. A status of 2xx lets a
    /// stranger in where a gateway asks this layer whether a request may pass.
    ///
    /// Extractors, [`Require`](super::Require) layers and other refusals behind the layer use it too, if their bodies are of its
    /// type.
    #[must_use]
    pub fn refuse_with<F, B>(mut self, refuse: F) -> AlbAuthLayer<RefuseWith<F>>
    where
        F: Fn(&AuthError, &RefusedRequest<'_>) -> http::Response<B> + Clone + Send + Sync + 'static,
        B: 'static,
    {
        self.settings_mut().form = Some(RefusalForm::own(refuse.clone()).carried());
        self.settings_mut().own_refusals = true;
        AlbAuthLayer { authenticator: self.authenticator, settings: self.settings, refusal: RefuseWith::new(refuse) }
    }

    /// A handle on what the clones of this layer share: reload, readiness, warm-up, refresh.
    pub fn handle(&self) -> AlbAuthHandle {
        AlbAuthHandle::new(Arc::clone(&self.authenticator))
    }

    fn settings_mut(&mut self) -> &mut LayerSettings {
        let settings = Arc::make_mut(&mut self.settings);
        settings.logged = Logged::default();
        settings
    }
}

impl<S, R: Clone> Layer<S> for AlbAuthLayer<R> {
    type Service = AlbAuth<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        self.settings.log_once();
        AlbAuth::new(inner, self.clone())
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
