//! A circuit breaker: an endpoint that is down gets no requests for a while.

use std::time::{Duration, Instant};

use crate::limits::KeyLimits;

/// Counts consecutive failed fetches from one endpoint. After
/// `breaker_failures` failures the endpoint counts as down: no fetch
/// starts until a wait is over, then one fetch probes the endpoint. If the probe fails, the wait
/// doubles.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug, Clone, Copy)]
struct Open {
    until: Instant,
    wait: Duration,
    /// Set while a probe runs. If the probe is lost (its runtime shut down), another may start
    /// after this time.
    probe_until: Option<Instant>,
}

impl Breaker {
    /// Time until a fetch may start; `None` if one may start now.
    pub(super) fn blocked(&self, now: Instant) -> Option<Duration> {
        let open = self.open?;
        let until = open.probe_until.map_or(open.until, |probe_until| probe_until.max(open.until));
        (now < until).then(|| until.saturating_duration_since(now))
    }

    /// Records the start of a fetch. If the endpoint counts as down, the fetch is the probe.
    pub(super) fn begin(&mut self, now: Instant, limits: &KeyLimits) {
        if let Some(open) = &mut self.open {
            open.probe_until = now.checked_add(limits.lost_after());
        }
    }

    /// Whether the endpoint counts as down.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Records a complete response: the endpoint is up.
    pub(super) fn responded(&mut self) {
        *self = Self::default();
    }

    /// Records a failed fetch.
    pub(super) fn failed(&mut self, now: Instant, limits: &KeyLimits) {
        self.failures = self.failures.saturating_add(1);
        if self.failures < limits.breaker_failures {
            return;
        }
        let wait = match self.open {
            // This fetch started before the breaker opened, so its failure is no new information.
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
    fn opens_after_five_failures_and_probes_with_increasing_waits() {
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
            assert_eq!(breaker.blocked(now), None, "a probe may start");
            breaker.begin(now, &limits);
            assert!(breaker.blocked(now).is_some(), "a second probe may not");
            breaker.failed(now, &limits);
        }
        breaker.responded();
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
