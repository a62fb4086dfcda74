//! A reverse proxy: forwards requests to another server and returns its responses.
//!
//! | aspect | behaviour |
//! |---|---|
//! | bodies | streamed both ways without buffering, with their trailers |
//! | connections | HTTP/1.1 or, where the caller asks for it, HTTP/2; pooled |
//! | a connection that the server closes without a response | a request that was not sent yet is sent again; with [`Forwarder::resending_safe`] also, once, a request of a safe method without a body (RFC 9110 section 9.2.2), over a new connection or a pooled one; a second such failure is a 502 |
//! | HTTP/2: a stream refused with `REFUSED_STREAM`, or by `GOAWAY` of a server that shuts down | the same |
//! | hop-by-hop headers | removed, including those that `Connection` names, but never those of a load balancer |
//! | `Host` | the host that the client named |
//! | WebSockets | bytes are copied both ways until one end closes, the caller ends it, or [`Forwarder::abort_upgraded`] is called |
//! | other upgrades | not forwarded |
//! | trailers of a request | pass the caller's filter, since some servers treat them as headers |
//! | failures | [`Failure`]: 502, or 504 for a timeout |
//!
//! The caller decides which headers are added and how a failure is reported to the client.

mod failure;
#[cfg(any(feature = "emulator", feature = "backstage"))]
mod forwarded_for;
#[cfg(any(feature = "emulator", feature = "proxy"))]
mod header_sizes;
mod headers;
#[cfg(any(feature = "backstage", feature = "proxy"))]
mod hop;
#[cfg(any(feature = "backstage", feature = "proxy"))]
mod host;
mod upgrade;

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
#[cfg(feature = "proxy")]
use http::header;
use http::{
    HeaderMap, Request, Response, StatusCode, Uri, Version,
    uri::{Authority, Scheme},
};
use http_body::Body as HttpBody;
use http_body_util::BodyExt;
use hyper::body::{Frame, Incoming};
use hyper_util::client::legacy::{
    Client, Error as ClientError, ResponseFuture as ClientFuture,
    connect::{Connect, HttpConnector},
};
#[cfg(feature = "proxy")]
use hyper_util::rt::TokioTimer;
use tokio::sync::watch;

#[cfg(any(feature = "emulator", feature = "backstage"))]
pub(crate) use self::forwarded_for::add_forwarded_for;
#[cfg(any(feature = "emulator", feature = "proxy"))]
pub(crate) use self::header_sizes::HeaderSizes;
#[cfg(feature = "proxy")]
pub(crate) use self::headers::end_hop_of_client;
pub(crate) use self::{failure::Failure, headers::set};
#[cfg(any(feature = "backstage", feature = "proxy"))]
pub(crate) use self::{
    hop::{HopMark, copy_marks},
    host::named_host,
};
use super::http_client;

/// Time for a server to accept a connection.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection to a server is kept without a request.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for a server to begin its response: the default idle timeout of a load balancer.
pub(crate) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);

/// Maximum size of what is read from a server or written to it, and waits for a slower peer, for each connection. A response
/// with longer headers is invalid. The default of hyper is about 400 KiB, in both directions.
const MAX_BUFFER: usize = 64 * 1024;

/// Removes headers from the trailers of a request.
pub(crate) type TrailerFilter = fn(&mut HeaderMap);

/// Forwards requests over the connections of a connector.
pub(crate) struct Forwarder<C> {
    client: Client<C, Body>,
    /// For servers that speak HTTP/2. WebSockets still use `client`.
    #[cfg(feature = "proxy")]
    http2: Option<Client<C, Body>>,
    response_timeout: Duration,
    filter_trailers: TrailerFilter,
    resends_safe: bool,
    /// Becomes true when upgraded connections are to be closed.
    abort: watch::Sender<bool>,
}

