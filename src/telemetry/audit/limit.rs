//! A limit for events, which counts those that it leaves out.

use std::time::{Duration, Instant};

/// The window of all limits.
const WINDOW: Duration = Duration::from_secs(10);

/// Counts events in a window, and those that were left out.
#[derive(Debug, Default)]
pub(super) struct Limit {
    window_start: Option<Instant>,
    events: u32,
    left_out: u64,
}

impl Limit {
    /// The number of events that were left out before, if there may be an event now.
    pub(super) fn event_at(&mut self, now: Instant, max: u32) -> Option<u64> {
        if self.window_start.is_none_or(|start| now.saturating_duration_since(start) >= WINDOW) {
            (self.window_start, self.events) = (Some(now), 0);
        }
        if self.events >= max {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.events = self.events.saturating_add(1);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s_143_a_flood_is_ten_events_and_the_next_one_has_the_number_of_the_others() {
        let (mut limit, start) = (Limit::default(), Instant::now());
        let events = |limit: &mut Limit, at, events| -> Vec<u64> {
            (0..events).filter_map(|_| limit.event_at(start + Duration::from_secs(at), 10)).collect()
        };
        assert_eq!(events(&mut limit, 0, 1_000), [0; 10]);
        assert_eq!(events(&mut limit, 9, 5), [0; 0]);
        assert_eq!(events(&mut limit, 10, 12), [[995].as_slice(), &[0; 9]].concat());
        assert_eq!(events(&mut limit, 25, 1), [2]);
    }
}
