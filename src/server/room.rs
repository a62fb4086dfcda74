//! The number of connections of a listener.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::telemetry::OncePerMinute;

/// What a connection has until it is closed, also after it has become a WebSocket.
pub(super) type Place = OwnedSemaphorePermit;

/// Places for connections.
pub(super) struct Room {
    places: Arc<Semaphore>,
    max: usize,
    mode: Option<&'static str>,
    warned: OncePerMinute,
}

impl Room {
    pub(super) fn new(max: usize, mode: Option<&'static str>) -> Self {
        Self {
            places: Arc::new(Semaphore::new(max.clamp(1, Semaphore::MAX_PERMITS))),
            max,
            mode,
            warned: OncePerMinute::default(),
        }
    }

    /// Waits for a place. `None` is never returned while the room exists.
    pub(super) async fn place(&self) -> Option<Place> {
        if self.places.available_permits() == 0 && self.warned.is_due() {
            tracing::warn!(
                target: "tower_alb_auth",
                mode = self.mode,
                "{} connections are open, which is max_connections: further ones wait; raise it, with the limit of open files, if the \
                 load balancer needs more",
                self.max
            );
        }
        Arc::clone(&self.places).acquire_owned().await.ok()
    }
}
