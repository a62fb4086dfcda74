//! The audit file of a program: SIGHUP opens it again after a rotation, and the last events are written at the end.

use std::{io, time::Duration};

use tower_alb_auth::AuditTrail;

/// Time for the last audit events at the end.
const AUDIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Waits until the last events are written.
pub fn flush(trail: Option<&AuditTrail>) {
    if let Some(trail) = trail.filter(|trail| !trail.flush(AUDIT_TIMEOUT)) {
        tracing::warn!(target: "tower_alb_auth", "{trail:?}: not all events were written within {AUDIT_TIMEOUT:?}");
    }
}

/// SIGHUP, which ends the process unless this listens.
#[cfg(unix)]
pub struct Hangups(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Hangups {
    pub fn listen() -> io::Result<Self> {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).map(Self)
    }

    /// Opens the file again at each of them, the first of which may be in the past. Ends with the runtime.
    pub fn reopen(mut self, trail: &AuditTrail) {
        let trail = trail.clone();
        tokio::spawn(async move {
            while self.0.recv().await.is_some() {
                trail.reopen();
            }
        });
    }
}

/// Other systems have no such signal.
#[cfg(not(unix))]
pub struct Hangups;

#[cfg(not(unix))]
impl Hangups {
    pub fn listen() -> io::Result<Self> {
        Ok(Self)
    }

    pub fn reopen(self, _: &AuditTrail) {}
}
