//! Serving, and shutdown without losing a request.

use std::{io, time::Duration};

use axum::Router;
use tokio::{net::TcpListener, sync::watch};

use tower_alb_auth::{ConnectionLimits, serve};

use crate::{health::Health, signals::Signals};

/// Time for in-flight requests at shutdown: less than the 30 s after which Kubernetes and ECS kill a process.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

/// Serves until a stop signal, for `delay` after it, and then until in-flight requests have their responses.
pub async fn until_stopped(
    listener: TcpListener,
    service: Router,
    limits: ConnectionLimits,
    health: Health,
    delay: Duration,
) -> io::Result<()> {
    let mut signals = Signals::listen()?;
    let (stop, mut stopped) = watch::channel(false);
    let stopped = async move {
        // Also if the sender is gone.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let mut served = std::pin::pin!(serve(listener, service, limits, stopped));
    tokio::select! {
        () = &mut served => return Ok(()),
        name = signals.next() => tracing::info!("{name}: about to end"),
    }
    health.end();
    tokio::select! {
        () = &mut served => return Ok(()),
        () = tokio::time::sleep(delay) => {}
        name = signals.next() => tracing::info!("{name} again: connections are closed without a further wait"),
    }
    tracing::info!("no more connections are taken, requests under way are answered");
    stop.send_replace(true);
    tokio::select! {
        () = &mut served => Ok(()),
        () = tokio::time::sleep(DRAIN_TIMEOUT) => {
            tracing::warn!("requests without a response after {DRAIN_TIMEOUT:?} are dropped");
            Ok(())
        }
        name = signals.next() => {
            tracing::warn!("{name} again: requests under way are given up");
            Ok(())
        }
    }
}
