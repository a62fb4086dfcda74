//! Limits for log lines that many requests can cause.
//!
//! | type | role |
//! |---|---|
//! | [`LogLimit`] | counts lines in a time window; its owner has a lock and a clock |
//! | [`OncePerMinute`] | a line that is useful once a minute; clones share one count |
//!
//! [`Warnings`](super::Warnings) holds one [`LogLimit`] for each kind of refusal.

use std::time::{Duration, Instant};

use crate::sync::{Arc, Mutex};

/// The number of lines that [`LogLimit::allows`] permits in a time window.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LogRate {
    pub(crate) max_lines: u32,
    pub(crate) window: Duration,
}

/// Counts lines in a time window. The first line opens a window; the first line after its end opens
/// the next one.
#[derive(Debug, Default)]
pub(crate) struct LogLimit {
    window_start: Option<Instant>,
    lines: u32,
}

impl LogLimit {
    /// Counts one line and returns whether it is within the rate.
    pub(crate) fn allows(&mut self, rate: LogRate, now: Instant) -> bool {
        if self.window_start.is_none_or(|start| now.saturating_duration_since(start) >= rate.window) {
            (self.window_start, self.lines) = (Some(now), 0);
        }
        self.lines = self.lines.saturating_add(1);
        self.lines <= rate.max_lines
    }
}

/// The rate of [`OncePerMinute`].
const ONCE_PER_MINUTE: LogRate = LogRate { max_lines: 1, window: Duration::from_secs(60) };

/// Allows one line a minute, no matter how many requests cause it. Clones share one count.
#[derive(Debug, Clone, Default)]
pub(crate) struct OncePerMinute(Arc<Mutex<LogLimit>>);

impl OncePerMinute {
    /// Whether the line may be logged now. If so, it counts as logged.
    pub(crate) fn is_due(&self) -> bool {
        self.is_due_at(Instant::now())
    }

    fn is_due_at(&self, now: Instant) -> bool {
        self.0.lock().allows(ONCE_PER_MINUTE, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_89_a_line_is_due_once_a_minute() {
        let (limit, start) = (OncePerMinute::default(), Instant::now());
        let due = |seconds| limit.clone().is_due_at(start + Duration::from_secs(seconds));
        assert_eq!([0, 0, 1, 59, 60, 61, 119, 120].map(due), [true, false, false, false, true, false, false, true]);
    }
}
