//! Kids that gave no key a moment ago.

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

/// Bytes set aside for each remembered kid; more than one takes.
const BYTES_A_KID: usize = 512;

/// The first wait after a failed fetch; it doubles up to `max_retry_wait`.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Remembers kids that the endpoint does not know, and kids whose fetch failed, so that asking for them again costs no fetch.
/// BoundedCache; apart from the keys that are held, so that a flood of unknown kids cannot push one of those out.
pub(super) struct UnknownKids {
    kids: Option<BoundedCache<KeyId, Absent>>,
    jitter: RandomState,
}

/// Why there is no key, and until when that is not asked again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Absent {
    pub(super) reason: AbsentReason,
    until: Instant,
    wait: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AbsentReason {
    /// The endpoint knows no such key.
    Unknown,
    /// The endpoint did not answer, or not well.
    Failed,
    /// The endpoint answered with something that is not a key.
    Rejected,
}

impl UnknownKids {
    pub(super) fn new(limits: &KeyLimits) -> Self {
        let bytes = limits.max_unknown_kids.saturating_mul(BYTES_A_KID);
        Self { kids: BoundedCache::new(limits.max_unknown_kids, bytes), jitter: RandomState::new() }
    }

    /// What is remembered of the kid, and for how long still.
    pub(super) fn find(&self, id: &KeyId, now: Instant) -> Option<(AbsentReason, Duration)> {
        let absent = self.kids.as_ref()?.find(id)?;
        (now < absent.until).then(|| (absent.reason, absent.until.saturating_duration_since(now)))
    }

    /// The endpoint knows no such key.
    pub(super) fn unknown(&self, id: &KeyId, now: Instant, limits: &KeyLimits) {
        self.remember(id, AbsentReason::Unknown, now, self.give_or_take_a_fifth(id, limits.unknown_for));
    }

    /// A fetch failed. Gives the time until the next may start.
    pub(super) fn failed(
        &self,
        id: &KeyId,
        reason: AbsentReason,
        now: Instant,
        at_least: Option<Duration>,
        limits: &KeyLimits,
    ) -> Duration {
        let last =
            self.kids.as_ref().and_then(|kids| kids.find(id)).filter(|absent| absent.reason != AbsentReason::Unknown);
        let wait = last.map_or(FIRST_WAIT, |absent| absent.wait.saturating_mul(2));
        let wait = wait.max(at_least.unwrap_or_default()).min(limits.max_retry_wait);
        self.remember(id, reason, now, wait);
        wait
    }

    /// The key is there after all.
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

    /// A wait, and up to as much again by chance.
    pub(super) fn jittered(&self, wait: Duration) -> Duration {
        let random = u32::try_from(RandomState::new().hash_one(0_u8) % 1001).unwrap_or(0);
        wait.mul_f64(f64::from(random.saturating_add(1000)) / 1000.0)
    }

    /// So that many replicas that learnt of a kid together do not ask for it together.
    fn give_or_take_a_fifth(&self, id: &KeyId, time: Duration) -> Duration {
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
