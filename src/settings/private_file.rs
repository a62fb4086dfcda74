//! Files with private keys: who may read them.

use std::path::Path;

/// Read and write for those who are neither the owner nor of its group.
#[cfg(unix)]
const OTHERS: u32 = 0o006;

/// Logs a warning if every user of the machine can read or change the file. Group permissions are not looked at: Kubernetes
/// gives a container its secrets by them.
#[cfg(unix)]
pub(crate) fn warn_if_open(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    // A file that cannot be looked at is reported where it is read.
    let Ok(metadata) = std::fs::metadata(path) else { return };
    let mode = metadata.permissions().mode() & 0o777;
    if mode & OTHERS != 0 {
        tracing::warn!(
            target: "tower_alb_auth",
            "the private key file {} is open to every user of this machine (mode {mode:04o}): set it to 0600 or 0640; in \
             Kubernetes by defaultMode of the volume",
            path.display()
        );
    }
}

/// Elsewhere permissions are not modes.
#[cfg(not(unix))]
pub(crate) fn warn_if_open(_: &Path) {}
