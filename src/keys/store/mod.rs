//! The key store and its lookups. The contract is in the documentation of `keys`. `fetch` starts
//! fetches, `fetch_result` applies their results, and `report` has the functions for operators.

mod fetch;
mod fetch_result;
mod report;

use std::{
    pin::Pin,
    time::{Duration, Instant},
};

use super::{
    KeyId,
    budget::Budget,
    endpoint_health::{Health, Purpose},
    set::{HeldKey, KeySet, RefreshState},
    source::SharedSource,
    unknown::{AbsentReason, UnknownKids},
};
use crate::alb::{Kid, PublicKey};
use crate::sync::Second;
use crate::{
    alb::KeyEndpoint,
    limits::KeyLimits,
    sync::{Arc, ArcSwap, Mutex, SharedClock, SingleFlight, TaskLost, Waiter},
};

/// The budget for refreshes of held keys, and for fetches of kids whose keys have verified a token
/// and are not held: maximum concurrent, per second, and in a burst.
const REFRESH_BUDGET: (usize, u32, u32) = (4, 4, 64);

type Fetched = Result<Arc<PublicKey>, KeyError>;

pub(crate) struct KeyStore {
    set: ArcSwap<KeySet>,
    /// Locked while the next set is built.
    writer: Mutex<()>,
    pinned: Vec<(KeyId, Arc<PublicKey>)>,
    source: Option<SharedSource>,
    unknown: UnknownKids,
    in_flight: SingleFlight<KeyId, Fetched>,
    unknown_budget: Budget,
    known_budget: Budget,
    refresh_budget: Budget,
    health: Health,
    limits: KeyLimits,
    /// The age at which a key is refreshed. Computed once, because each lookup needs it.
    refresh_age: Duration,
    clock: SharedClock,
}

/// The result of a lookup, without waiting.
pub(crate) enum Lookup {
    /// With the second of the lookup, for [`KeyStore::proven`].
    Ready(Arc<PublicKey>, Second),
    Wait(KeyFuture),
    Refused(KeyError),
}

/// Whether a request waits for a refresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RefreshMode {
    /// No request waits. The start of the refresh is recorded in the set.
    Background,
    /// A request waits, and further requests join it.
    Awaited,
}

/// A key that is being fetched.
pub(crate) type KeyFuture = Pin<Box<dyn Future<Output = Fetched> + Send>>;

/// Why no key is returned.
#[derive(Debug, Clone)]
pub(crate) enum KeyError {
    /// The endpoint has no such key.
    Unknown,
    /// The endpoint is unreachable, or breaker or budget permit no fetch now.
    Unavailable { reason: String, retry_after: Duration, source: Option<Cause> },
    /// The endpoint responded with something that is not a key.
    Rejected { reason: String, retry_after: Duration, source: Option<Cause> },
}

/// The error behind a fetch that failed. A failure that is remembered has none.
pub(crate) type Cause = Arc<dyn std::error::Error + Send + Sync>;

impl KeyStore {
    pub(crate) fn new(
        source: Option<SharedSource>,
        pinned: Vec<(KeyId, Arc<PublicKey>)>,
        limits: KeyLimits,
        clock: SharedClock,
    ) -> Self {
        let (concurrent, rate, burst) = REFRESH_BUDGET;
        Self {
            set: ArcSwap::from_pointee(KeySet::new(clock.monotonic())),
            writer: Mutex::default(),
            pinned,
            source,
            unknown: UnknownKids::new(&limits),
            in_flight: SingleFlight::new(limits.lost_after(), clock.clone()),
            unknown_budget: Budget::new(limits.max_concurrent_fetches, limits.fetches_per_second, limits.fetch_burst),
            known_budget: Budget::new(concurrent, rate, burst),
            refresh_budget: Budget::new(concurrent, rate, burst),
            health: Health::default(),
            refresh_age: limits.refresh_age(),
            limits,
            clock,
        }
    }

    /// Takes over keys and kids from the store of the previous configuration: the keys of these
    /// endpoints if both stores have the same source, and in any case the kids in use. A key from a
    /// replaced source is not trusted.
    pub(crate) fn adopt(&self, other: &Self, endpoints: &[KeyEndpoint]) {
        let same_source = match (&self.source, &other.source) {
            (Some(source), Some(replaced)) => source.is_same_as(replaced),
            _ => false,
        };
        let kept = other.set.load().after_reload(endpoints, same_source);
        kept.iter().for_each(|held| self.health.has_returned_a_key(&held.id.endpoint));
        self.set.store(Arc::new(kept));
    }

