//! Rotation of the audit file: SIGHUP opens it again.

use tower_alb_auth::AuditTrail;

/// Opens the file again at each SIGHUP, which would end the process otherwise. Ends with the runtime.
#[cfg(unix)]
pub fn reopen_on_hangup(trail: &AuditTrail) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let (trail, mut hangups) = (trail.clone(), signal(SignalKind::hangup())?);
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            trail.reopen();
        }
    });
    Ok(())
}

/// Other systems have no such signal.
#[cfg(not(unix))]
pub fn reopen_on_hangup(_: &AuditTrail) -> std::io::Result<()> {
    Ok(())
}
