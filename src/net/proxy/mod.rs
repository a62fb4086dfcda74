//! On to another server, and back: what is the same for each proxy in here.
//!
//! | what | how |
//! |---|---|
//! | bodies | both ways as they come, never held; trailers too |
//! | connections | HTTP/1.1, kept; one that the server closed meanwhile is not noticed by the client where that is safe |
//! | hop-by-hop headers | taken off, those that `Connection` names too, but none of a load balancer's |
//! | the host that the client named | stays the `Host` |
//! | WebSockets, and no other protocol | bytes both ways, until one end is done or they are cut |
//! | `x-amzn-oidc-*` among the trailers of a request | taken off |
//! | what fails | [`Failure`]: 502, or 504 for one that takes too long |
//!
//! Which headers are added, and what a failure looks like to the client, is the caller's.

mod failure;
mod forwarded_for;
mod headers;
mod upgrade;

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{
    Request, Response, StatusCode, Uri, Version,
    uri::{Authority, Scheme},
};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use hyper::body::Frame;
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connect, HttpConnector},
    },
    rt::{TokioExecutor, TokioTimer},
};
use tokio::sync::watch;

pub(crate) use self::{failure::Failure, forwarded_for::add_forwarded_for, headers::set};
use crate::alb::OidcHeaders;

/// How long a server may take to accept a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long it may take to begin its answer: a load balancer's idle time-out.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Sends requests on by this connector.
pub(crate) struct Forwarder<C> {
    client: Client<C, Body>,
    answer_timeout: Duration,
    /// Says when switched connections are cut.
    cut: watch::Sender<bool>,
}

impl<C: Connect + Clone + Send + Sync + 'static> Forwarder<C> {
    pub(crate) fn new(connector: C, answer_timeout: Duration) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Self { client, answer_timeout, cut: watch::Sender::new(false) }
    }

    /// Cuts connections that have become web sockets, which have no end of their own.
    #[cfg(feature = "emulator")]
    pub(crate) fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// The answer of the server at this address.
    pub(crate) async fn forward<B>(&self, address: Uri, mut request: Request<B>) -> Result<Response<Body>, Failure>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        headers::toward_server(&mut request);
        let upgrade = upgrade::wanted(&mut request);
        *request.uri_mut() = address;
        *request.version_mut() = Version::HTTP_11;
        let exchange = self.client.request(request.map(|body| Body::new(body.map_frame(without_forged_trailers))));
        let mut response = match tokio::time::timeout(self.answer_timeout, exchange).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(Failure::of(&error)),
            Err(_) => return Err(Failure::NoAnswer(self.answer_timeout)),
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let upgrade = upgrade.ok_or(Failure::SwitchedUnasked)?;
            return Ok(upgrade.splice(response, self.cut.subscribe()));
        }
        headers::toward_client(response.headers_mut());
        Ok(response.map(Body::new))
    }
}

/// Connects over TCP, with the time-out of all of them.
pub(crate) fn tcp_connector() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_nodelay(true);
    tcp
}

/// The same path and query at another server. `None` where there is no such address.
pub(crate) fn at_server(scheme: Scheme, server: &Authority, asked: &Uri) -> Option<Uri> {
    let path = asked.path_and_query().map_or("/", |path| path.as_str());
    Uri::builder().scheme(scheme).authority(server.clone()).path_and_query(path).build().ok()
}

/// Headers after the body are headers to some servers.
fn without_forged_trailers(frame: Frame<Bytes>) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            let found = OidcHeaders::scan(&trailers).to_strip();
            found.strip_all(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}
