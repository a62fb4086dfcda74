//! Listeners: connections, their timeouts and limits, TLS, and a graceful end.
//!
//! | what | limit |
//! |---|---|
//! | all headers of a request | `max_header_bytes`: 431 |
//! | the headers of a request, from their first byte | `header_timeout_seconds` |
//! | a connection without a request | `idle_timeout_seconds`: longer than the load balancer's, which otherwise responds 502 now and then |
//! | a connection all of whose responses wait for the client | `idle_timeout_seconds`; 10 min at least if one is longer than 64 KiB |
//! | connections of a listener, WebSockets included | `max_connections`: further ones wait in the system's queue, which is a warning |
//! | the TLS handshake | 10 s, by the certificate that is in the files at its beginning |
//! | requests in progress at the end | 20 s, then they are aborted |

mod activity;
mod limits;
mod room;

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

pub(super) use self::limits::Limits;
use self::{
    activity::{Activity, Tracked},
    room::{Place, Room},
};
use super::{
    counters::{self, ModeLabel},
    tls_files::Acceptors,
};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Less than the 30 s after which Kubernetes and ECS kill a process.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);
/// How often HTTP/2 clients have to show that they are still there.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);

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
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) {
    let (connections, mut tasks) = (GracefulShutdown::new(), JoinSet::new());
    let room = Room::new(limits.max_connections, R::MODE.as_str());
    loop {
        let accepted = tokio::select! {
            accepted = async { (room.place().await, listener.accept().await) } => accepted,
            // The sender may also have been dropped.
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (place, Ok((stream, _))) = accepted else {
            // File descriptors may be used up, for example: that passes, but not at once.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let tls = tls.as_ref().map(Acceptors::current);
        tasks.spawn(connection(stream, place, tls, Arc::clone(&responder), limits, connections.watcher()));
        while tasks.try_join_next().is_some() {}
    }
    drop(listener);
    if tokio::time::timeout(DRAIN_TIMEOUT, connections.shutdown()).await.is_err() {
        tracing::warn!(target: "tower_alb_auth", "requests without a response after {DRAIN_TIMEOUT:?} are aborted");
    }
    responder.abort();
    tasks.shutdown().await;
}

async fn connection<R: Respond>(
    stream: TcpStream,
    place: Option<Place>,
    tls: Option<TlsAcceptor>,
    responder: Arc<R>,
    limits: Limits,
    watcher: Watcher,
) {
    match tls {
        None => serve_connection(stream, place, responder, limits, watcher).await,
        Some(tls) => match tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await {
            Ok(Ok(stream)) => serve_connection(stream, place, responder, limits, watcher).await,
            Ok(Err(error)) => tracing::debug!(target: "tower_alb_auth", "a TLS handshake failed: {error}"),
            Err(_) => {
                tracing::debug!(target: "tower_alb_auth", "a TLS handshake took longer than {HANDSHAKE_TIMEOUT:?}")
            }
        },
    }
}

async fn serve_connection<R: Respond>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    place: Option<Place>,
    responder: Arc<R>,
    limits: Limits,
    watcher: Watcher,
) {
    let activity = Arc::new(Activity::new());
    let of_requests = Arc::clone(&activity);
    let service = service_fn(move |request: Request<Incoming>| {
        let (responder, in_progress) = (Arc::clone(&responder), of_requests.request(request.version()));
        async move {
            let response = responder.respond(request).await;
            counters::response(R::MODE, response.status().as_u16());
            Ok::<_, std::convert::Infallible>(response.map(|body| in_progress.until_the_end_of(body)))
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .max_buf_size(limits.max_header_bytes)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(HTTP2_PING_INTERVAL))
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX));
    let io = TokioIo::new(Tracked::new(stream, place, Arc::clone(&activity)));
    let connection = watcher.watch(builder.serve_connection_with_upgrades(io, service).into_owned());
    tokio::select! {
        ended = connection => {
            if let Err(error) = ended {
                tracing::debug!(target: "tower_alb_auth", "a connection ended: {error}");
            }
        }
        () = activity.expires(limits) => {}
    }
}
