//! Kids whose last fetch returned no key.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    time::{Duration, Instant},
};

use super::KeyId;
use crate::{
    limits::KeyLimits,
    sync::{BoundedCache, HeapSize},
};

/// Bytes reserved for each remembered kid. One kid takes less.
const BYTES_PER_KID: usize = 512;

/// Wait after the first failed fetch. It doubles with each failure, up to `max_retry_wait`.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Remembers kids that the endpoint does not have, and kids whose fetch failed, so that further
/// requests for them cause no fetch. The number of kids is bounded. Held keys are stored
/// separately, so that a flood of unknown kids cannot evict them.
pub(super) struct UnknownKids {
    kids: Option<BoundedCache<KeyId, Absent>>,
    jitter: RandomState,
}

/// Why there is no key, and until when no fetch starts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Absent {
    pub(super) reason: AbsentReason,
    until: Instant,
    wait: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AbsentReason {
    /// The endpoint has no such key.
    Unknown,
    /// The endpoint did not respond, or responded with a failure.
    Failed,
    /// The endpoint responded with something that is not a key.
    Rejected,
}

impl UnknownKids {
    pub(super) fn new(limits: &KeyLimits) -> Self {
        let bytes = limits.max_unknown_kids.saturating_mul(BYTES_PER_KID);
        Self { kids: BoundedCache::new(limits.max_unknown_kids, bytes), jitter: RandomState::new() }
    }

    /// Why the kid has no key, and the remaining time until the next fetch.
    pub(super) fn find(&self, id: &KeyId, now: Instant) -> Option<(AbsentReason, Duration)> {
        let absent = self.kids.as_ref()?.find(id)?;
        (now < absent.until).then(|| (absent.reason, absent.until.saturating_duration_since(now)))
    }

    /// Records that the endpoint has no such key.
    pub(super) fn unknown(&self, id: &KeyId, now: Instant, limits: &KeyLimits) {
        self.remember(id, AbsentReason::Unknown, now, self.varied_by_a_fifth(id, limits.unknown_for));
    }

    /// Records a failed fetch. Returns the time until the next may start.
    pub(super) fn failed(
        &self,
        id: &KeyId,
        reason: AbsentReason,
        now: Instant,
        min_wait: Option<Duration>,
        limits: &KeyLimits,
    ) -> Duration {
        let last =
            self.kids.as_ref().and_then(|kids| kids.find(id)).filter(|absent| absent.reason != AbsentReason::Unknown);
        let wait = last.map_or(FIRST_WAIT, |absent| absent.wait.saturating_mul(2));
        let wait = wait.max(min_wait.unwrap_or_default()).min(limits.max_retry_wait);
        self.remember(id, reason, now, wait);
        wait
    }

    /// Forgets the kid, because its key was fetched.
    pub(super) fn forget(&self, id: &KeyId) {
        if let Some(kids) = &self.kids {
            kids.remove(id);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.kids.as_ref().map_or(0, BoundedCache::len)
    }

    fn remember(&self, id: &KeyId, reason: AbsentReason, now: Instant, wait: Duration) {
        if let Some(kids) = &self.kids {
            let until = now.checked_add(wait).unwrap_or(now);
            kids.insert(id.clone(), Absent { reason, until, wait });
        }
    }

    /// The wait plus a random time of up to the same length.
    pub(super) fn jittered(&self, wait: Duration) -> Duration {
        let random = u32::try_from(RandomState::new().hash_one(0_u8) % 1001).unwrap_or(0);
        wait.mul_f64(f64::from(random.saturating_add(1000)) / 1000.0)
    }

    /// The time changed by up to a fifth at random, so that replicas that learned of a kid at the
    /// same time do not fetch it at the same time.
    fn varied_by_a_fifth(&self, id: &KeyId, time: Duration) -> Duration {
        let random = u32::try_from(self.jitter.hash_one(id) % 401).unwrap_or(200);
        time.mul_f64(f64::from(random.saturating_add(800)) / 1000.0)
    }
}

impl HeapSize for KeyId {
    fn heap_size(&self) -> usize {
        0
    }
}

impl HeapSize for Absent {
    fn heap_size(&self) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jittered_wait_is_up_to_twice_as_long_and_differs() {
        let (kids, wait) = (UnknownKids::new(&KeyLimits::new()), Duration::from_secs(10));
        let waits: Vec<_> = (0..100).map(|_| kids.jittered(wait)).collect();
        assert!(waits.iter().all(|found| (wait..=wait * 2).contains(found)), "{waits:?}");
        assert!(waits.iter().any(|found| *found != waits[0]), "replicas would retry at the same time: {waits:?}");
    }
}
