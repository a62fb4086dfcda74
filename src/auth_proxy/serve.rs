//! The listeners of the modes: TLS, metrics, and the end of what is in progress.
//!
//! | what | limit |
//! |---|---|
//! | connections | [`ConnectionLimits`]: `header_timeout_seconds`, `idle_timeout_seconds`, `max_header_bytes`, `max_connections` of each listener |
//! | the TLS handshake | 10 s, by the certificate that is in the files at its beginning |
//! | requests in progress at the end | 20 s, then they are aborted |

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_rustls::server::TlsStream;

use super::{
    counters::{self, ModeLabel},
    tls_files::Acceptors,
};
use crate::{
    ConnectionLimits,
    internal::server::{Plain, Transport, accept},
};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Less than the 30 s after which Kubernetes and ECS kill a process.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// Responds to the requests of a listener.
pub(super) trait Respond: Send + Sync + 'static {
    /// For the metrics.
    const MODE: ModeLabel;

    /// Ends upgraded connections, which have no end by themselves.
    fn abort(&self);

    fn respond(self: Arc<Self>, request: Request<Incoming>) -> impl Future<Output = Response<Body>> + Send;
}

/// Serves until the stop signal, and then until requests in progress are finished.
pub(super) async fn serve<R: Respond>(
    listener: TcpListener,
    tls: Option<Acceptors>,
    responder: Arc<R>,
    limits: ConnectionLimits,
    mut stop: watch::Receiver<bool>,
) {
    let of_requests = Arc::clone(&responder);
    let respond = move |request: Request<Incoming>, _| {
        let responder = Arc::clone(&of_requests);
        async move {
            let response = responder.respond(request).await;
            counters::response(R::MODE, response.status().as_u16());
            response
        }
    };
    let stopped = async move {
        // The sender may also have been dropped.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    let mode = Some(R::MODE.as_str());
    let open = match tls {
        None => accept(listener, Plain, respond, limits, mode, stopped).await,
        Some(tls) => accept(listener, tls, respond, limits, mode, stopped).await,
    };
    if tokio::time::timeout(DRAIN_TIMEOUT, open.end()).await.is_err() {
        tracing::warn!(target: "tower_alb_auth", "requests without a response after {DRAIN_TIMEOUT:?} are aborted");
    }
    responder.abort();
}

impl Transport for Acceptors {
    type Stream = TlsStream<TcpStream>;

    async fn begin(self, stream: TcpStream) -> Option<Self::Stream> {
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, self.current().accept(stream)).await {
            Ok(Ok(stream)) => Some(stream),
            Ok(Err(error)) => {
                tracing::debug!(target: "tower_alb_auth", "a TLS handshake failed: {error}");
                None
            }
            Err(_) => {
                tracing::debug!(target: "tower_alb_auth", "a TLS handshake took longer than {HANDSHAKE_TIMEOUT:?}");
                None
            }
        }
    }
}
