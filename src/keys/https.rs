//! Keys over HTTPS, in the form in which AWS serves them.
//!
//! Each fetch opens a connection: fetches are rare, and a pooled connection ends with the runtime
//! that drives it. HTTP/1.1 only, no redirects, no decompression, no proxy from the environment,
//! three request headers.

use std::{error::Error, fmt, future::poll_fn, pin::pin, task::Poll, time::Duration};

use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::{Bytes, Incoming},
    client::conn::http1,
    rt::{Read, Write},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::{HttpConnector, proxy::Tunnel};
use tokio::time::Instant;
use tower_service::Service;

use super::{KeyFetch, KeyRequest, KeySource, KeySourceError, KeySourceErrorKind as Kind};
use crate::{
    alb::KeyEndpoint,
    limits::KeyLimits,
    net::{
        HttpUrl, http_client,
        tls::{Roots, chain, is_tls},
    },
};

/// Maximum `Retry-After` that is honoured; a longer one is reduced to this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// Maximum size in bytes of a response head.
const MAX_HEAD_BYTES: usize = 16 * 1024;

const USER_AGENT: &str = concat!("tower-alb-auth/", env!("CARGO_PKG_VERSION"));

/// Fetches keys over HTTPS, with a choice of trusted roots and an optional proxy.
///
/// The defaults are Mozilla's root certificates, which are compiled in, and no proxy. The
/// environment variable `HTTPS_PROXY` is ignored.
///
/// ```
/// use tower_alb_auth::keys::HttpsKeys;
///
/// // A private subnet whose egress proxy re-signs TLS:
/// # let pem = "";
/// let keys = HttpsKeys::new().proxy("http://egress.internal:3128").pem_roots(pem);
/// # let _ = keys;
/// ```
#[derive(Clone, Default)]
pub struct HttpsKeys {
    roots: Roots,
    proxy: Option<String>,
}

impl HttpsKeys {
    /// Mozilla's roots, no proxy.
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts the roots of the operating system instead. They are loaded when the configuration is
    /// built. `SSL_CERT_FILE` and `SSL_CERT_DIR` override their location, as for OpenSSL.
    #[must_use]
    pub fn system_roots(mut self) -> Self {
        self.roots = Roots::System;
        self
    }

    /// Trusts these roots instead: one or more PEM blocks `CERTIFICATE`.
    #[must_use]
    pub fn pem_roots(mut self, pem: impl Into<String>) -> Self {
        self.roots = Roots::Pem(pem.into());
        self
    }

    /// Fetches through this HTTP proxy by `CONNECT`: `http://host:port`. The proxy resolves the
    /// name of the key endpoint; TLS is end to end. An endpoint on plain http is on this machine
    /// or in a private network, and is requested without the proxy.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Proxy and roots for the start-up log line, if they are not the defaults.
    pub(crate) fn describe(&self) -> Option<String> {
        let proxy = self.proxy.as_ref().map(|proxy| format!("through the proxy {}", proxy.trim_end_matches('/')));
        let roots = self.roots.describe().map(|roots| format!("trusting {roots}"));
        let parts: Vec<String> = proxy.into_iter().chain(roots).collect();
        (!parts.is_empty()).then(|| format!("keys are fetched {}", parts.join(", ")))
    }

    /// Builds the source. Reads the roots; opens no connection.
    ///
    /// # Errors
    /// A message with the setting to change.
    pub(crate) fn source(&self, limits: &KeyLimits) -> Result<HttpsSource, String> {
        self.source_with(limits, &[])
    }

    /// The same; each of these endpoints is of an emulator, and its certificate is verified by its own roots alone.
    pub(crate) fn source_with(
        &self,
        limits: &KeyLimits,
        emulators: &[(KeyEndpoint, Roots)],
    ) -> Result<HttpsSource, String> {
        let (tls, roots) = self.roots.fingerprinted_client_config()?;

        let tcp = http_client::tcp(limits.connect_timeout);
        let https = || HttpsConnectorBuilder::new().with_tls_config(tls.clone()).https_only().enable_http1();
        let tunnel = |proxy| https().wrap_connector(Tunnel::new(proxy, tcp.clone()));
        let proxy = self.proxy.as_deref().map(proxy_uri).transpose()?;
        // Limits change the duration of a fetch, but not the origin of its keys.
        let mut identity = format!("roots {roots}, proxy {proxy:?}");
        let mut of_emulators = Vec::new();
        for (endpoint, roots) in emulators {
            let (tls, roots) = roots.fingerprinted_client_config()?;
            identity.push_str(&format!(", {endpoint} by {roots}"));
            let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1();
            of_emulators.push((endpoint.clone(), connector.wrap_connector(tcp.clone())));
        }
        Ok(HttpsSource {
            identity,
            of_emulators,
            proxied: proxy.map(tunnel),
            direct: http_client::https_or_http(tls.clone(), tcp.clone()),
            connect_timeout: limits.connect_timeout.min(limits.first_byte_timeout),
            first_byte_timeout: limits.first_byte_timeout,
            max_response_bytes: limits.max_response_bytes,
        })
    }
}

