//! Shared by the tests of all surfaces: an application that says what it saw, and answers that are easy to compare.
#![allow(dead_code, reason = "each test binary uses a part of it")]

#[cfg(all(feature = "backstage-auth", feature = "proxy"))]
pub mod alb_auth_proxy;
pub mod audited;
#[cfg(feature = "backstage-auth")]
pub mod backstage_auth;
pub mod between;
#[cfg(feature = "https")]
pub mod https;
#[cfg(all(feature = "axum", feature = "https"))]
pub mod issuer;
#[cfg(all(feature = "axum", feature = "https"))]
pub mod key_endpoint;
pub mod port;
#[cfg(feature = "postgres")]
pub mod postgres;
pub mod process;
#[cfg(feature = "backstage")]
pub mod streaming;
pub mod traced;
pub mod wire;

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use http::{HeaderMap, Request, Response, StatusCode};
use tower::{Layer, Service, ServiceExt};
use tower_alb_auth::{
    AlbAuth, AlbAuthLayer, AuthError, AuthErrorKind, BackstageIdentity, Claims,
    layer::{Refuse, StandardRefusal},
};

/// The body of every 401.
pub const UNIFORM_401: &str = "This needs a sign-in through the load balancer.\n";

/// An application behind the layer. Its handler says who came and which `x-amzn-oidc-*` headers it saw.
#[derive(Clone)]
pub struct App<R = StandardRefusal> {
    service: AlbAuth<Handler, R>,
    calls: Arc<AtomicUsize>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
    /// The layer's error, if it refused.
    pub error: Option<AuthError>,
}

impl App {
    pub fn new(layer: AlbAuthLayer) -> Self {
        Self::with(layer)
    }
}

impl<R: Refuse<String, Body = String> + Clone> App<R> {
    pub fn with(layer: AlbAuthLayer<R>) -> Self {
        let calls = Arc::new(AtomicUsize::new(0));
        Self { service: layer.layer(Handler(Arc::clone(&calls))), calls }
    }

    pub async fn call(&self, request: impl Into<Request<String>>) -> Answer {
        let response = self.service.clone().oneshot(request.into()).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let error = parts.extensions.get::<AuthError>().cloned();
        Answer { status: parts.status, headers: parts.headers, body, error }
    }

    /// How often the handler ran.
    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Answer {
    /// Why the layer refused.
    pub fn kind(&self) -> Option<AuthErrorKind> {
        self.error.as_ref().map(AuthError::kind)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("ASCII"))
    }

    /// That this is the uniform 401, for this reason.
    #[track_caller]
    pub fn assert_401(&self, kind: AuthErrorKind) {
        assert_eq!((self.status, self.kind()), (StatusCode::UNAUTHORIZED, Some(kind)), "{self:?}");
        assert_eq!(self.body, UNIFORM_401);
        assert_eq!(self.header("cache-control"), Some("no-store"));
    }

    /// That the handler answered, and for whom: an entity ref, `claims <sub>` or `anonymous`.
    #[track_caller]
    pub fn assert_ok(&self, who: &str) {
        assert_eq!((self.status, self.body.as_str()), (StatusCode::OK, who), "{self:?}");
    }
}

/// Says who came: the entity ref, `claims <sub>` with claims alone, else `anonymous`. The header `x-seen` lists the names of
/// the headers that look like a load balancer's.
#[derive(Clone)]
pub struct Handler(Arc<AtomicUsize>);

impl Service<Request<String>> for Handler {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<String>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<String>) -> Self::Future {
        self.0.fetch_add(1, Ordering::SeqCst);
        let user = request.extensions().get::<BackstageIdentity>();
        let who = match (user, Claims::of(request.extensions())) {
            (Some(user), _) => user.user_entity_ref().to_string(),
            (None, Some(claims)) => format!("claims {}", claims.subject()),
            (None, None) => "anonymous".to_owned(),
        };
        let oidc = |name: &str| name.replace('_', "-").starts_with("x-amzn-oidc");
        let mut seen: Vec<&str> =
            request.headers().keys().map(|name| name.as_str()).filter(|name| oidc(name)).collect();
        seen.sort_unstable();
        let response = Response::builder().header("x-seen", seen.join(",")).body(who).expect("a response");
        Box::pin(std::future::ready(Ok(response)))
    }
}
