//! HTTP clients: HTTP/1.1, over TLS or plain, without redirects and without a proxy from the
//! environment.

use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Builder, Client,
        connect::{Connect, HttpConnector},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::ClientConfig;

/// A TCP connector with this timeout, for https and for plain http.
pub(crate) fn tcp(connect_timeout: Duration) -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_connect_timeout(Some(connect_timeout));
    tcp
}

/// Adds TLS for addresses on https. The caller decides which addresses may be plain http.
pub(crate) fn https_or_http<T>(tls: ClientConfig, tcp: T) -> HttpsConnector<T> {
    HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp)
}

/// A client without idle connections, because a kept one ends with the runtime that drives it.
pub(crate) fn client<C, B>(connector: C) -> Client<C, B>
where
    C: Connect + Clone,
    B: Body<Data = Bytes> + Send,
    B::Data: Send,
{
    Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector)
}

/// A client that keeps up to this number of idle connections for up to this time. The caller uses it
/// on one runtime only.
pub(crate) fn pooled<C, B>(connector: C, max_idle: usize, idle_timeout: Duration) -> Client<C, B>
where
    C: Connect + Clone,
    B: Body<Data = Bytes> + Send,
    B::Data: Send,
{
    pool(max_idle, idle_timeout).build(connector)
}

/// The builder of a [`pooled`] client, for further settings.
pub(crate) fn pool(max_idle: usize, idle_timeout: Duration) -> Builder {
    let mut builder = Client::builder(TokioExecutor::new());
    builder.pool_max_idle_per_host(max_idle).pool_idle_timeout(idle_timeout).pool_timer(TokioTimer::new());
    builder
}
