//! When a signing key is generated, used and dropped.
//!
//! All ages count from the generation of the key. With a token lifetime L:
//!
//! | | |
//! |---|---|
//! | signs | for L after it started to sign; longer only until its successor has been listed for [`COOL_DOWN`] |
//! | successor published | L / 2 before its end, at least [`VERIFIER_CACHE`] and a minute |
//! | never signs again | from the age 2 L - 1 min |
//! | listed | until the age 3 L + [`VERIFIER_CACHE`]: the life of the last token, and the key sets that verifiers cache |
//!
//! A stock replica on the same database removes a row at the age of three of its own token lifetimes,
//! which may be shorter. So rows are [renewed](super::renewal) until their end.

use std::time::{Duration, Instant, SystemTime};

/// How long stock back ends use a fetched key set (jose's `cacheMaxAge`).
pub(super) const VERIFIER_CACHE: Duration = Duration::from_secs(10 * 60);
/// How often rows are checked, and the age from which one is renewed. Two checks may fail before a row
/// is 30 min old, the age at which a stock replica with the shortest token lifetime drops it.
pub(super) const RENEWAL_INTERVAL: Duration = Duration::from_secs(5 * 60);
/// Backstage's longest token lifetime.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest time for which any replica needs a key, with the longest lifetime.
pub(super) const MAX_LISTED_FOR: Duration = Schedule { lifetime: MAX_LIFETIME }.listed_for();
/// How long after a fetch they do not fetch again for an unknown kid (jose's `cooldownDuration` of
/// 30 s), with some margin for the network.
pub(super) const COOL_DOWN: Duration = Duration::from_secs(35);
/// Margin between the last possible signature and a stock replica's removal of the row; also how
/// late a successor may be published.
const SAFETY_MARGIN: Duration = Duration::from_secs(60);

/// The current time, by both clocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timestamp {
    pub(super) date: SystemTime,
    pub(super) monotonic: Instant,
}

impl Timestamp {
    /// The age of something from this time. If the wall clock is set forward, other machines see
    /// the later time, so the greater age counts.
    pub(super) fn age_at(self, now: Self) -> Duration {
        let by_date = now.date.duration_since(self.date).unwrap_or_default();
        by_date.max(now.monotonic.saturating_duration_since(self.monotonic))
    }
}

/// The rules for one token lifetime.
#[derive(Debug, Clone, Copy)]
pub(super) struct Schedule {
    lifetime: Duration,
}

impl Schedule {
    pub(super) fn of(lifetime: Duration) -> Self {
        Self { lifetime }
    }

    pub(super) fn lifetime(self) -> Duration {
        self.lifetime
    }

    /// The age from which a key never signs.
    pub(super) fn last_age(self) -> Duration {
        self.lifetime.saturating_mul(2).saturating_sub(SAFETY_MARGIN)
    }

    /// The age until which a key is listed.
    pub(super) const fn listed_for(self) -> Duration {
        self.lifetime.saturating_mul(3).saturating_add(VERIFIER_CACHE)
    }

    /// The age at which its successor replaces a key that started to sign at the age `from`.
    pub(super) fn end(self, from: Duration) -> Duration {
        from.saturating_add(self.lifetime).min(self.last_age())
    }

    /// How long before the end of the last key another one is published.
    pub(super) fn ahead(self) -> Duration {
        let half = self.lifetime.checked_div(2).unwrap_or_default();
        half.max(VERIFIER_CACHE.saturating_add(SAFETY_MARGIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn minutes(minutes: u64) -> Duration {
        Duration::from_secs(60 * minutes)
    }

    #[test]
    fn the_edges() {
        let shortest = Schedule::of(minutes(10));
        assert_eq!((shortest.end(minutes(0)), shortest.end(minutes(11))), (minutes(10), minutes(19)));
        assert_eq!((shortest.ahead(), shortest.listed_for()), (minutes(11), minutes(40)));
        let usual = Schedule::of(minutes(60));
        assert_eq!((usual.end(minutes(0)), usual.end(minutes(30))), (minutes(60), minutes(90)));
        assert_eq!((usual.last_age(), usual.ahead(), usual.listed_for()), (minutes(119), minutes(30), minutes(190)));
    }

    #[test]
    fn a_date_set_back_makes_no_key_younger_and_one_set_forward_ages_it() {
        let made = Timestamp { date: SystemTime::now(), monotonic: Instant::now() };
        let later = made.monotonic + minutes(5);
        assert_eq!(made.age_at(Timestamp { date: made.date - minutes(60), monotonic: later }), minutes(5));
        assert_eq!(made.age_at(Timestamp { date: made.date + minutes(60), monotonic: later }), minutes(60));
    }
}
