//! Another auth backend, or a whole Backstage backend, behind this one.

mod builder;
mod headers;
mod refusal;

use std::{
    convert::Infallible,
    fmt,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    body::Body,
    extract::{ConnectInfo, OriginalUri},
};
use bytes::Bytes;
use http::{
    Method, Request, Response,
    uri::{Authority, Scheme},
};
use http_body::Body as HttpBody;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::HttpConnector;
use tower_service::Service;

pub use self::builder::UpstreamBuilder;
use self::refusal::{Requested, Warnings, refuse};
use super::own_paths;
use crate::internal::proxy::{Forwarder, HopMark, at_server, named_host};

/// Another auth backend, or a whole Backstage backend, behind this one. Created by
/// [`Upstream::at`]. A service that never fails, for `Router::fallback_service`. Clones share their
/// connections.
///
/// For a platform that has GitHub, Microsoft and guest users in the stock auth backend. With an
/// `Upstream` in
/// [`router_with_fallback`](super::router_with_fallback), this service is in front and passes on everything except its own
/// routes:
///
/// ```no_run
/// use axum::Router;
/// use tower_alb_auth::backstage::{self, BackstageAuth, Upstream};
///
/// fn service(auth: BackstageAuth) -> Result<Router, tower_alb_auth::ConfigError> {
///     let upstream = Upstream::at("http://127.0.0.1:7008").build()?;
///     let auth = backstage::router_with_fallback(auth, upstream.clone());
///     Ok(Router::new().nest("/api/auth", auth).fallback_service(upstream))
/// }
/// # let _ = service;
/// ```
///
/// | what | how |
/// |---|---|
/// | path and query | as the client sent them, also below a nested router |
/// | bodies, hop-by-hop headers, WebSockets | bodies are streamed in both directions; hop-by-hop headers are removed; WebSocket is the only protocol upgrade |
/// | `Cookie`, `Set-Cookie`, `Authorization`, `Origin` | unchanged |
/// | `Host` | as the client sent it, and also as `X-Forwarded-Host`, replacing the client's value |
/// | `X-Forwarded-For` | the peer address is added, if axum knows it: serve with `into_make_service_with_connect_info::<SocketAddr>()` |
/// | `X-Forwarded-Proto`, `-Port` | as the load balancer set them; the former is `http` if it is missing |
/// | `Forwarded` | removed: load balancers do not set it, so it is the client's |
/// | `x-amzn-oidc-*`, including look-alikes with underscores | removed: see below |
/// | an upstream that does not listen, or whose response is invalid | 502 in Backstage's JSON |
/// | an upstream that closes the connection before a response | a request of a safe method without a body is sent once more; any other, and a second time: 502 |
/// | an upstream that does not accept a connection in 10 s, or does not respond in 60 s | 504 |
/// | more than 30 addresses in `X-Forwarded-For` | 502: requests loop |
/// | a request that this `Upstream` has passed on before | 502: it points at itself |
/// | the methods `CONNECT` and `TRACE` | 405 |
/// | two `Host` headers, or an invalid one | 400 |
/// | a path of this auth backend's own routes, or one that another server could interpret as such | 404: see below |
///
/// # Own paths
/// The backend behind this one may serve the same paths with fewer checks, so they are never passed
/// on, wherever the `Upstream` is mounted: neither `/api/auth/awsalb/refresh` nor a path that
/// another server may interpret as such, for example `/API/auth/AWSALB/refresh`,
/// `//api/auth/awsalb/refresh`, `/api/%61uth/awsalb/refresh` or `/x/..;/api/auth/awsalb/refresh`.
/// Below `/api/auth` all paths must be written plainly: without `%`, `\`, `;`, `//` and dot
/// segments. Other paths are passed on unchanged. If the routes of this auth backend are mounted
/// elsewhere, declare that by
/// [`mounted_at`](UpstreamBuilder::mounted_at).
///
/// # The load balancer's headers
/// They are not verified when a request is passed on, and this service has no other information
/// about users. The stock provider `awsalb` verifies them itself, but need not know which load
/// balancer may sign; if it were reachable behind this service, the less strict of the two would
/// decide. So the headers are removed, and the stock `awsalb` finds no signed-in user. Other
/// providers (OAuth, guest, IAP, Cloudflare) do not read them.
/// [`dangerously_keep_identity_headers`](UpstreamBuilder::dangerously_keep_identity_headers) is for an upstream that needs them
/// and verifies them as strictly.
#[derive(Clone)]
pub struct Upstream(Arc<Inner>);

