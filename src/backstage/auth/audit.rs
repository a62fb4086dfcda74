//! The audit trail: sessions that are issued and refused, and sign-outs. Target `tower_alb_auth::audit`, level INFO.
//!
//! | `event` | fields | limit |
//! |---|---|---|
//! | `session_issued` | `provider`, `user`, `expires_at` | one for each session |
//! | `session_refused` | `provider`, `kind`, `status`, `user` if it is known, `left_out` | 10 in 10 s |
//! | `signed_out` | `provider`, `user` if the request has one, `left_out` | 10 in 10 s |
//!
//! `left_out` is the number of events of that kind since the previous line that have no line. No line has a token, an
//! email or a claim.

use std::time::{Duration, Instant, SystemTime};

use crate::{AuthError, EntityRef, internal::Mutex};

/// Maximum number of lines of an event that clients can cause at will, per [`WINDOW`].
const MAX_LINES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(10);

pub(super) struct Audit {
    enabled: bool,
    refused: Mutex<Limit>,
    signed_out: Mutex<Limit>,
}

/// Counts lines in a window, and events without a line.
#[derive(Debug, Default)]
struct Limit {
    window_start: Option<Instant>,
    lines: u32,
    left_out: u64,
}

impl Audit {
    pub(super) fn new(enabled: bool) -> Self {
        Self { enabled, refused: Mutex::default(), signed_out: Mutex::default() }
    }

    pub(super) fn session_issued(&self, provider: &'static str, user: &EntityRef, expires_at: SystemTime) {
        if self.enabled {
            let expires_at = expires_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
            tracing::info!(
                target: "tower_alb_auth::audit",
                event = "session_issued",
                provider,
                user = user.as_str(),
                expires_at,
                "a session was issued"
            );
        }
    }

    pub(super) fn session_refused(&self, provider: &'static str, error: &AuthError, user: Option<&EntityRef>) {
        if let Some(left_out) = self.line(&self.refused) {
            tracing::info!(
                target: "tower_alb_auth::audit",
                event = "session_refused",
                provider,
                kind = error.kind().as_str(),
                status = error.status().as_u16(),
                user = user.map(EntityRef::as_str),
                left_out,
                "a session was refused"
            );
        }
    }

    /// The number of sign-outs without a line, if there may be a line for one now.
    pub(super) fn sign_out_line(&self) -> Option<u64> {
        self.line(&self.signed_out)
    }

    fn line(&self, limit: &Mutex<Limit>) -> Option<u64> {
        self.enabled.then(|| limit.lock().line_at(Instant::now())).flatten()
    }
}

pub(super) fn signed_out(user: Option<&EntityRef>, left_out: u64) {
    tracing::info!(
        target: "tower_alb_auth::audit",
        event = "signed_out",
        provider = "awsalb",
        user = user.map(EntityRef::as_str),
        left_out,
        "a user signed out"
    );
}

impl Limit {
    /// The number of events without a line, if there may be a line now.
    fn line_at(&mut self, now: Instant) -> Option<u64> {
        if self.window_start.is_none_or(|start| now.saturating_duration_since(start) >= WINDOW) {
            (self.window_start, self.lines) = (Some(now), 0);
        }
        if self.lines >= MAX_LINES {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.lines = self.lines.saturating_add(1);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_ten_lines_and_the_next_line_has_the_number_of_the_others() {
        let (mut limit, start) = (Limit::default(), Instant::now());
        let lines = |limit: &mut Limit, at, events| -> Vec<u64> {
            (0..events).filter_map(|_| limit.line_at(start + Duration::from_secs(at))).collect()
        };
        assert_eq!(lines(&mut limit, 0, 1_000), [0; 10]);
        assert_eq!(lines(&mut limit, 9, 5), [0; 0]);
        assert_eq!(lines(&mut limit, 10, 12), [[995].as_slice(), &[0; 9]].concat());
        assert_eq!(lines(&mut limit, 25, 1), [2]);
    }
}