    /// Records that this key has verified a token. A client without a trusted token cannot cause
    /// this. Takes a lock the first time only.
    #[inline]
    pub(crate) fn proven(&self, endpoint: &KeyEndpoint, kid: Kid, key: &PublicKey, at: Second) {
        if key.note_use(at) {
            self.proven_for_the_first_time(&KeyId { endpoint: endpoint.clone(), kid }, at);
        }
    }

    #[cold]
    fn proven_for_the_first_time(&self, id: &KeyId, at: Second) {
        let _writer = self.writer.lock();
        let set = self.set.load();
        self.set.store(Arc::new(set.with_proven(id, at, self.limits.max_keys)));
    }

    /// The current second, for recording the use of a key.
    pub(crate) fn second(&self) -> Second {
        self.set.load().second(self.clock.monotonic())
    }

    /// The key of a kid: at once if it is held, otherwise from a fetch that all requests for it
    /// share.
    pub(crate) fn lookup(self: &Arc<Self>, endpoint: &KeyEndpoint, kid: Kid) -> Lookup {
        let matches_request = |id: &KeyId| id.kid == kid && id.endpoint == *endpoint;
        if let Some((_, key)) = self.pinned.iter().find(|(id, _)| matches_request(id)) {
            // Static keys are never evicted, so their use is not tracked.
            return Lookup::Ready(Arc::clone(key), Second::NEVER);
        }
        let set = self.set.load();
        match set.find(endpoint, kid) {
            Some(held) => self.lookup_held(held, &set),
            None => self.lookup_unknown(KeyId { endpoint: endpoint.clone(), kid }),
        }
    }

    fn lookup_held(self: &Arc<Self>, held: &HeldKey, set: &KeySet) -> Lookup {
        let now = self.clock.monotonic();
        let age = now.saturating_duration_since(held.fetched_at);
        let ready = || Lookup::Ready(Arc::clone(&held.key), set.second(now));
        if age < self.refresh_age {
            return ready();
        }
        if !held.is_proven() {
            // Any client may have named it, so it does not use the budget for refreshes of keys in
            // use.
            return self.lookup_unknown(held.id.clone());
        }
        let due = held.is_due(now);
        let usable = age <= self.limits.max_age();
        // Past its lifetime, a request waits for the fresh key, but only until a refresh has
        // failed.
        let wait = age >= self.limits.lifetime && due && held.refresh.failures == 0;
        if usable && !wait {
            if due {
                // No request waits for this refresh, so a reason not to start it is not an error.
                drop(self.refresh(&held.id, now, RefreshMode::Background));
            }
            return ready();
        }
        let refresh = if due { self.refresh(&held.id, now, RefreshMode::Awaited) } else { self.joined(held, now) };
        // If the fetch fails, it returns the old key as long as that is usable.
        match refresh {
            Ok(waiter) => Lookup::Wait(Box::pin(wait_for(waiter, usable.then(|| Arc::clone(&held.key))))),
            Err(_) if usable => ready(),
            Err(error) => Lookup::Refused(error),
        }
    }

    /// A waiter for the refresh in progress, or why there is none.
    fn joined(&self, held: &HeldKey, now: Instant) -> Result<Waiter<Fetched>, KeyError> {
        self.in_flight.waiter(&held.id).ok_or_else(|| {
            let reason = format!("the key {} is too old and could not be refreshed", held.id.kid);
            let wait = held.refresh.not_before.unwrap_or(now).saturating_duration_since(now);
            KeyError::unavailable(reason, self.retry_after(&held.id, Purpose::Refresh, wait, now))
        })
    }

    fn lookup_unknown(self: &Arc<Self>, id: KeyId) -> Lookup {
        let now = self.clock.monotonic();
        if let Some(error) = self.remembered(&id, now) {
            return Lookup::Refused(error);
        }
        let start = || {
            // Checked again under the lock: a fetch of this kid may have ended in between.
            let set = self.set.load();
            let fresh =
                |held: &&HeldKey| held.is_proven() || now.saturating_duration_since(held.fetched_at) < self.refresh_age;
            if let Some(held) = set.find(&id.endpoint, id.kid).filter(fresh) {
                return Err(Lookup::Ready(Arc::clone(&held.key), set.second(now)));
            }
            if let Some(error) = self.remembered(&id, now) {
                return Err(Lookup::Refused(error));
            }
            // Made-up kids cannot exhaust the budget of kids whose keys have verified a token, and
            // neither can exhaust the budget for refreshes of the keys in use.
            if set.is_proven_kid(&id)
                && let Ok(fetch) = self.begin(&id, now, Purpose::Known)
            {
                return Ok(fetch);
            }
            self.begin(&id, now, Purpose::Unknown).map_err(Lookup::Refused)
        };
        match self.in_flight.join(id.clone(), start) {
            Ok(waiter) => Lookup::Wait(Box::pin(wait_for(waiter, None))),
            Err(known) => known,
        }
    }

