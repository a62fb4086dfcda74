//! An endpoint that is down is left alone.

use std::time::{Duration, Instant};

use crate::limits::KeyLimits;

/// Counts failed fetches of one endpoint. After some in a row the endpoint counts as down: no fetch starts until a wait is
/// over, then one may try; if it fails too, the wait doubles.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    until: Instant,
    wait: Duration,
    /// Somebody tries. Should that fetch be lost (its runtime ended), the next may try once this time has passed.
    probe_until: Option<Instant>,
}

impl Breaker {
    /// How long no fetch may start; `None` if one may.
    pub(super) fn blocked(&self, now: Instant) -> Option<Duration> {
        let open = self.open?;
        let until = open.probe_until.map_or(open.until, |probe_until| probe_until.max(open.until));
        (now < until).then(|| until.saturating_duration_since(now))
    }

    /// A fetch starts. If the endpoint counts as down, it is the one that tries.
    pub(super) fn begin(&mut self, now: Instant, limits: &KeyLimits) {
        if let Some(open) = &mut self.open {
            open.probe_until = now.checked_add(limits.lost_after());
        }
    }

    /// Whether the endpoint counts as down.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// A complete answer came: the endpoint is up.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// A fetch failed.
    pub(super) fn failed(&mut self, now: Instant, limits: &KeyLimits) {
        self.failures = self.failures.saturating_add(1);
        if self.failures < limits.breaker_failures {
            return;
        }
        let wait = match self.open {
            // A fetch that started before the breaker opened says nothing new.
            Some(open) if open.probe_until.is_none() => return,
            Some(open) => open.wait.saturating_mul(2).min(limits.breaker_max_wait),
            None => limits.breaker_wait,
        };
        let until = now.checked_add(wait).unwrap_or(now);
        self.open = Some(Open { until, wait, probe_until: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_after_five_and_lets_one_try_ever_more_rarely() {
        let limits = KeyLimits::new();
        let mut breaker = Breaker::default();
        let mut now = Instant::now();
        for _ in 0..5 {
            assert_eq!(breaker.blocked(now), None);
            breaker.failed(now, &limits);
        }
        for wait in [5, 10, 20, 30, 30] {
            assert_eq!(breaker.blocked(now), Some(Duration::from_secs(wait)));
            now += Duration::from_secs(wait);
            assert_eq!(breaker.blocked(now), None, "one may try");
            breaker.begin(now, &limits);
            assert!(breaker.blocked(now).is_some(), "and no second");
            breaker.failed(now, &limits);
        }
        breaker.answered();
        assert_eq!(breaker.blocked(now), None);
        assert!(!breaker.is_open());
    }

    #[test]
    fn a_probe_that_is_lost_does_not_block_for_good() {
        let limits = KeyLimits::new();
        let mut breaker = Breaker::default();
        let start = Instant::now();
        (0..5).for_each(|_| breaker.failed(start, &limits));
        let probe = start + limits.breaker_wait;
        breaker.begin(probe, &limits);
        assert!(breaker.blocked(probe).is_some());
        assert_eq!(breaker.blocked(probe + limits.lost_after()), None);
    }
}
