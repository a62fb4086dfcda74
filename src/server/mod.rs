//! Connections of a listener behind a load balancer: their limits and timeouts, and a graceful end.
//!
//! | what | limit |
//! |---|---|
//! | all headers of a request | 64 KiB unless set: 431 |
//! | the headers of a request, from their first byte | [`ConnectionLimits::header_timeout`] |
//! | a connection without a request | [`ConnectionLimits::idle_timeout`] |
//! | a connection all of whose responses wait for the client | the same; 10 min at least if one is longer than 64 KiB |
//! | connections, WebSockets included | [`ConnectionLimits::max_connections`]: further ones wait in the system's queue, which is a warning |

mod activity;
mod limits;
mod room;

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo};
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
    task::JoinSet,
};
use tower_service::Service as _;

pub use self::limits::ConnectionLimits;
use self::{
    activity::{Activity, Tracked},
    room::{Place, Room},
};

/// How often HTTP/2 clients have to show that they are still there.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
/// File descriptors may be used up, for example: that passes, but not at once.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Serves a router over HTTP/1.1 and HTTP/2 with limits that `axum::serve` lacks, until `stop` is ready, and then until the requests
/// in progress have their responses. For [`listen`](crate::listen)'s listener, behind a load balancer.
///
/// Each request has the extension `ConnectInfo<SocketAddr>` of axum. If the future is dropped, all connections are closed.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// use std::{future::ready, time::Duration};
///
/// use axum::Router;
/// use tower_alb_auth::{ConnectionLimits, listen, serve};
///
/// // The load balancer's idle timeout is set to 120 s.
/// let limits = ConnectionLimits::new().idle_timeout(Duration::from_secs(150));
/// let stop = ready(()); // In a service: a signal.
/// serve(listen("127.0.0.1:0").await?, Router::new(), limits, stop).await;
/// # Ok(())
/// # }
/// ```
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: ConnectionLimits,
    stop: impl Future<Output = ()> + Send,
) {
    let respond = move |mut request: Request<Incoming>, client| {
        let mut router = router.clone();
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(client));
        async move {
            // A router is always ready.
            let Ok(response) = router.call(request.map(Body::new)).await;
            response
        }
    };
    accept(listener, Plain, respond, limits, None, stop).await.end().await;
}

/// How a connection begins.
pub(crate) trait Transport: Clone + Send + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// `None` if the connection is of no use.
    fn begin(self, stream: TcpStream) -> impl Future<Output = Option<Self::Stream>> + Send;
}

/// Without TLS.
#[derive(Clone)]
pub(crate) struct Plain;

impl Transport for Plain {
    type Stream = TcpStream;

    async fn begin(self, stream: TcpStream) -> Option<TcpStream> {
        Some(stream)
    }
}

/// Connections that are open, of a listener that is closed.
pub(crate) struct Open {
    connections: GracefulShutdown,
    tasks: JoinSet<()>,
}

impl Open {
    /// Ends each connection after the requests in progress on it. If the future is dropped, connections are closed.
    pub(crate) async fn end(self) {
        self.connections.shutdown().await;
        drop(self.tasks);
    }
}

/// Accepts connections until `stop` is ready. `respond` gets each request with the client's address; `mode` names the listener in the
/// log.
pub(crate) async fn accept<F, R>(
    listener: TcpListener,
    transport: impl Transport,
    respond: F,
    limits: ConnectionLimits,
    mode: Option<&'static str>,
    stop: impl Future<Output = ()> + Send,
) -> Open
where
    F: Fn(Request<Incoming>, SocketAddr) -> R + Clone + Send + 'static,
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let mut open = Open { connections: GracefulShutdown::new(), tasks: JoinSet::new() };
    let room = Room::new(limits.max_connections, mode);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = async { (room.place().await, listener.accept().await) } => accepted,
            () = &mut stop => return open,
        };
        let (place, Ok((stream, client))) = accepted else {
            tokio::time::sleep(AFTER_FAILURE).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        let (transport, respond, watcher) = (transport.clone(), respond.clone(), open.connections.watcher());
        open.tasks.spawn(async move {
            if let Some(stream) = transport.begin(stream).await {
                connection(stream, place, move |request| respond(request, client), limits, watcher).await;
            }
        });
        while open.tasks.try_join_next().is_some() {}
    }
}

async fn connection<R>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    place: Option<Place>,
    respond: impl Fn(Request<Incoming>) -> R + Send + 'static,
    limits: ConnectionLimits,
    watcher: Watcher,
) where
    R: Future<Output = Response<Body>> + Send + 'static,
{
    let activity = Arc::new(Activity::new());
    let of_requests = Arc::clone(&activity);
    let service = service_fn(move |request: Request<Incoming>| {
        let in_progress = of_requests.request(request.version());
        let response = respond(request);
        async move { Ok::<_, Infallible>(response.await.map(|body| in_progress.until_the_end_of(body))) }
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
