//! Connections, with their limits and a graceful end.
//!
//! | what | limit |
//! |---|---|
//! | all headers of a request | 64 KiB, as at a load balancer: 431 |
//! | the headers of a request, from their first byte | `--header-timeout` |
//! | a connection without a request | `--idle-timeout`: longer than the load balancer's, which otherwise responds 502 now and then |
//! | connections | `--max-connections`: further ones wait in the system's queue, which is a warning |
//!
//! `axum::serve` has none of them.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::ConnectInfo, http::Request};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::Instant,
};
use tower_service::Service as _;

use crate::activity::{Activity, Tracked};

/// What is read from a client or written to it, and waits. The default of hyper is about 400 KiB.
const MAX_BUFFER: usize = 64 * 1024;
/// How often HTTP/2 clients have to show that they are still there.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const SAME_WARNING: Duration = Duration::from_secs(60);
/// File descriptors may be used up, for example: that passes, but not at once.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The limits that the arguments set.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub header_timeout: Duration,
    pub idle_timeout: Duration,
    pub max_connections: usize,
}

/// Serves until `stopped` is true, and then until requests in progress have their responses.
pub async fn serve(listener: TcpListener, service: Router, limits: Limits, mut stopped: watch::Receiver<bool>) {
    let (connections, mut tasks) = (GracefulShutdown::new(), JoinSet::new());
    let mut room = Room::new(limits.max_connections);
    loop {
        let accepted = tokio::select! {
            accepted = async { (room.place().await, listener.accept().await) } => accepted,
            // Also if the sender is gone.
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        let (place, Ok((stream, client))) = accepted else {
            tokio::time::sleep(AFTER_FAILURE).await;
            continue;
        };
        let _ = stream.set_nodelay(true);
        tasks.spawn(connection(stream, client, place, service.clone(), limits, connections.watcher()));
        while tasks.try_join_next().is_some() {}
    }
    drop(listener);
    connections.shutdown().await;
}

async fn connection(
    stream: TcpStream,
    client: SocketAddr,
    place: Option<OwnedSemaphorePermit>,
    router: Router,
    limits: Limits,
    watcher: Watcher,
) {
    let activity = Arc::new(Activity::new());
    let of_requests = Arc::clone(&activity);
    let service = service_fn(move |request: Request<Incoming>| {
        let (mut router, in_progress) = (router.clone(), of_requests.request(request.version()));
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(client));
        async move {
            // A router is always ready.
            let response = router.call(request).await?;
            Ok::<_, Infallible>(response.map(|body| in_progress.until_the_end_of(body)))
        }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .max_buf_size(MAX_BUFFER)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(PING_INTERVAL))
        .max_header_list_size(u32::try_from(MAX_BUFFER).unwrap_or(u32::MAX));
    let io = TokioIo::new(Tracked::new(stream, place, Arc::clone(&activity)));
    let connection = watcher.watch(builder.serve_connection_with_upgrades(io, service).into_owned());
    tokio::select! {
        ended = connection => {
            if let Err(error) = ended {
                tracing::debug!("a connection ended: {error}");
            }
        }
        () = activity.expires(limits.header_timeout, limits.idle_timeout) => {}
    }
}

/// Places for connections.
struct Room {
    places: Arc<Semaphore>,
    max: usize,
    warned: Option<Instant>,
}

impl Room {
    fn new(max: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(max)), max, warned: None }
    }

    /// Waits for a place. `None` is never returned while the room exists.
    async fn place(&mut self) -> Option<OwnedSemaphorePermit> {
        if self.places.available_permits() == 0 && self.warned.is_none_or(|at| at.elapsed() >= SAME_WARNING) {
            self.warned = Some(Instant::now());
            tracing::warn!(
                "{} connections are open, which is --max-connections: further ones wait; raise it, with the limit of open files, if \
                 the load balancer needs more",
                self.max
            );
        }
        Arc::clone(&self.places).acquire_owned().await.ok()
    }
}