impl fmt::Debug for HttpsKeys {
    /// Omits the proxy: an operator may have written a password there, which must not enter a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsKeys").field("roots", &self.roots).field("proxied", &self.proxy.is_some()).finish()
    }
}

fn proxy_uri(url: &str) -> Result<Uri, String> {
    let is_plain = HttpUrl::parse_server(url).is_ok_and(|server| !server.is_https() && server.port().is_some());
    let uri = is_plain.then(|| url.parse().ok()).flatten();
    uri.ok_or_else(|| "the proxy must be written as http://host:port, without user and password".to_owned())
}

/// Fetches keys over HTTPS.
pub(crate) struct HttpsSource {
    identity: String,
    /// In a private network, so without the proxy.
    of_emulators: Vec<(KeyEndpoint, HttpsConnector<HttpConnector>)>,
    direct: HttpsConnector<HttpConnector>,
    proxied: Option<HttpsConnector<Tunnel<HttpConnector>>>,
    connect_timeout: Duration,
    first_byte_timeout: Duration,
    max_response_bytes: usize,
}

impl HttpsSource {
    /// A document of the issuer, of at most this size. The caller checks that the URL is https, or
    /// http on this machine.
    pub(crate) fn document(&self, url: &str, max_bytes: usize) -> KeyFetch {
        let limit = Limit { bytes: max_bytes, name: "the limit" };
        let route = Route { direct: self.direct.clone(), proxied: self.proxied.clone() };
        self.request(url.to_owned(), route, ["the issuer", "the issuer, through the proxy,"], limit)
    }

    fn request(
        &self,
        url: String,
        Route { mut direct, proxied }: Route,
        [peer, peer_through_proxy]: [&'static str; 2],
        max: Limit,
    ) -> KeyFetch {
        let (connect, first_byte) = (self.connect_timeout, self.first_byte_timeout);
        Box::pin(async move {
            let uri: Uri = url.parse().map_err(|_| KeySourceError::new(Kind::Other, format!("{url} is not a URL")))?;
            let is_plain_http = uri.scheme_str() == Some("http");
            let exchange = Exchange { uri: uri.clone(), began: Instant::now(), first_byte, max };
            match proxied {
                Some(mut proxied) if !is_plain_http => {
                    exchange.run(within(connect, peer_through_proxy, proxied.call(uri)).await?).await
                }
                _ => exchange.run(within(connect, peer, direct.call(uri)).await?).await,
            }
        })
    }
}

/// How a server is reached.
struct Route {
    direct: HttpsConnector<HttpConnector>,
    /// For https.
    proxied: Option<HttpsConnector<Tunnel<HttpConnector>>>,
}

/// The maximum size of a response, and its name for messages.
#[derive(Clone, Copy)]
struct Limit {
    bytes: usize,
    name: &'static str,
}

impl KeySource for HttpsSource {
    fn fetch(&self, request: KeyRequest) -> KeyFetch {
        let limit = Limit { bytes: self.max_response_bytes, name: "max_response_bytes" };
        let emulator = self.of_emulators.iter().find(|(endpoint, _)| *endpoint == request.endpoint);
        let route = match emulator {
            Some((_, connector)) => Route { direct: connector.clone(), proxied: None },
            None => Route { direct: self.direct.clone(), proxied: self.proxied.clone() },
        };
        self.request(request.url(), route, ["the key endpoint", "the key endpoint, through the proxy,"], limit)
    }

