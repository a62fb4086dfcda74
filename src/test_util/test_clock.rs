//! A clock that stands still until a test moves it.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use crate::Clock;

/// A clock that stands still until a test moves it. Clones share the time.
///
/// ```
/// use std::time::Duration;
/// use tower_alb_auth::{Clock, test_util::TestClock};
///
/// let clock = TestClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(120));
/// assert_eq!(clock.now(), before + Duration::from_secs(120));
/// ```
#[derive(Debug, Clone)]
pub struct TestClock(Arc<Mutex<Times>>);

#[derive(Debug, Clone, Copy)]
struct Times {
    date: SystemTime,
    monotonic: Instant,
}

impl TestClock {
    /// Starts at the system's current time.
    pub fn new() -> Self {
        Self::at(SystemTime::now())
    }

    /// Starts at this date.
    pub fn at(date: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(Times { date, monotonic: Instant::now() })))
    }

    /// Advances both clocks.
    pub fn advance(&self, by: Duration) {
        let mut times = self.0.lock().unwrap();
        times.date += by;
        times.monotonic += by;
    }

    /// Sets the wall clock; the monotonic clock does not move.
    pub fn set_date(&self, date: SystemTime) {
        self.0.lock().unwrap().date = date;
    }

    fn times(&self) -> Times {
        *self.0.lock().unwrap()
    }
}

impl Default for TestClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        self.times().date
    }

    fn monotonic(&self) -> Instant {
        self.times().monotonic
    }
}
