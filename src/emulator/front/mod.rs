//! The front accepts connections: HTTP/1.1 and HTTP/2, with or without TLS, within the limits of a
//! load balancer.
//!
//! | what | limit |
//! |---|---|
//! | all headers of a request | 64 KiB: 431 |
//! | one header line, the request line | 16 KiB: 400, 414 |
//! | the first request of a connection, and the headers of each | 30 s |
//! | the TLS handshake | 10 s |
//! | connections in progress at shutdown | 5 s, then they are aborted |

mod keys_tls;
mod tls;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

pub(super) use self::{
    keys_tls::{CA_FILE, keys_tls},
    tls::TlsFiles,
};
use super::proxy::{ClientConnection, Scheme};
use crate::{ConfigError, config::Problem, internal::KeyAt};

/// Maximum size of all headers of a request.
const MAX_HEADERS: usize = 64 * 1024;
/// Maximum size of one header line, and of the request line.
pub(super) const MAX_LINE: usize = 16 * 1024;
const HEADERS_TIMEOUT: Duration = Duration::from_secs(30);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Responds to the requests of a connection.
pub(super) trait Respond: Send + Sync + 'static {
    /// Aborts upgraded connections, which have no end by themselves and no longer belong to the
    /// front.
    fn abort(&self);

    fn respond(
        self: Arc<Self>,
        request: Request<Incoming>,
        client: ClientConnection,
    ) -> impl Future<Output = Response<Body>> + Send;
}

/// Serves until the stop signal comes, and then until connections in progress are finished.
pub(super) async fn serve<A: Respond>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    responder: Arc<A>,
    mut stop: watch::Receiver<bool>,
) {
    let port = listener.local_addr().map_or(0, |address| address.port());
    let scheme = if tls.is_some() { Scheme::Https } else { Scheme::Http };
    let (connections, mut tasks) = (GracefulShutdown::new(), JoinSet::new());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // The sender may also have been dropped.
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Ok((stream, address)) = accepted else {
            // File descriptors may be used up, for example: that passes, but not at once.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let client = ClientConnection { address, scheme, port };
        tasks.spawn(connection(stream, tls.clone(), Arc::clone(&responder), client, connections.watcher()));
        while tasks.try_join_next().is_some() {}
    }
    let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, connections.shutdown()).await;
    responder.abort();
    tasks.shutdown().await;
}

async fn connection<A: Respond>(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    responder: Arc<A>,
    client: ClientConnection,
    watcher: hyper_util::server::graceful::Watcher,
) {
    match tls {
        None => serve_connection(stream, responder, client, watcher).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
            Ok(Ok(stream)) => serve_connection(stream, responder, client, watcher).await,
            Ok(Err(error)) => tracing::debug!(target: "alb_emulator", "a TLS handshake failed: {error}"),
            Err(_) => tracing::debug!(target: "alb_emulator", "a TLS handshake took longer than {HANDSHAKE_TIMEOUT:?}"),
        },
    }
}

async fn serve_connection<A: Respond>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    responder: Arc<A>,
    client: ClientConnection,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let (requested, mut first) = watch::channel(false);
    let service = service_fn(move |request: Request<Incoming>| {
        let responder = Arc::clone(&responder);
        requested.send_if_modified(|requested| !std::mem::replace(requested, true));
        async move { Ok::<_, std::convert::Infallible>(responder.respond(request, client).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_TIMEOUT)
        .max_buf_size(MAX_HEADERS)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(HEADERS_TIMEOUT))
        .max_header_list_size(u32::try_from(MAX_HEADERS).unwrap_or(u32::MAX));
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let connection = watcher.watch(connection);
    let mut connection = std::pin::pin!(connection);
    let first_request = async move { first.wait_for(|requested| *requested).await.is_ok() };
    let ended = tokio::select! {
        ended = &mut connection => ended,
        // hyper has no timeout for the first byte before it knows the HTTP version.
        silent = tokio::time::timeout(HEADERS_TIMEOUT, first_request) => match silent {
            Ok(_) => connection.await,
            Err(_) => return,
        },
    };
    if let Err(error) = ended {
        tracing::debug!(target: "alb_emulator", "a connection ended: {error}");
    }
}

/// Opens the listener of the setting with this key.
pub(super) async fn bind(what: &str, key: &str, address: SocketAddr) -> Result<TcpListener, ConfigError> {
    crate::listen(address).await.map_err(|error| {
        let text = format!("{what} cannot listen at {address}: {error}; name another port, or 0 for a free one");
        let problem = Problem::invalid(text).for_key(KeyAt::path(key));
        ConfigError::new([problem.caused_by(error)])
    })
}