impl<C: Connect + Clone + Send + Sync + 'static> Forwarder<C> {
    pub(crate) fn new(connector: C, response_timeout: Duration, filter_trailers: TrailerFilter) -> Self {
        Self {
            client: http_client::pool(usize::MAX, IDLE_TIMEOUT).http1_max_buf_size(MAX_BUFFER).build(connector),
            #[cfg(feature = "proxy")]
            http2: None,
            response_timeout,
            filter_trailers,
            resends_safe: false,
            abort: watch::Sender::new(false),
        }
    }

    /// Sends a request of a safe method without a body once more if the server closes the connection before a response, or refuses the
    /// request over HTTP/2. Both attempts share the response timeout. A WebSocket handshake is sent once.
    #[cfg(any(feature = "backstage", feature = "proxy"))]
    pub(crate) fn resending_safe(mut self) -> Self {
        self.resends_safe = true;
        self
    }

    /// Sends requests over HTTP/2 by this connector, without a preceding negotiation on plain http
    /// (h2c with prior knowledge). WebSockets stay on HTTP/1.1.
    #[cfg(feature = "proxy")]
    pub(crate) fn over_http2(mut self, connector: C) -> Self {
        let client = http_client::pool(usize::MAX, IDLE_TIMEOUT)
            .http2_only(true)
            .timer(TokioTimer::new())
            .http2_keep_alive_interval(Some(Duration::from_secs(30)))
            .build(connector);
        self.http2 = Some(client);
        self
    }

    /// Closes connections that have become WebSockets, which otherwise stay open for as long as
    /// both ends want.
    #[cfg(any(feature = "emulator", feature = "proxy"))]
    pub(crate) fn abort_upgraded(&self) {
        self.abort.send_replace(true);
    }

    /// Sends the request to this address and returns the response.
    pub(crate) async fn forward<B>(&self, address: Uri, request: Request<B>) -> Result<Response<Body>, Failure>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<axum::BoxError>,
    {
        self.forward_until(std::future::pending(), address, request).await
    }

    /// As [`forward`](Self::forward). If the connection becomes a WebSocket, then it is closed when `end` completes.
    pub(crate) async fn forward_until<B>(
        &self,
        end: impl Future<Output = ()> + Send + 'static,
        address: Uri,
        mut request: Request<B>,
    ) -> Result<Response<Body>, Failure>
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
        let exchange = self.exchange(request, upgrade.is_some());
        let mut response = match tokio::time::timeout(self.response_timeout, exchange).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(Failure::of(&error)),
            Err(_) => return Err(Failure::NoResponse(self.response_timeout)),
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let upgrade = upgrade.ok_or(Failure::UnexpectedSwitch)?;
            return Ok(upgrade.splice(response, self.abort.subscribe(), end));
        }
        headers::toward_client(response.headers_mut());
        Ok(response.map(Body::new))
    }
}

impl<C: Connect + Clone + Send + Sync + 'static> Forwarder<C> {
    async fn exchange(&self, request: Request<Body>, is_upgrade: bool) -> Result<Response<Incoming>, ClientError> {
        let copy = if self.resends_safe && !is_upgrade { copy_of_safe(&request) } else { None };
        match (self.send(request, is_upgrade).await, copy) {
            (Err(error), Some(copy)) if failure::gave_no_response(&error) => self.send(copy, is_upgrade).await,
            (sent, _) => sent,
        }
    }

    #[cfg(feature = "proxy")]
    fn send(&self, mut request: Request<Body>, is_upgrade: bool) -> ClientFuture {
        match &self.http2 {
            Some(client) if !is_upgrade => {
                // The authority is that of the server. Servers reject a `Host` that differs from it.
                request.headers_mut().remove(header::HOST);
                *request.version_mut() = Version::HTTP_2;
                client.request(request)
            }
            _ => self.client.request(request),
        }
    }

    #[cfg(not(feature = "proxy"))]
    fn send(&self, request: Request<Body>, _: bool) -> ClientFuture {
        self.client.request(request)
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

/// The same request, if it may be sent twice. Without the extensions, which are not sent.
///
/// The client takes the first request, so the copy is made before. Of 23 headers it costs 10,000 instructions, 17 allocations and 2.9 KB
/// at most (callgrind; a header name that is not a standard one has an allocation).
fn copy_of_safe(request: &Request<Body>) -> Option<Request<Body>> {
    if !request.method().is_safe() || !request.body().is_end_stream() {
        return None;
    }
    let mut copy = Request::new(Body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.version_mut() = request.version();
    *copy.headers_mut() = request.headers().clone();
    Some(copy)
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
