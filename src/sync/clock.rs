//! Time, as a seam.

use std::{
    fmt,
    sync::Arc,
    time::{Instant, SystemTime},
};

/// Where the crate gets the time from. The default is [`SystemClock`]; tests bring their own (`TestClock`, feature
/// `test-util`).
///
/// Two clocks, because they answer different questions: `exp` of a token is a date, and follows the machine's idea of the
/// date even when that jumps; the age of a key and the wait before a retry are durations, and must not.
pub trait Clock: Send + Sync + 'static {
    /// The date: for `exp`, `nbf` and `iat`.
    fn now(&self) -> SystemTime;

    /// A time that never goes back: for ages and waits.
    fn monotonic(&self) -> Instant;
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}

/// A clock that several parts share.
#[derive(Clone)]
pub(crate) struct SharedClock(Arc<dyn Clock>);

impl SharedClock {
    pub(crate) fn new(clock: impl Clock) -> Self {
        Self(Arc::new(clock))
    }

    pub(crate) fn monotonic(&self) -> Instant {
        self.0.monotonic()
    }

    /// Seconds since 1970-01-01T00:00:00Z. `None` before that: no token can be judged by such a clock.
    pub(crate) fn unix_now(&self) -> Option<u64> {
        self.0.now().duration_since(SystemTime::UNIX_EPOCH).ok().map(|since| since.as_secs())
    }
}

impl Clock for SharedClock {
    fn now(&self) -> SystemTime {
        self.0.now()
    }

    fn monotonic(&self) -> Instant {
        self.0.monotonic()
    }
}

impl Default for SharedClock {
    fn default() -> Self {
        Self::new(SystemClock)
    }
}

impl fmt::Debug for SharedClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedClock")
    }
}
