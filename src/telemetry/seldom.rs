//! Lines for the log that many requests have reason for, and one a minute is enough.

use std::time::{Duration, Instant};

use crate::sync::{Arc, Mutex};

/// How long a line is not repeated.
const INTERVAL: Duration = Duration::from_secs(60);

/// Due once a minute, however often it is asked. Clones are due together.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seldom(Arc<Mutex<Option<Instant>>>);

impl Seldom {
    pub(crate) fn is_due(&self) -> bool {
        self.is_due_at(Instant::now())
    }

    fn is_due_at(&self, now: Instant) -> bool {
        let mut last = self.0.lock();
        let due = last.is_none_or(|last| now.saturating_duration_since(last) >= INTERVAL);
        if due {
            *last = Some(now);
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_89_a_line_is_due_once_a_minute() {
        let (seldom, start) = (Seldom::default(), Instant::now());
        let due = |seconds| seldom.clone().is_due_at(start + Duration::from_secs(seconds));
        assert_eq!([0, 0, 1, 59, 60, 61, 119, 120].map(due), [true, false, false, false, true, false, false, true]);
    }
}
