//! Signals that the program handles while it runs.

use std::io;

use crate::child::StopSignal;

/// What a signal requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignalRequest {
    /// Stop: `SIGINT` (Ctrl-C), `SIGTERM`, `SIGHUP` (the terminal was closed).
    Stop(StopSignal),
    /// Rotate the signing key: `SIGUSR1`.
    Rotate,
}

/// The signals, in the order in which they arrive.
#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
    rotate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
            rotate: signal(SignalKind::user_defined1())?,
        })
    }

    pub(crate) async fn next(&mut self) -> SignalRequest {
        tokio::select! {
            _ = self.interrupt.recv() => SignalRequest::Stop(StopSignal::Interrupt),
            _ = self.terminate.recv() => SignalRequest::Stop(StopSignal::Terminate),
            _ = self.hang_up.recv() => SignalRequest::Stop(StopSignal::HangUp),
            _ = self.rotate.recv() => SignalRequest::Rotate,
        }
    }
}

/// Other platforms have Ctrl-C only.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub(crate) async fn next(&mut self) -> SignalRequest {
        match tokio::signal::ctrl_c().await {
            Ok(()) => SignalRequest::Stop(StopSignal::Interrupt),
            // No handler could be installed, so no signal will arrive.
            Err(_) => std::future::pending().await,
        }
    }
}