    fn identity(&self) -> Option<String> {
        Some(self.identity.clone())
    }
}

async fn within<T>(
    limit: Duration,
    peer: &str,
    connecting: impl Future<Output = Result<T, Box<dyn Error + Send + Sync>>>,
) -> Result<T, KeySourceError> {
    match tokio::time::timeout(limit, connecting).await {
        Ok(Ok(connection)) => Ok(connection),
        Ok(Err(error)) if is_tls(&*error) => {
            let message = format!("TLS to {peer} failed: {}", chain(&*error));
            Err(KeySourceError::new(Kind::Other, message).caused_by(error))
        }
        Ok(Err(error)) => {
            let message = format!("connecting to {peer} failed: {}", chain(&*error));
            Err(KeySourceError::new(Kind::Connection, message).caused_by(error))
        }
        Err(_) => Err(KeySourceError::new(
            Kind::Timeout,
            format!(
                "connecting to {peer} took longer than {limit:?}, the lower of connect_timeout and first_byte_timeout"
            ),
        )),
    }
}

/// One request and its response.
struct Exchange {
    uri: Uri,
    began: Instant,
    /// Measured from the start of the exchange, so connecting counts.
    first_byte: Duration,
    max: Limit,
}

impl Exchange {
    async fn run(&self, connection: impl Read + Write + Unpin + Send) -> Result<Vec<u8>, KeySourceError> {
        let request = self.request()?;
        let (mut sender, driver) = http1::Builder::new()
            .max_buf_size(MAX_HEAD_BYTES)
            .handshake(connection)
            .await
            .map_err(|error| self.broken(error))?;
        let exchange = async move {
            let left = self.first_byte.saturating_sub(self.began.elapsed());
            let response = tokio::time::timeout(left, sender.send_request(request)).await;
            let response = response.map_err(|_| {
                KeySourceError::new(
                    Kind::Timeout,
                    format!("{} did not begin a response within first_byte_timeout", self.uri),
                )
            })?;
            self.read(response.map_err(|error| self.broken(error))?).await
        };
        // The driver moves the bytes. It may end first, while the end of the response is still in
        // its buffer.
        let (mut exchange, mut driver, mut driver_ended) = (pin!(exchange), pin!(driver), false);
        poll_fn(|context| {
            if !driver_ended && driver.as_mut().poll(context).is_ready() {
                driver_ended = true;
            }
            match exchange.as_mut().poll(context) {
                Poll::Ready(result) => Poll::Ready(result),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, KeySourceError> {
        let host = self.uri.authority().map_or("", |authority| authority.as_str());
        Request::get(self.uri.path_and_query().map_or("/", |target| target.as_str()))
            .header(header::HOST, host)
            .header(header::ACCEPT, "*/*")
            .header(header::USER_AGENT, HeaderValue::from_static(USER_AGENT))
            .body(Empty::new())
            .map_err(|error| KeySourceError::new(Kind::Other, format!("{}: {error}", self.uri)))
    }

    async fn read(&self, response: http::Response<Incoming>) -> Result<Vec<u8>, KeySourceError> {
        let status = response.status();
        let retry_after =
            response.headers().get(header::RETRY_AFTER).and_then(seconds).map(|wait| wait.min(MAX_RETRY_AFTER));
        let mut body = response.into_body();
        let mut pem = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.broken(error))?;
            let Ok(data) = frame.into_data() else { continue };
            let Limit { bytes, name } = self.max;
            if pem.len().saturating_add(data.len()) > bytes {
                let message = format!("the response of {} is larger than {name} ({bytes})", self.uri);
                return Err(KeySourceError::new(Kind::Other, message));
            }
            pem.extend_from_slice(&data);
        }
        let message = format!("{} responded with {}", self.uri, status.as_u16());
        match status {
            StatusCode::OK => Ok(pem),
            StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Err(KeySourceError::new(Kind::NotFound, message)),
            status if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() => {
                let error = KeySourceError::new(Kind::Busy, message);
                Err(retry_after.into_iter().fold(error, KeySourceError::retry_after))
            }
            _ => Err(KeySourceError::new(Kind::Other, message)),
        }
    }

    fn broken(&self, error: hyper::Error) -> KeySourceError {
        let kind = if error.is_parse() { Kind::Other } else { Kind::Connection };
        let message = format!("the response of {} is incomplete or malformed: {}", self.uri, chain(&error));
        KeySourceError::new(kind, message).caused_by(error)
    }
}

/// `Retry-After` in seconds (RFC 9110 section 10.2.3). The form with a date is ignored; AWS does
/// not use it.
fn seconds(value: &HeaderValue) -> Option<Duration> {
    value.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}
