//! A limit for events, which counts those that it leaves out.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// The window of all limits.
const WINDOW: Duration = Duration::from_secs(10);
/// Maximum number of events of one user in a window, so that one user cannot use up the others' events. An assertion is signed for each
/// request of a user, so most of a page's assertions have no separate event: the next one has their number.
const MAX_OF_USER: u32 = 10;

/// A hash of what an event names its user by, which clients cannot predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct UserHash(pub(super) u64);

/// Counts events in a window, and those that were left out.
#[derive(Debug, Default)]
pub(super) struct Limit {
    window_start: Option<Instant>,
    events: u32,
    /// The events of each user in the window. Each user here has an event, so there are at most as many as events.
    of_users: HashMap<UserHash, u32>,
    left_out: u64,
}

impl Limit {
    /// The number of events that were left out before, if there may be an event now. With a user, there may be [`MAX_OF_USER`].
    pub(super) fn event_at(&mut self, now: Instant, max: u32, user: Option<UserHash>) -> Option<u64> {
        if self.window_start.is_none_or(|start| now.saturating_duration_since(start) >= WINDOW) {
            (self.window_start, self.events) = (Some(now), 0);
            self.of_users.clear();
        }
        let of_user = user.and_then(|user| self.of_users.get(&user)).copied().unwrap_or_default();
        if self.events >= max || of_user >= MAX_OF_USER {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.events = self.events.saturating_add(1);
        if let Some(user) = user {
            self.of_users.insert(user, of_user.saturating_add(1));
        }
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
            (0..events).filter_map(|_| limit.event_at(start + Duration::from_secs(at), 10, None)).collect()
        };
        assert_eq!(events(&mut limit, 0, 1_000), [0; 10]);
        assert_eq!(events(&mut limit, 9, 5), [0; 0]);
        assert_eq!(events(&mut limit, 10, 12), [[995].as_slice(), &[0; 9]].concat());
        assert_eq!(events(&mut limit, 25, 1), [2]);
    }

    #[test]
    fn s_143_a_user_has_ten_events_and_the_others_have_the_rest() {
        let (mut limit, start) = (Limit::default(), Instant::now());
        let events = |limit: &mut Limit, at, user, events| -> Vec<u64> {
            let at = start + Duration::from_secs(at);
            (0..events).filter_map(|_| limit.event_at(at, 1_000, Some(UserHash(user)))).collect()
        };
        assert_eq!(events(&mut limit, 0, 1, 5_000), [0; 10]);
        assert_eq!(events(&mut limit, 1, 2, 1), [4_990]);
        for user in 0..20_000 {
            events(&mut limit, 2, user, 1);
        }
        assert_eq!((limit.events, limit.of_users.len()), (1_000, 990), "no more users than events");
        assert_eq!(events(&mut limit, 10, 1, 20).len(), 10, "a new window");
        assert_eq!(limit.of_users.len(), 1);
    }
}
