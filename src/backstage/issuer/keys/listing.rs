//! The store's list of keys, shared by concurrent requests.
//!
//! | situation | store queries |
//! |---|---|
//! | concurrent requests | one at a time; a request that arrives during a query waits for the next one, together with all others |
//! | a token's kid is known | none, except one if the list is older than [`VERIFIER_CACHE`] |
//! | a token's kid is unknown | one, limited by a budget, because an attacker can make up kids |
//!
//! Joining a running query would be wrong: its result may lack a key that was published after it
//! started, and a verifier that requests that key would get a key set without it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use super::schedule::{MAX_LISTED_FOR, RENEWAL_INTERVAL, VERIFIER_CACHE};
use crate::{
    Clock,
    backstage::{
        PublicJwk,
        store::{PublicKeyStore, StoreError, StoredKey},
    },
    internal::{Mutex, SharedClock, timeout},
    keys::Budget,
};

/// A store that does not respond within this time counts as unavailable.
const STORE_TIMEOUT: Duration = Duration::from_secs(5);
/// Budget of queries for unknown kids: the burst, and the rate per second.
const BURST: u32 = 10;
const PER_SECOND: u32 = 1;

pub(super) struct Listings {
    store: Arc<dyn PublicKeyStore>,
    clock: SharedClock,
    /// Number of queries that were started.
    begun: AtomicU64,
    /// Allows one query at a time.
    gate: tokio::sync::Mutex<Option<Answer>>,
    last: Mutex<Last>,
    unknown: Budget,
}

/// The last result, and the number of its query.
type Answer = (u64, Result<Arc<Listing>, StoreError>);

#[derive(Default)]
struct Last {
    listing: Option<Arc<Listing>>,
    queried_at: Option<Instant>,
}

/// The result of a query.
pub(super) struct Listing {
    rows: Vec<Row>,
}

struct Row {
    key: PublicJwk,
    created_at: SystemTime,
    until: SystemTime,
    /// Whether it is a key of this crate, which has its end in the JWK.
    names_its_end: bool,
}

impl Listing {
    /// The keys that have not expired, oldest first.
    pub(super) fn live(&self, now: SystemTime) -> impl Iterator<Item = &PublicJwk> {
        self.rows.iter().filter(move |row| now < row.until).map(|row| &row.key)
    }

    /// Whether the store has this key, expired or not.
    pub(super) fn has(&self, kid: &str) -> bool {
        self.rows.iter().any(|row| row.key.kid() == kid)
    }

    /// The ids of the expired keys.
    pub(super) fn expired(&self, now: SystemTime) -> Vec<String> {
        self.rows.iter().filter(|row| now >= row.until).map(|row| row.key.kid().to_owned()).collect()
    }

    /// How long ago this key was published.
    pub(super) fn age(&self, kid: &str, now: SystemTime) -> Option<Duration> {
        let row = self.rows.iter().find(|row| row.key.kid() == kid)?;
        now.duration_since(row.created_at).ok()
    }

    /// The ids of the rows to renew: keys of this crate, which name their end, and the keys of this
    /// process.
    pub(super) fn to_renew(&self, own: &[PublicJwk], now: SystemTime) -> Vec<String> {
        let is_ours = |row: &&Row| row.names_its_end || own.contains(&row.key);
        let is_old = |row: &&Row| now.duration_since(row.created_at).is_ok_and(|age| age >= RENEWAL_INTERVAL);
        let live = self.rows.iter().filter(|row| now < row.until);
        live.filter(is_ours).filter(is_old).map(|row| row.key.kid().to_owned()).collect()
    }

    fn find(&self, kid: &str, now: SystemTime) -> Option<&PublicJwk> {
        self.live(now).find(|key| key.kid() == kid)
    }
}

impl Listings {
    pub(super) fn new(store: Arc<dyn PublicKeyStore>, clock: SharedClock) -> Self {
        Self {
            store,
            clock,
            begun: AtomicU64::new(0),
            gate: tokio::sync::Mutex::new(None),
            last: Mutex::default(),
            unknown: Budget::new(usize::MAX, PER_SECOND, BURST),
        }
    }

    /// The store's current list: it includes everything that was published before this call.
    pub(super) async fn fresh(&self) -> Result<Arc<Listing>, StoreError> {
        let begun_before = self.begun.load(Ordering::SeqCst);
        let mut gate = self.gate.lock().await;
        if let Some((number, result)) = &*gate
            && *number > begun_before
        {
            return result.clone();
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        self.last.lock().queried_at = Some(self.clock.monotonic());
        let result = with_timeout(self.store.list()).await.map(|rows| Arc::new(self.read(rows)));
        if let Ok(listing) = &result {
            self.last.lock().listing = Some(Arc::clone(listing));
        }
        *gate = Some((number, result.clone()));
        result
    }

    /// The last list.
    pub(super) fn last(&self) -> Option<Arc<Listing>> {
        self.last.lock().listing.clone()
    }

    /// Whether the last list has a key with this kid that has not expired.
    pub(super) fn lists(&self, kid: &str, now: SystemTime) -> bool {
        self.last().is_some_and(|listing| listing.find(kid, now).is_some())
    }

    /// The key with this kid; queries the store if that may help. `None` if the key was never
    /// published.
    pub(super) async fn find(&self, kid: &str, now: SystemTime) -> Result<Option<PublicJwk>, StoreError> {
        if let Some(key) = self.last().and_then(|listing| listing.find(kid, now).cloned()) {
            if !self.is_old() {
                return Ok(Some(key));
            }
            // A known key is valid until it expires, so it does not depend on the store's
            // availability.
            return Ok(self.fresh().await.map_or(Some(key), |listing| listing.find(kid, now).cloned()));
        }
        let spent = || StoreError::throttled("too many tokens with unknown kids: the query budget is spent");
        let _permit = self.unknown.take(self.clock.monotonic()).ok_or_else(spent)?;
        Ok(self.fresh().await?.find(kid, now).cloned())
    }

    fn is_old(&self) -> bool {
        let now = self.clock.monotonic();
        let queried_at = self.last.lock().queried_at;
        queried_at.is_none_or(|queried_at| now.saturating_duration_since(queried_at) >= VERIFIER_CACHE)
    }

    fn read(&self, mut rows: Vec<StoredKey>) -> Listing {
        rows.sort_by_key(|row| row.created_at);
        let latest = self.clock.now().checked_add(MAX_LISTED_FOR);
        let rows = rows.into_iter().filter_map(|StoredKey { key, created_at, expires_at }| {
            // No key has a later end; without one, its replica may have the longest token lifetime.
            let is_possible = |end: &SystemTime| latest.is_none_or(|latest| *end <= latest);
            let end = key.expires_at().filter(is_possible);
            let until = end.or(expires_at.filter(is_possible)).or_else(|| created_at.checked_add(MAX_LISTED_FOR))?;
            Some(Row { key, created_at, until, names_its_end: end.is_some() })
        });
        let rows = rows.collect();
        Listing { rows }
    }
}

/// The store's response, or an error if there is none in time.
pub(super) async fn with_timeout<T>(response: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let late = |elapsed| {
        StoreError::new(format!("the store of public keys did not respond within {STORE_TIMEOUT:?}")).caused_by(elapsed)
    };
    timeout(STORE_TIMEOUT, response).await.map_err(late)?
}
