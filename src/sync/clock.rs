//! The source of the time, replaceable for tests.

use std::{
    fmt,
    sync::Arc,
    time::{Instant, SystemTime},
};

/// The source of the time. The default is [`SystemClock`]; tests use another one (`TestClock`,
/// feature `test-util`).
///
/// There are two clocks for two purposes. The `exp` of a token is a date, so it is compared with
/// the wall clock, even if that clock jumps. The age of a key and the wait before a retry are
/// durations, so they are measured by a clock that never jumps.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock: for `exp`, `nbf` and `iat`.
    fn now(&self) -> SystemTime;

    /// The monotonic clock: for ages and waits.
    fn monotonic(&self) -> Instant;
}

/// The clocks of the operating system.
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

/// A clock that several components share.
#[derive(Clone)]
pub(crate) struct SharedClock(Arc<dyn Clock>);

impl SharedClock {
    pub(crate) fn new(clock: impl Clock) -> Self {
        Self(Arc::new(clock))
    }

    pub(crate) fn monotonic(&self) -> Instant {
        self.0.monotonic()
    }

    /// Seconds since 1970-01-01T00:00:00Z. `None` before that time: such a clock cannot check a
    /// token.
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
