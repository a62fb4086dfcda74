//! Requests to the provider.

use std::{
    net::{Ipv4Addr, SocketAddr, ToSocketAddrs},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Uri, uri::Authority};
use http_body_util::{BodyExt, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::{
    Client,
    connect::{HttpConnector, dns::Name},
};
use tower_service::Service;

use super::error::{OidcError, Step};
use crate::internal::{
    http_client,
    tls::{Roots, chain},
};

/// Maximum size of a response.
const MAX_BYTES: usize = 64 * 1024;

pub(super) struct HttpClient {
    client: Client<HttpsConnector<Connector>, String>,
    timeout: Duration,
}

impl HttpClient {
    pub(super) fn new(timeout: Duration, elsewhere: Option<Elsewhere>) -> Result<Self, String> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver);
        tcp.enforce_http(false);
        let tls = Roots::default().client_config()?;
        let client = http_client::client(http_client::https_or_http(tls, Connector { tcp, elsewhere }));
        Ok(Self { client, timeout })
    }

    /// Status and body.
    pub(super) async fn send(&self, step: Step, request: Request<String>) -> Result<(u16, Bytes), OidcError> {
        self.send_up_to(step, request, MAX_BYTES).await
    }

    /// The same, with this maximum size of the body.
    pub(super) async fn send_up_to(
        &self,
        step: Step,
        request: Request<String>,
        max_bytes: usize,
    ) -> Result<(u16, Bytes), OidcError> {
        let exchange = async {
            let response = self.client.request(request).await;
            let response = response.map_err(|error| OidcError::unreachable(step, chain(&error)))?;
            let status = response.status().as_u16();
            let body = Limited::new(response.into_body(), max_bytes).collect().await;
            let body = body.map_err(|_| {
                let kib = max_bytes.div_euclid(1024);
                OidcError::invalid(step, format!("its response was incomplete or longer than {kib} KiB"))
            })?;
            Ok((status, body.to_bytes()))
        };
        match tokio::time::timeout(self.timeout, exchange).await {
            Ok(response) => response,
            Err(_) => Err(OidcError::timeout(step, format!("no response within {:?}", self.timeout))),
        }
    }
}

/// A provider that the emulator reaches at another address than browsers do.
#[derive(Debug, Clone)]
pub(in crate::emulator) struct Elsewhere {
    issuer: (String, u16),
    address: Authority,
}

impl Elsewhere {
    /// `None` if one of the two is not an address.
    pub(in crate::emulator) fn new(issuer: &str, address: &str) -> Option<Self> {
        Some(Self { issuer: server_of(&issuer.parse().ok()?)?, address: address.parse().ok()? })
    }

    /// The URI to connect to. Host and TLS name of the request stay those of the issuer.
    fn of(&self, uri: Uri) -> Uri {
        if server_of(&uri).as_ref() != Some(&self.issuer) {
            return uri;
        }
        let mut parts = uri.clone().into_parts();
        parts.authority = Some(self.address.clone());
        Uri::from_parts(parts).unwrap_or(uri)
    }
}

/// Host and port.
fn server_of(uri: &Uri) -> Option<(String, u16)> {
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    Some((uri.host()?.to_ascii_lowercase(), uri.port_u16().unwrap_or(usual)))
}

/// Connects to the host of a URI, or to the other address of the provider.
#[derive(Clone)]
struct Connector {
    tcp: HttpConnector<Resolver>,
    elsewhere: Option<Elsewhere>,
}

impl Service<Uri> for Connector {
    type Response = <HttpConnector<Resolver> as Service<Uri>>::Response;
    type Error = <HttpConnector<Resolver> as Service<Uri>>::Error;
    type Future = <HttpConnector<Resolver> as Service<Uri>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.tcp.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let uri = match &self.elsewhere {
            Some(elsewhere) => elsewhere.of(uri),
            None => uri,
        };
        self.tcp.call(uri)
    }
}

/// Names below `localhost` are this machine (RFC 6761 section 6.3), even if the system's resolver
/// does not know them. Other names are resolved by the system.
#[derive(Clone)]
struct Resolver;

type Resolving = Pin<Box<dyn Future<Output = std::io::Result<std::vec::IntoIter<SocketAddr>>> + Send>>;

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = std::io::Error;
    type Future = Resolving;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            if name == "localhost" || name.ends_with(".localhost") {
                return Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))].into_iter());
            }
            let resolved = tokio::task::spawn_blocking(move || {
                (name.as_str(), 0).to_socket_addrs().map(|addresses| addresses.collect::<Vec<_>>())
            });
            Ok(resolved.await.map_err(std::io::Error::other)??.into_iter())
        })
    }
}
