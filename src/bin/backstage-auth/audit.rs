//! The audit trail that the arguments describe.

use tower_alb_auth::AuditTrail;

use crate::{audit_file::Hangups, cli::Serve, message, start_lines::StartLines};

/// Opens it. `None` if no argument enables it.
pub fn open(arguments: &Serve) -> Result<Option<AuditTrail>, String> {
    if !arguments.audit_log && arguments.audit_file.is_none() {
        return match arguments.audit_with_profile {
            true => {
                Err("--audit-with-profile has no effect without --audit-log or --audit-file: add one of them"
                    .to_owned())
            }
            false => Ok(None),
        };
    }
    // Before there is a file that a tool can rotate.
    let hangups = Hangups::listen().map_err(message)?;
    let mut trail = AuditTrail::builder("backstage-auth");
    if let Some(path) = &arguments.audit_file {
        trail = trail.file(path);
    }
    if arguments.audit_with_profile {
        trail = trail.with_profile();
    }
    let trail = trail.build().map_err(|error| format!("--audit-file: {error}"))?;
    hangups.reopen(&trail);
    Ok(Some(trail))
}

/// The line at the start.
pub fn describe(arguments: &Serve, lines: &mut StartLines) {
    if let Some(path) = &arguments.audit_file {
        lines.add("Audit", format!("{}, opened again at SIGHUP", path.display()));
    }
}
