//! What cannot be seen from outside: which look-ups stay away from what is behind locks, and races.

use super::*;
use crate::{
    alb::test_key,
    keys::{KeyFetch, KeySource, KeySourceError, KeySourceErrorKind, source::KeyRequest},
};

struct Down;

impl KeySource for Down {
    fn fetch(&self, _: KeyRequest) -> KeyFetch {
        Box::pin(std::future::ready(Err(KeySourceError::new(KeySourceErrorKind::Other, "down"))))
    }
}

/// A store that holds one key in use, old enough to be refreshed.
fn store() -> (Arc<KeyStore>, KeyId) {
    let limits = KeyLimits::new().breaker_failures(1);
    let store = KeyStore::new(Some(SharedSource::new(Down)), Vec::new(), limits, SharedClock::default());
    let endpoint = KeyEndpoint::parse("https://keys.example.com").unwrap();
    let id = KeyId { endpoint, kid: Kid::NIL };
    hold(&store, &id);
    (Arc::new(store), id)
}

fn hold(store: &KeyStore, id: &KeyId) {
    let (key, epoch) = (test_key(), Instant::now());
    let set = KeySet::new(epoch);
    key.note_use(set.second(epoch));
    let held = HeldKey {
        id: id.clone(),
        key: Arc::new(key),
        fetched_at: Instant::now().checked_sub(Duration::from_secs(3000)).unwrap(),
        refresh: RefreshState::default(),
    };
    store.set.store(Arc::new(set.with(held, 2)));
}

/// Whether a look-up would try to start a refresh, and so ask in_flight, breaker and budget.
fn is_due(store: &KeyStore, id: &KeyId) -> bool {
    store.set.load().find(&id.endpoint, id.kid).unwrap().is_due(Instant::now())
}

#[tokio::test]
async fn while_a_refresh_runs_look_ups_ask_nothing_behind_a_lock() {
    let (store, id) = store();
    assert!(is_due(&store, &id));
    assert!(matches!(store.lookup(&id.endpoint, id.kid), Lookup::Ready(..)));
    assert_eq!(store.in_flight.len(), 1);
    assert!(!is_due(&store, &id));
}

#[tokio::test]
async fn while_a_refresh_may_not_start_look_ups_ask_nothing_behind_a_lock() {
    let (store, id) = store();
    assert!(matches!(store.lookup(&id.endpoint, id.kid), Lookup::Ready(..)));
    while store.in_flight.len() > 0 {
        tokio::task::yield_now().await;
    }
    // The endpoint counts as down. Another key of it comes to the age at which it is refreshed:
    hold(&store, &id);
    assert!(is_due(&store, &id));
    assert!(matches!(store.lookup(&id.endpoint, id.kid), Lookup::Ready(..)));
    assert_eq!(store.in_flight.len(), 0, "it may not start");
    assert!(!is_due(&store, &id), "each look-up until then would ask again");
}

#[tokio::test]
async fn a_look_up_that_comes_as_a_fetch_ends_starts_no_second_one() {
    let (store, id) = store();
    // It looked when the key was not held yet. Now it is, and its flight is over.
    assert!(matches!(store.lookup_unknown(id), Lookup::Ready(..)));
    assert_eq!(store.in_flight.len(), 0);
}

#[test]
fn a_key_that_comes_again_is_the_same_allocation_so_its_tokens_stay_remembered() {
    let (store, id) = store();
    let held = Arc::clone(&store.set.load().find(&id.endpoint, id.kid).unwrap().key);
    let again = store.publish(id.clone(), Instant::now(), test_key());
    assert!(Arc::ptr_eq(&held, &again));
    assert!(Arc::ptr_eq(&held, &store.set.load().find(&id.endpoint, id.kid).unwrap().key));
}
