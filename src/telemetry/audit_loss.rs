//! Why an audit event is not written.

/// The label `reason` of `alb_auth_audit_events_lost_total`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AuditLoss {
    /// Over the maximum of its kind.
    Limit,
    /// The queue in front of the file is full.
    Queue,
    /// The file cannot be written.
    File,
}
