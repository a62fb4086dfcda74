//! Single flight: concurrent requests for the same key share one task.
//!
//! The work runs as its own task, so it outlives the request that started it, and all waiters get
//! its result. The work has its own timeouts. If no request waits any longer, the task still runs
//! to its end, and what it publishes is kept for later requests.
//!
//! | situation | a waiter gets |
//! |---|---|
//! | the task ends | its result |
//! | the request that started the task is dropped | its result |
//! | the task panics, or its runtime shuts down | [`TaskLost`]; the next request starts a new task |
//! | the runtime of the task stands still | its result once that runtime continues; requests after `max_wait` start a new task |
//! | no tokio runtime is running | [`TaskLost`] at once |

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use super::{Arc, Mutex, SharedClock, spawn, watch};

/// The tasks in progress, by key.
#[derive(Debug)]
pub(crate) struct SingleFlight<K, V> {
    running: Arc<Mutex<Running<K, V>>>,
    max_wait: Duration,
    clock: SharedClock,
}

type Running<K, V> = HashMap<K, Task<V>>;

#[derive(Debug)]
struct Task<V> {
    result: watch::Receiver<Option<V>>,
    started: Instant,
}

/// The task ended without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskLost;

/// Waits for the result of a task, by [`wait`](Self::wait).
#[derive(Debug)]
pub(crate) struct Waiter<V>(Option<watch::Receiver<Option<V>>>);

impl<K, V> SingleFlight<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// `max_wait` must be longer than any task takes by its own timeouts: an older task counts as
    /// lost.
    pub(crate) fn new(max_wait: Duration, clock: SharedClock) -> Self {
        Self { running: Arc::default(), max_wait, clock }
    }

    /// The number of tasks in progress.
    pub(crate) fn len(&self) -> usize {
        self.running.lock().len()
    }

    /// A waiter for the task of this key, if one is in progress.
    pub(crate) fn waiter(&self, key: &K) -> Option<Waiter<V>> {
        self.find(&self.running.lock(), key, self.clock.monotonic())
    }

    /// Joins the task of this key. If none is in progress, `start` decides whether one starts.
    ///
    /// `start` runs under the lock, so it can check again whether a task that has just ended
    /// published the value. A task must publish its value before its future ends.
    pub(crate) fn join<F, E>(&self, key: K, start: impl FnOnce() -> Result<F, E>) -> Result<Waiter<V>, E>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let started = self.clock.monotonic();
        let mut running = self.running.lock();
        if let Some(waiter) = self.find(&running, &key, started) {
            return Ok(waiter);
        }
        let work = start()?;
        let (sender, receiver) = watch::channel(None);
        running.insert(key.clone(), Task { result: receiver.clone(), started });
        drop(running);

        let entry = Entry { running: Arc::clone(&self.running), key, result: receiver.clone() };
        let task = async move {
            // Dropped however the task ends, including by a panic or a runtime shutdown.
            let _entry = entry;
            let value = work.await;
            sender.send_replace(Some(value));
        };
        // Without a runtime, the task is dropped here, and its entry with it.
        Ok(Waiter(spawn(task).map(|()| receiver)))
    }

    fn find(&self, running: &Running<K, V>, key: &K, now: Instant) -> Option<Waiter<V>> {
        let task = running.get(key)?;
        let lost = now.saturating_duration_since(task.started) >= self.max_wait;
        (!lost).then(|| Waiter(Some(task.result.clone())))
    }
}

impl<V: Clone> Waiter<V> {
    /// Waits for the result of the task.
    pub(crate) async fn wait(self) -> Result<V, TaskLost> {
        let mut result = self.0.ok_or(TaskLost)?;
        let value = result.wait_for(Option::is_some).await.map_err(|_| TaskLost)?;
        value.clone().ok_or(TaskLost)
    }
}

/// Removes the task from the map when it is dropped.
struct Entry<K: Hash + Eq, V> {
    running: Arc<Mutex<Running<K, V>>>,
    key: K,
    result: watch::Receiver<Option<V>>,
}

impl<K: Hash + Eq, V> Drop for Entry<K, V> {
    fn drop(&mut self) {
        let mut running = self.running.lock();
        // A later task may have replaced this one.
        if running.get(&self.key).is_some_and(|task| task.result.same_channel(&self.result)) {
            running.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    fn single_flight<V: Clone + Send + Sync + 'static>() -> SingleFlight<u8, V> {
        SingleFlight::new(Duration::from_secs(6), SharedClock::default())
    }

    #[tokio::test]
    async fn one_task_serves_all_and_outlives_the_request_that_started_it() {
        let flights = single_flight::<usize>();
        let runs = Arc::new(AtomicUsize::new(0));
        let join = || {
            let runs = Arc::clone(&runs);
            let start = || {
                Ok::<_, Infallible>(async move {
                    tokio::task::yield_now().await;
                    runs.fetch_add(1, Ordering::SeqCst)
                })
            };
            flights.join(7, start).unwrap()
        };
        let leader = join();
        let followers: Vec<_> = (0..10).map(|_| join()).collect();
        drop(leader);
        for follower in followers {
            assert_eq!(follower.wait().await, Ok(0));
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn a_panic_loses_the_task_and_the_next_request_starts_a_new_one() {
        let flights = single_flight::<u8>();
        let start = || Ok::<_, Infallible>(async { panic!("task") });
        let waiter = flights.join(7, start).unwrap();
        assert_eq!(waiter.wait().await, Err(TaskLost));
        assert_eq!(flights.len(), 0);
        assert_eq!(flights.join(7, || Ok::<_, Infallible>(async { 1 })).unwrap().wait().await, Ok(1));
    }

    #[test]
    fn without_a_runtime_nothing_starts_and_nothing_stays() {
        let flights = single_flight::<u8>();
        let waiter = flights.join(7, || Ok::<_, Infallible>(async { 1 })).unwrap();
        assert!(waiter.0.is_none());
        assert_eq!(flights.len(), 0);
    }
}
