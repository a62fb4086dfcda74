//! The second in which a key last verified a token.
//!
//! It separates keys in use from keys that were only requested, and eviction is ordered by it.
//! Every request whose token a key verifies updates it, without a lock and only if the second has
//! changed.

use std::time::Instant;

use super::{AtomicU32, Ordering};

/// A second since the epoch of a key set, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Second(u32);

impl Second {
    /// The value of a key that has verified no token, and of keys whose use is not tracked.
    pub(crate) const NEVER: Self = Self(0);

    #[inline]
    pub(crate) fn of(epoch: Instant, now: Instant) -> Self {
        let since = now.saturating_duration_since(epoch).as_secs();
        Self(u32::try_from(since).unwrap_or(u32::MAX).saturating_add(1))
    }
}

/// When a key last verified a token.
#[derive(Debug)]
pub(crate) struct LastUse(AtomicU32);

impl LastUse {
    pub(crate) fn never() -> Self {
        Self(AtomicU32::new(0))
    }

    pub(crate) fn second(&self) -> Second {
        Second(self.0.load(Ordering::Relaxed))
    }

    /// Records a use. Returns whether it is the first one; two concurrent uses may both count as
    /// the first.
    #[inline]
    pub(crate) fn note(&self, now: Second) -> bool {
        let last = self.0.load(Ordering::Relaxed);
        if last == now.0 {
            return false;
        }
        self.0.store(now.0, Ordering::Relaxed);
        last == 0
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_use_is_reported_and_later_ones_are_noted() {
        let epoch = Instant::now();
        let at = |seconds| Second::of(epoch, epoch + Duration::from_millis(seconds));
        let last = LastUse::never();
        assert_eq!(last.second(), Second::NEVER);
        assert!(!last.note(Second::NEVER), "keys whose use is not tracked");
        assert!(at(0) > Second::NEVER && last.note(at(0)));
        assert!(!last.note(at(999)) && last.second() == at(0), "the same second");
        assert!(!last.note(at(1000)) && last.second() == at(1000));
        assert_eq!(Second::of(epoch + Duration::from_secs(9), epoch), at(0), "before the epoch");
    }
}
