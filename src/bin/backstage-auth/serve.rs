//! Listening, and ending without losing a request.

use std::{future::IntoFuture, io, net::SocketAddr, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, sync::watch};

use crate::health::Health;

/// Requests that are under way have this long to end: less than the 30 s after which Kubernetes and ECS kill.
const PATIENCE: Duration = Duration::from_secs(20);

/// Serves until the process is told to end, for so long after that, and then until requests under way are answered.
pub async fn until_told_to_end(
    listener: TcpListener,
    service: Router,
    health: Health,
    delay: Duration,
) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    let (ending, mut told) = watch::channel(false);
    let service = service.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).with_graceful_shutdown(async move {
        // Also where whoever could say it is gone.
        let _ = told.wait_for(|told| *told).await;
    });
    let mut served = std::pin::pin!(served.into_future());
    tokio::select! {
        ended = &mut served => return ended,
        name = signals.next() => tracing::info!("{name}: about to end"),
    }
    health.end();
    tokio::select! {
        ended = &mut served => return ended,
        () = tokio::time::sleep(delay) => {}
        name = signals.next() => tracing::info!("{name} again: not a moment more"),
    }
    tracing::info!("no more connections are taken, requests under way are answered");
    ending.send_replace(true);
    tokio::select! {
        ended = &mut served => ended,
        () = tokio::time::sleep(PATIENCE) => {
            tracing::warn!("requests that are not answered after {PATIENCE:?} are given up");
            Ok(())
        }
        name = signals.next() => {
            tracing::warn!("{name} again: requests under way are given up");
            Ok(())
        }
    }
}

/// What asks the process to end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// Elsewhere there is Ctrl-C alone.
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            // It cannot be heard: then nothing comes.
            Err(_) => std::future::pending().await,
        }
    }
}
