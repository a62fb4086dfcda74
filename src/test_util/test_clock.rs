//! A clock that stands still until it is told to move.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime},
};

use crate::Clock;

/// A clock that stands still until it is told to move. Clones show the same time.
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
    /// Stands at the machine's time.
    pub fn new() -> Self {
        Self::at(SystemTime::now())
    }

    /// Stands at this date.
    pub fn at(date: SystemTime) -> Self {
        Self(Arc::new(Mutex::new(Times { date, monotonic: Instant::now() })))
    }

    /// Time passes.
    pub fn advance(&self, by: Duration) {
        let mut times = self.0.lock().unwrap();
        times.date += by;
        times.monotonic += by;
    }

    /// Somebody sets the date; no time passes.
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
