//! Metrics without the feature `metrics`: every function does nothing.

use std::time::{Duration, Instant};

use super::audit_loss::AuditLoss;
use crate::error::AuthErrorKind;

pub(crate) fn describe() {}

pub(crate) fn decision(_: &'static str) {}

#[cfg(feature = "https")]
pub(crate) fn describe_machines() {}

#[cfg(feature = "https")]
pub(crate) fn machine_decision(_: &'static str) {}

pub(crate) fn requirement_failed(_: AuthErrorKind) {}

pub(crate) fn token_cache(_: &'static str) {}

pub(crate) fn key_fetch(_: &'static str) {}

pub(crate) fn sign_in_cache(_: &'static str) {}

pub(crate) fn oldest_key(_: impl Iterator<Item = Instant>, _: Instant) {}

pub(crate) fn sign_in(_: &'static str, _: Duration) {}

#[cfg(feature = "backstage")]
pub(crate) fn describe_sessions() {}

#[cfg(feature = "backstage")]
pub(crate) fn session_issued(_: &'static str) {}

#[cfg(feature = "backstage")]
pub(crate) fn session_refused(_: &'static str) {}

#[cfg(feature = "backstage")]
pub(crate) fn session_ended(_: &'static str) {}

pub(crate) fn describe_audit() {}

pub(crate) fn audit_events_lost(_: AuditLoss, _: u64) {}

pub(crate) struct FetchInProgress;

impl FetchInProgress {
    pub(crate) fn begin() -> Self {
        Self
    }
}
