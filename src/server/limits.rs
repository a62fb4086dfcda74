//! The limits of the connections of a listener.

use std::time::Duration;

const KIB: usize = 1024;

/// Limits of the connections that [`serve`](crate::serve) accepts.
///
/// `axum::serve` has none of them: a client can keep a connection without an end, or stop in the middle of its headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    pub(crate) header_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_header_bytes: usize,
    pub(crate) max_connections: usize,
}

impl ConnectionLimits {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// How long the headers of a request may take, from their first byte. Default 30 s.
    #[must_use]
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.header_timeout = timeout;
        self
    }

    /// How long a connection may have no request. Default 75 s. It must be longer than the load balancer's idle timeout (60 s unless
    /// changed), which otherwise sends a request on a connection that is being closed, and responds 502.
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// The maximum number of connections, WebSockets included. Default 10,000. Further ones wait in the system's queue until one is
    /// closed, and the log has a warning.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            header_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            max_header_bytes: 64 * KIB,
            // A connection of a proxy takes two open files (the client's and the upstream's), so 10,000 of them fit under 65,536 open
            // files, the limit of a container at many platforms. A load balancer shares connections between clients, so this is more
            // than a target of it usually sees. It is no limit of memory: docs/PROXY.md has what a connection takes.
            max_connections: 10_000,
        }
    }
}
