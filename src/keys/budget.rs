//! The rate limit of fetches.

use std::{ops::DerefMut, time::Instant};

use crate::sync::{Arc, Mutex};

/// A budget of fetches: a maximum of concurrent fetches, an average rate, and a burst. Fetches
/// beyond the budget are rejected and never queued, since a flood would delay all requests in a
/// queue.
#[derive(Debug)]
pub(crate) struct Budget {
    state: Arc<Mutex<State>>,
    max_concurrent: usize,
    per_second: f64,
    burst: f64,
}

#[derive(Debug)]
struct State {
    running: usize,
    tokens: f64,
    filled_at: Option<Instant>,
}

/// Permission for one fetch, returned to the budget when dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Mutex<State>>);

impl Budget {
    pub(crate) fn new(max_concurrent: usize, per_second: u32, burst: u32) -> Self {
        let burst = f64::from(burst);
        let state = State { running: 0, tokens: burst, filled_at: None };
        Self { state: Arc::new(Mutex::new(state)), max_concurrent, per_second: f64::from(per_second), burst }
    }

    /// Permission for a fetch, if the budget has any left.
    pub(crate) fn take(&self, now: Instant) -> Option<Permit> {
        let mut state = self.refill(now);
        if state.running >= self.max_concurrent || state.tokens < 1.0 {
            return None;
        }
        state.running = state.running.saturating_add(1);
        state.tokens -= 1.0;
        Some(Permit(Arc::clone(&self.state)))
    }

    /// Whether a fetch that holds a permit may make its second attempt.
    pub(crate) fn take_retry(&self, now: Instant) -> bool {
        let mut state = self.refill(now);
        let enough = state.tokens >= 1.0;
        if enough {
            state.tokens -= 1.0;
        }
        enough
    }

    fn refill(&self, now: Instant) -> impl DerefMut<Target = State> {
        let mut state = self.state.lock();
        let since = state.filled_at.map_or(0.0, |filled_at| now.saturating_duration_since(filled_at).as_secs_f64());
        state.tokens = self.burst.min(since.mul_add(self.per_second, state.tokens));
        state.filled_at = Some(state.filled_at.map_or(now, |filled_at| filled_at.max(now)));
        state
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.running = state.running.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_then_the_rate_then_the_concurrency() {
        let budget = Budget::new(3, 10, 5);
        let start = Instant::now();
        for _ in 0..5 {
            drop(budget.take(start).unwrap());
        }
        assert!(budget.take(start).is_none(), "the burst is spent");
        let later = start + Duration::from_millis(450);
        let held: Vec<_> = std::iter::from_fn(|| budget.take(later)).collect();
        assert_eq!(held.len(), 3, "four tokens, three at once");
        drop(held);
        assert!(budget.take(later).is_some());
        assert!(budget.take(later).is_none());
        assert!(budget.take(start).is_none(), "a clock that goes back refills nothing");
    }
}
