//! Behaviour that cannot be observed from outside: lookups that take no lock, and races.

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

/// Whether a lookup would try to start a refresh, which takes the locks of fetches, breaker and
/// budget.
fn is_due(store: &KeyStore, id: &KeyId) -> bool {
    store.set.load().find(&id.endpoint, id.kid).unwrap().is_due(Instant::now())
}

#[tokio::test]
async fn while_a_refresh_runs_lookups_take_no_lock() {
    let (store, id) = store();
    assert!(is_due(&store, &id));
    assert!(matches!(store.lookup(&id.endpoint, id.kid), Lookup::Ready(..)));
    assert_eq!(store.in_flight.len(), 1);
    assert!(!is_due(&store, &id));
}

#[tokio::test]
async fn while_a_refresh_may_not_start_lookups_take_no_lock() {
    let (store, id) = store();
    assert!(matches!(store.lookup(&id.endpoint, id.kid), Lookup::Ready(..)));
    while store.in_flight.len() > 0 {
        tokio::task::yield_now().await;
    }
    // The endpoint counts as down. Another of its keys reaches the age at which it is refreshed:
    hold(&store, &id);
    assert!(is_due(&store, &id));
    assert!(matches!(store.lookup(&id.endpoint, id.kid), Lookup::Ready(..)));
    assert_eq!(store.in_flight.len(), 0, "it may not start");
    assert!(!is_due(&store, &id), "otherwise each lookup until then would take locks");
}

#[tokio::test]
async fn a_lookup_at_the_end_of_a_fetch_starts_no_second_one() {
    let (store, id) = store();
    // The lookup started before the key was held. Now the key is held and its fetch has ended.
    assert!(matches!(store.lookup_unknown(id), Lookup::Ready(..)));
    assert_eq!(store.in_flight.len(), 0);
}

#[test]
fn a_key_that_is_fetched_again_keeps_its_allocation_so_its_tokens_stay_cached() {
    let (store, id) = store();
    let held = Arc::clone(&store.set.load().find(&id.endpoint, id.kid).unwrap().key);
    let again = store.publish(id.clone(), Instant::now(), test_key());
    assert!(Arc::ptr_eq(&held, &again));
    assert!(Arc::ptr_eq(&held, &store.set.load().find(&id.endpoint, id.kid).unwrap().key));
}