struct Inner {
    scheme: Scheme,
    authority: Authority,
    keeps_identity_headers: bool,
    own_paths: OwnPaths,
    /// Marks the requests that it has passed on.
    hop: HopMark,
    forwarder: Forwarder<HttpsConnector<HttpConnector>>,
    warnings: Warnings,
}

/// Marks a request of the router itself, for a document that it publishes together with its own. No client can set it.
#[derive(Clone, Copy)]
pub(super) struct OwnQuestion;

/// The paths that are never passed on.
enum OwnPaths {
    /// Those of the routes that are mounted at `/api/auth` and at these paths.
    MountedAt(Vec<String>),
    Waived,
}

impl OwnPaths {
    fn may_pass(&self, path: &str) -> bool {
        match self {
            Self::MountedAt(mounts) => {
                own_paths::may_pass(path, [own_paths::USUAL_MOUNT].into_iter().chain(mounts.iter().map(String::as_str)))
            }
            Self::Waived => true,
        }
    }
}

impl Upstream {
    /// The upstream's response, or an error response.
    async fn pass_on<B>(self, mut request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        // A nested router has removed its prefix.
        if let Some(OriginalUri(whole)) = request.extensions_mut().remove::<OriginalUri>() {
            *request.uri_mut() = whole;
        }
        let requested = Requested::of(&request);
        if matches!(*request.method(), Method::CONNECT | Method::TRACE) {
            return refuse(405, &requested, "does not get requests with this method", &self, &self.0.warnings);
        }
        if named_host(&request).is_err() {
            return refuse(
                400,
                &requested,
                "does not get requests with two Host headers or an invalid one",
                &self,
                &self.0.warnings,
            );
        }
        let own_question = request.extensions_mut().remove::<OwnQuestion>().is_some();
        if !own_question && !self.0.own_paths.may_pass(request.uri().path()) {
            let own =
                "does not get requests for a path that is, or could be interpreted as, one of this auth backend's own";
            return refuse(404, &requested, own, &self, &self.0.warnings);
        }
        if !self.0.hop.mark(request.headers_mut()) {
            let circle = "would get a request that it got before: check whether its URL leads back to this service";
            return refuse(502, &requested, circle, &self, &self.0.warnings);
        }
        let client = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip());
        if !headers::toward_upstream(&mut request, client, self.0.keeps_identity_headers) {
            let circle = "would get a request that passed more than 30 proxies: check for a loop";
            return refuse(502, &requested, circle, &self, &self.0.warnings);
        }
        let Some(address) = at_server(self.0.scheme.clone(), &self.0.authority, request.uri()) else {
            return refuse(400, &requested, "cannot get this request: its path is invalid", &self, &self.0.warnings);
        };
        match self.0.forwarder.forward(address, request).await {
            Ok(response) => response,
            Err(failure) => refuse(failure.status(), &requested, &failure.to_string(), &self, &self.0.warnings),
        }
    }
}

impl<B> Service<Request<B>> for Upstream
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let upstream = self.clone();
        Box::pin(async move { Ok(upstream.pass_on(request).await) })
    }
}

impl fmt::Display for Upstream {
    /// Its URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.0.scheme, self.0.authority)
    }
}

impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Upstream").field(&self.to_string()).finish()
    }
}
