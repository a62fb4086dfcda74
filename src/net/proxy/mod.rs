//! A reverse proxy: forwards requests to another server and returns its responses.
//!
//! | aspect | behaviour |
//! |---|---|
//! | bodies | streamed both ways without buffering, with their trailers |
//! | connections | HTTP/1.1, pooled; a request is retried on a new connection if the server closed a pooled one and a retry is safe |
//! | hop-by-hop headers | removed, including those that `Connection` names, but never those of a load balancer |
//! | `Host` | the host that the client named |
//! | WebSockets | bytes are copied both ways until one end closes or [`Forwarder::abort_upgraded`] is called |
//! | other upgrades | not forwarded |
//! | trailers of a request | pass the caller's filter, since some servers treat them as headers |
//! | failures | [`Failure`]: 502, or 504 for a timeout |
//!
//! The caller decides which headers are added and how a failure is reported to the client.

mod failure;
mod forwarded_for;
mod headers;
mod upgrade;

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{
    HeaderMap, Request, Response, StatusCode, Uri, Version,
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

/// Time for a server to accept a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time for a server to begin its response: the default idle timeout of a load balancer.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// Removes headers from the trailers of a request.
pub(crate) type TrailerFilter = fn(&mut HeaderMap);

/// Forwards requests over the connections of a connector.
pub(crate) struct Forwarder<C> {
    client: Client<C, Body>,
    response_timeout: Duration,
    filter_trailers: TrailerFilter,
    /// Becomes true when upgraded connections are to be closed.
    abort: watch::Sender<bool>,
}

impl<C: Connect + Clone + Send + Sync + 'static> Forwarder<C> {
    pub(crate) fn new(connector: C, response_timeout: Duration, filter_trailers: TrailerFilter) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .build(connector);
        Self { client, response_timeout, filter_trailers, abort: watch::Sender::new(false) }
    }

    /// Closes connections that have become WebSockets, which otherwise stay open for as long as
    /// both ends want.
    #[cfg(feature = "emulator")]
    pub(crate) fn abort_upgraded(&self) {
        self.abort.send_replace(true);
    }

    /// Sends the request to this address and returns the response.
    pub(crate) async fn forward<B>(&self, address: Uri, mut request: Request<B>) -> Result<Response<Body>, Failure>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        headers::toward_server(&mut request);
        let upgrade = upgrade::wanted(&mut request);
        *request.uri_mut() = address;
        *request.version_mut() = Version::HTTP_11;
        let filter = self.filter_trailers;
        let request = request.map(|body| Body::new(body.map_frame(move |frame| filtered(frame, filter))));
        let exchange = self.client.request(request);
        let mut response = match tokio::time::timeout(self.response_timeout, exchange).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(Failure::of(&error)),
            Err(_) => return Err(Failure::NoResponse(self.response_timeout)),
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let upgrade = upgrade.ok_or(Failure::UnexpectedSwitch)?;
            return Ok(upgrade.splice(response, self.abort.subscribe()));
        }
        headers::toward_client(response.headers_mut());
        Ok(response.map(Body::new))
    }
}

/// A TCP connector with [`CONNECT_TIMEOUT`].
pub(crate) fn tcp_connector() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp.set_nodelay(true);
    tcp
}

/// The path and query of a request target at another server. `None` if the result is not a valid
/// address.
pub(crate) fn at_server(scheme: Scheme, server: &Authority, target: &Uri) -> Option<Uri> {
    let path = target.path_and_query().map_or("/", |path| path.as_str());
    Uri::builder().scheme(scheme).authority(server.clone()).path_and_query(path).build().ok()
}

fn filtered(frame: Frame<Bytes>, filter: TrailerFilter) -> Frame<Bytes> {
    match frame.into_trailers() {
        Ok(mut trailers) => {
            filter(&mut trailers);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
    }
}