    /// Starts a refresh of every key in use that is due.
    pub(crate) fn refresh_due(self: &Arc<Self>) {
        let now = self.clock.monotonic();
        self.report_age(now);
        let set = self.set.load_full();
        for held in set.proven() {
            let age = now.saturating_duration_since(held.fetched_at);
            if age >= self.refresh_age && held.is_due(now) {
                // The task publishes the key; no caller waits for it.
                drop(self.refresh(&held.id, now, RefreshMode::Background));
            }
        }
    }

    fn refresh(self: &Arc<Self>, id: &KeyId, now: Instant, mode: RefreshMode) -> Result<Waiter<Fetched>, KeyError> {
        self.in_flight.join(id.clone(), || {
            let fetch = self.begin(id, now, Purpose::Refresh);
            if mode == RefreshMode::Background {
                let wait = match &fetch {
                    Err(KeyError::Unavailable { retry_after, .. }) => *retry_after,
                    _ => self.limits.lost_after(),
                };
                self.mark_started(id, now.checked_add(wait));
            }
            fetch
        })
    }

    /// Records in the set that a refresh runs or may not start yet, so that lookups until then take
    /// no lock.
    fn mark_started(&self, id: &KeyId, not_before: Option<Instant>) {
        let _writer = self.writer.lock();
        let set = self.set.load();
        let Some(held) = set.find(&id.endpoint, id.kid) else { return };
        let refresh = RefreshState { not_before, ..held.refresh };
        self.set.store(Arc::new(set.with(HeldKey { refresh, ..held.clone() }, self.limits.max_keys)));
    }

    /// The time to retry for a key that may be requested after this wait: not before its endpoint
    /// may be requested.
    fn retry_after(&self, id: &KeyId, purpose: Purpose, wait: Duration, now: Instant) -> Duration {
        self.health.blocked(&id.endpoint, purpose, now).map_or(wait, |blocked| blocked.max(wait))
    }

    fn remembered(&self, id: &KeyId, now: Instant) -> Option<KeyError> {
        let (reason, wait) = self.unknown.find(id, now)?;
        let wait = || self.retry_after(id, Purpose::Unknown, wait, now);
        Some(match reason {
            AbsentReason::Unknown => KeyError::Unknown,
            AbsentReason::Failed => {
                KeyError::unavailable(format!("the last fetch of the key {} failed", id.kid), wait())
            }
            AbsentReason::Rejected => {
                KeyError::Rejected { reason: format!("{}/{}", id.endpoint, id.kid), retry_after: wait(), source: None }
            }
        })
    }
}

impl HeldKey {
    fn is_due(&self, now: Instant) -> bool {
        self.refresh.not_before.is_none_or(|not_before| now >= not_before)
    }
}

impl KeyError {
    pub(super) fn into_source(self) -> Option<Cause> {
        match self {
            Self::Unknown => None,
            Self::Unavailable { source, .. } | Self::Rejected { source, .. } => source,
        }
    }

    fn unavailable(reason: String, retry_after: Duration) -> Self {
        Self::Unavailable { reason, retry_after, source: None }
    }
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("the endpoint has no such key"),
            Self::Unavailable { reason, .. } | Self::Rejected { reason, .. } => f.write_str(reason),
        }
    }
}

/// Waits for a fetch. If it is lost (it panicked, or its runtime shut down), the held key is
/// returned, if there is one.
async fn wait_for(waiter: Waiter<Fetched>, held: Option<Arc<PublicKey>>) -> Fetched {
    waiter.wait().await.unwrap_or_else(|TaskLost| {
        let reason = "the fetch of the key ended without a result; is a tokio runtime running?";
        held.ok_or_else(|| KeyError::unavailable(reason.to_owned(), Duration::from_secs(1)))
    })
}

#[cfg(all(test, shuttle))]
mod models;
#[cfg(test)]
mod tests;
