//! Single flight: many requests for one thing, one errand.
//!
//! The errand runs as a task of its own, so it outlives the request that started it, and everybody who waits gets its result.
//! It is bounded by its own time-outs; when nobody waits any more it still ends, and what it brings is kept for the next.
//!
//! | situation | who waits gets |
//! |---|---|
//! | the errand ends | its result |
//! | the one who started it goes away | its result |
//! | the errand panics, or the runtime under it ends | [`Aborted`], and the next to ask starts anew |
//! | the runtime under it stands still | its result once that runtime goes on; who asks after `patience` starts anew |
//! | no tokio runtime is running | [`Aborted`] at once |

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use super::{Arc, Mutex, SharedClock, spawn, watch};

/// The errands under way, by key.
#[derive(Debug)]
pub(crate) struct Flights<K, V> {
    under_way: Arc<Mutex<UnderWay<K, V>>>,
    patience: Duration,
    clock: SharedClock,
}

type UnderWay<K, V> = HashMap<K, Flight<V>>;

#[derive(Debug)]
struct Flight<V> {
    result: watch::Receiver<Option<V>>,
    started: Instant,
}

/// The errand ended without a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aborted;

/// A seat in a flight. Hold it, then [`land`](Self::land).
#[derive(Debug)]
pub(crate) struct Seat<V>(Option<watch::Receiver<Option<V>>>);

impl<K, V> Flights<K, V>
where
    K: Hash + Eq + Clone + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// `patience` is longer than any errand takes by its own time-outs.
    pub(crate) fn new(patience: Duration, clock: SharedClock) -> Self {
        Self { under_way: Arc::default(), patience, clock }
    }

    /// How many errands are under way.
    pub(crate) fn len(&self) -> usize {
        self.under_way.lock().len()
    }

    /// A seat in the flight of that key, if it is under way.
    pub(crate) fn seat(&self, key: &K) -> Option<Seat<V>> {
        self.find(&self.under_way.lock(), key, self.clock.monotonic())
    }

    /// Takes a seat in the flight of that key; where there is none, `start` decides whether one starts.
    ///
    /// `start` runs under the lock of the flights, so it is the place to look once more whether an errand that has just ended
    /// brought the thing. What the errand brings must be published before its future ends.
    pub(crate) fn join<F, E>(&self, key: K, start: impl FnOnce() -> Result<F, E>) -> Result<Seat<V>, E>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let started = self.clock.monotonic();
        let mut under_way = self.under_way.lock();
        if let Some(seat) = self.find(&under_way, &key, started) {
            return Ok(seat);
        }
        let errand = start()?;
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.clone(), Flight { result: receiver.clone(), started });
        drop(under_way);

        let entry = Entry { under_way: Arc::clone(&self.under_way), key, result: receiver.clone() };
        let task = async move {
            // Dropped on every way out, a panic and the end of the runtime included.
            let _entry = entry;
            let value = errand.await;
            sender.send_replace(Some(value));
        };
        // Without a runtime the task is dropped here, and its entry with it.
        Ok(Seat(spawn(task).map(|()| receiver)))
    }

    fn find(&self, under_way: &UnderWay<K, V>, key: &K, now: Instant) -> Option<Seat<V>> {
        let flight = under_way.get(key)?;
        let lost = now.saturating_duration_since(flight.started) >= self.patience;
        (!lost).then(|| Seat(Some(flight.result.clone())))
    }
}

impl<V: Clone> Seat<V> {
    /// Waits for the errand's result.
    pub(crate) async fn land(self) -> Result<V, Aborted> {
        let mut flight = self.0.ok_or(Aborted)?;
        let landed = flight.wait_for(Option::is_some).await.map_err(|_| Aborted)?;
        landed.clone().ok_or(Aborted)
    }
}

/// Takes the errand off the list when it is dropped.
struct Entry<K: Hash + Eq, V> {
    under_way: Arc<Mutex<UnderWay<K, V>>>,
    key: K,
    result: watch::Receiver<Option<V>>,
}

impl<K: Hash + Eq, V> Drop for Entry<K, V> {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock();
        // Another errand may have taken its place.
        if under_way.get(&self.key).is_some_and(|flight| flight.result.same_channel(&self.result)) {
            under_way.remove(&self.key);
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

    fn flights<V: Clone + Send + Sync + 'static>() -> Flights<u8, V> {
        Flights::new(Duration::from_secs(6), SharedClock::default())
    }

    #[tokio::test]
    async fn one_errand_serves_all_and_outlives_the_one_who_started_it() {
        let flights = flights::<usize>();
        let errands = Arc::new(AtomicUsize::new(0));
        let join = || {
            let errands = Arc::clone(&errands);
            let start = || {
                Ok::<_, Infallible>(async move {
                    tokio::task::yield_now().await;
                    errands.fetch_add(1, Ordering::SeqCst)
                })
            };
            flights.join(7, start).unwrap()
        };
        let leader = join();
        let followers: Vec<_> = (0..10).map(|_| join()).collect();
        drop(leader);
        for follower in followers {
            assert_eq!(follower.land().await, Ok(0));
        }
        assert_eq!(errands.load(Ordering::SeqCst), 1);
        assert_eq!(flights.len(), 0);
    }

    #[tokio::test]
    async fn a_panic_aborts_and_the_next_starts_anew() {
        let flights = flights::<u8>();
        let start = || Ok::<_, Infallible>(async { panic!("errand") });
        let seat = flights.join(7, start).unwrap();
        assert_eq!(seat.land().await, Err(Aborted));
        assert_eq!(flights.len(), 0);
        assert_eq!(flights.join(7, || Ok::<_, Infallible>(async { 1 })).unwrap().land().await, Ok(1));
    }

    #[test]
    fn without_a_runtime_nothing_starts_and_nothing_stays() {
        let flights = flights::<u8>();
        let seat = flights.join(7, || Ok::<_, Infallible>(async { 1 })).unwrap();
        assert!(seat.0.is_none());
        assert_eq!(flights.len(), 0);
    }
}
