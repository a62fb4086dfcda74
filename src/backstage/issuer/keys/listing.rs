//! What the store lists, for a crowd.
//!
//! | situation | store queries |
//! |---|---|
//! | many ask at once | one at a time; whoever asks while one runs waits for the one after it, with all others |
//! | a token's kid is known | none, but for one where the listing is older than [`VERIFIER_CACHE`] |
//! | a token's kid is unknown | one, out of a budget: strangers can make up kids |
//!
//! To join a query that already runs would be wrong: a key that was published meanwhile may not be in its answer, and a
//! verifier that asks for that very key then must not be told that there is none.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use super::schedule::VERIFIER_CACHE;
use crate::{
    backstage::{
        PublicJwk,
        store::{PublicKeyStore, StoreError, StoredKey},
    },
    internal::{Mutex, SharedClock},
    keys::Budget,
};

/// A store that says nothing for so long is out of reach.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// Queries for unknown kids: so many at once, then so many a second.
const BURST: u32 = 10;
const PER_SECOND: u32 = 1;

pub(super) struct Listings {
    store: Arc<dyn PublicKeyStore>,
    clock: SharedClock,
    /// For so long a row is listed, where it does not say itself.
    listed_for: Duration,
    /// How many queries have begun.
    begun: AtomicU64,
    /// One query at a time.
    gate: tokio::sync::Mutex<Option<Answer>>,
    last: Mutex<Last>,
    unknown: Budget,
}

/// The last answer, and the number of its query.
type Answer = (u64, Result<Arc<Listing>, StoreError>);

#[derive(Default)]
struct Last {
    listing: Option<Arc<Listing>>,
    asked: Option<Instant>,
}

/// What a store said.
pub(super) struct Listing {
    rows: Vec<Row>,
}

struct Row {
    key: PublicJwk,
    until: SystemTime,
}

impl Listing {
    /// The keys that are within their time, the oldest first.
    pub(super) fn live(&self, now: SystemTime) -> impl Iterator<Item = &PublicJwk> {
        self.rows.iter().filter(move |row| now < row.until).map(|row| &row.key)
    }

    /// Whether the store has this key, within its time or not.
    pub(super) fn has(&self, kid: &str) -> bool {
        self.rows.iter().any(|row| row.key.kid() == kid)
    }

    /// The ids of those past it.
    pub(super) fn expired(&self, now: SystemTime) -> Vec<String> {
        self.rows.iter().filter(|row| now >= row.until).map(|row| row.key.kid().to_owned()).collect()
    }

    fn find(&self, kid: &str, now: SystemTime) -> Option<&PublicJwk> {
        self.live(now).find(|key| key.kid() == kid)
    }
}

impl Listings {
    pub(super) fn new(store: Arc<dyn PublicKeyStore>, clock: SharedClock, listed_for: Duration) -> Self {
        Self {
            store,
            clock,
            listed_for,
            begun: AtomicU64::new(0),
            gate: tokio::sync::Mutex::new(None),
            last: Mutex::default(),
            unknown: Budget::new(usize::MAX, PER_SECOND, BURST),
        }
    }

    /// What the store lists: everything that was published before this is called.
    pub(super) async fn fresh(&self) -> Result<Arc<Listing>, StoreError> {
        let begun_before = self.begun.load(Ordering::SeqCst);
        let mut gate = self.gate.lock().await;
        if let Some((number, result)) = &*gate
            && *number > begun_before
        {
            return result.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        self.last.lock().asked = Some(self.clock.monotonic());
        let result = with_timeout(self.store.list()).await.map(|rows| Arc::new(self.read(rows)));
        if let Ok(listing) = &result {
            self.last.lock().listing = Some(Arc::clone(listing));
        }
        *gate = Some((number, result.clone()));
        result
    }

    /// What the store listed last.
    pub(super) fn last(&self) -> Option<Arc<Listing>> {
        self.last.lock().listing.clone()
    }

    /// The key of this kid, listed anew where that may help; `None` if nobody has published one.
    pub(super) async fn find(&self, kid: &str, now: SystemTime) -> Result<Option<PublicJwk>, StoreError> {
        if let Some(key) = self.last().and_then(|listing| listing.find(kid, now).cloned()) {
            if !self.is_old() {
                return Ok(Some(key));
            }
            // A key that is known is good for its time, so a store that is down takes nothing away.
            return Ok(self.fresh().await.map_or(Some(key), |listing| listing.find(kid, now).cloned()));
        }
        let spent = || StoreError::new("tokens with unknown kids come so often that the store is not asked for each");
        let _permit = self.unknown.take(self.clock.monotonic()).ok_or_else(spent)?;
        Ok(self.fresh().await?.find(kid, now).cloned())
    }

    fn is_old(&self) -> bool {
        let now = self.clock.monotonic();
        let asked = self.last.lock().asked;
        asked.is_none_or(|asked| now.saturating_duration_since(asked) >= VERIFIER_CACHE)
    }

    fn read(&self, mut rows: Vec<StoredKey>) -> Listing {
        rows.sort_by_key(|row| row.created_at);
        let until = |row: &StoredKey| row.expires_at.or_else(|| row.created_at.checked_add(self.listed_for));
        let rows = rows.into_iter().filter_map(|row| Some(Row { until: until(&row)?, key: row.key })).collect();
        Listing { rows }
    }
}

/// The store's answer, or that it gives none.
pub(super) async fn with_timeout<T>(answer: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |_| StoreError::new(format!("the store of public keys has not answered for {STORE_TIMEOUT:?}"));
    tokio::time::timeout(STORE_TIMEOUT, answer).await.map_err(late)?
}
