//! Look-ups, fetches and what becomes of them. The contract stands in the folder's `mod.rs`.

use std::{
    pin::Pin,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;

use super::{
    KeyId, Kid, PublicKey, Readiness,
    budget::Budget,
    endpoint_health::{Ending, Health, Purpose},
    set::{HeldKey, KeySet, RefreshState},
    source::{KeyRequest, KeySource, KeySourceError, KeySourceErrorKind},
    unknown::{AbsentReason, UnknownKids},
};
use crate::{
    clock::SharedClock,
    config::{KeyEndpoint, KeyLimits},
    flight::{Aborted, Flights, Seat},
    sync::{Arc, Mutex},
};

/// How many refreshes of held keys run at once, start a second and start in a burst.
const REFRESH_BUDGET: (usize, u32, u32) = (4, 4, 64);

/// A held key that its endpoint says is not there is asked for again after this time,
const SUSPECT_RETRY: Duration = Duration::from_secs(30);
/// and dropped after so many such answers in a row
const SUSPECT_ANSWERS: u32 = 3;
/// over at least this time.
const SUSPECT_TIME: Duration = Duration::from_secs(120);

/// The wait before the second try of a fetch; up to as much again is added by chance.
const RETRY_WAIT: Duration = Duration::from_millis(50);

type Fetched = Result<Arc<PublicKey>, KeyError>;

pub(crate) struct KeyStore {
    set: ArcSwap<KeySet>,
    /// Held while the next set is built.
    writer: Mutex<()>,
    pinned: Vec<(Kid, Arc<PublicKey>)>,
    source: Option<Arc<dyn KeySource>>,
    unknown: UnknownKids,
    flights: Flights<KeyId, Fetched>,
    unknown_budget: Budget,
    refresh_budget: Budget,
    health: Health,
    limits: KeyLimits,
    /// The age at which a key is asked for again: asked at each look-up, so worked out once.
    refresh_age: Duration,
    clock: SharedClock,
}

/// What a look-up finds without waiting.
pub(crate) enum Lookup {
    Ready(Arc<PublicKey>),
    Wait(KeyFuture),
    Refused(KeyError),
}

/// Whether a refresh is noted in the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MarkStarted {
    Yes,
    No,
}

/// A key that is being fetched.
pub(crate) type KeyFuture = Pin<Box<dyn Future<Output = Fetched> + Send>>;

/// Why there is no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyError {
    /// The endpoint knows no such key.
    Unknown,
    /// The endpoint is out of reach, or may not be asked now.
    Unavailable { reason: String, retry_after: Duration },
    /// The endpoint gave something that is not a key.
    Rejected { reason: String, retry_after: Duration },
}

impl KeyStore {
    pub(crate) fn new(
        source: Option<Arc<dyn KeySource>>,
        pinned: Vec<(Kid, Arc<PublicKey>)>,
        limits: KeyLimits,
        clock: SharedClock,
    ) -> Self {
        let (concurrent, rate, burst) = REFRESH_BUDGET;
        Self {
            set: ArcSwap::default(),
            writer: Mutex::default(),
            pinned,
            source,
            unknown: UnknownKids::new(&limits),
            flights: Flights::new(limits.lost_after(), clock.clone()),
            unknown_budget: Budget::new(limits.max_concurrent_fetches, limits.fetches_per_second, limits.fetch_burst),
            refresh_budget: Budget::new(concurrent, rate, burst),
            health: Health::default(),
            refresh_age: limits.refresh_age(),
            limits,
            clock,
        }
    }

    /// Takes over the keys that another store holds of these endpoints: what a reload of the configuration keeps. A store
    /// that was given its keys and fetches none is to use those and no others.
    pub(crate) fn adopt(&self, other: &Self, endpoints: &[KeyEndpoint]) {
        if self.source.is_none() {
            return;
        }
        let kept = other.set.load().only(endpoints);
        kept.iter().for_each(|held| self.health.gave_a_key(&held.id.endpoint));
        self.set.store(Arc::new(kept));
    }

    /// The key of a kid: at once if it is held, else from a fetch, one for all who ask.
    pub(crate) fn lookup(self: &Arc<Self>, endpoint: &KeyEndpoint, kid: Kid) -> Lookup {
        if let Some((_, key)) = self.pinned.iter().find(|(pinned, _)| *pinned == kid) {
            return Lookup::Ready(Arc::clone(key));
        }
        let set = self.set.load();
        match set.find(endpoint, kid) {
            Some(held) => self.lookup_held(held),
            None => self.lookup_unknown(KeyId { endpoint: endpoint.clone(), kid }),
        }
    }

    fn lookup_held(self: &Arc<Self>, held: &HeldKey) -> Lookup {
        let now = self.clock.monotonic();
        let age = now.saturating_duration_since(held.fetched_at);
        let ready = || Lookup::Ready(Arc::clone(&held.key));
        if age < self.refresh_age {
            return ready();
        }
        let due = held.is_due(now);
        let usable = age <= self.limits.max_age();
        // Past its lifetime it is better to wait for the fresh one, but not again and again while refreshes fail.
        let wait = age >= self.limits.lifetime && due && held.refresh.failures == 0;
        if usable && !wait {
            if due {
                // Nobody waits for it, so what keeps it from starting is no error of this request.
                drop(self.refresh(&held.id, now, MarkStarted::Yes));
            }
            return ready();
        }
        let refresh = if due { self.refresh(&held.id, now, MarkStarted::No) } else { self.joined(held, now) };
        // If the fetch fails, the errand gives the old key as long as it is usable.
        match refresh {
            Ok(seat) => Lookup::Wait(Box::pin(land(seat, usable.then(|| Arc::clone(&held.key))))),
            Err(_) if usable => ready(),
            Err(error) => Lookup::Refused(error),
        }
    }

    /// A seat in the refresh that is under way, or why there is none.
    fn joined(&self, held: &HeldKey, now: Instant) -> Result<Seat<Fetched>, KeyError> {
        self.flights.seat(&held.id).ok_or_else(|| {
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
            // Once more, now that no fetch of this kid can end unseen.
            if let Some(held) = self.set.load().find(&id.endpoint, id.kid) {
                return Err(Lookup::Ready(Arc::clone(&held.key)));
            }
            if let Some(error) = self.remembered(&id, now) {
                return Err(Lookup::Refused(error));
            }
            self.begin(&id, now, Purpose::Unknown).map_err(Lookup::Refused)
        };
        match self.flights.join(id.clone(), start) {
            Ok(seat) => Lookup::Wait(Box::pin(land(seat, None))),
            Err(known) => known,
        }
    }

    /// Starts a refresh of every held key that is due.
    pub(crate) fn refresh_due(self: &Arc<Self>) {
        let now = self.clock.monotonic();
        let set = self.set.load_full();
        for held in set.iter() {
            let age = now.saturating_duration_since(held.fetched_at);
            if age >= self.refresh_age && held.is_due(now) {
                // What it brings is published by its task; nobody waits here.
                drop(self.refresh(&held.id, now, MarkStarted::Yes));
            }
        }
    }

    fn refresh(self: &Arc<Self>, id: &KeyId, now: Instant, mark: MarkStarted) -> Result<Seat<Fetched>, KeyError> {
        self.flights.join(id.clone(), || {
            let errand = self.begin(id, now, Purpose::Refresh);
            if mark == MarkStarted::Yes {
                let wait = match &errand {
                    Err(KeyError::Unavailable { retry_after, .. }) => *retry_after,
                    _ => self.limits.lost_after(),
                };
                self.mark_started(id, now.checked_add(wait));
            }
            errand
        })
    }

    /// Notes in the set that a refresh runs, or may not run yet, so that look-ups meanwhile need not ask what is behind locks.
    fn mark_started(&self, id: &KeyId, not_before: Option<Instant>) {
        let _writer = self.writer.lock();
        let set = self.set.load();
        let Some(held) = set.find(&id.endpoint, id.kid) else { return };
        let refresh = RefreshState { not_before, ..held.refresh };
        self.set.store(Arc::new(set.with(HeldKey { refresh, ..held.clone() }, self.limits.max_keys)));
    }

    /// A fetch, if breaker and budget allow one.
    fn begin(
        self: &Arc<Self>,
        id: &KeyId,
        now: Instant,
        purpose: Purpose,
    ) -> Result<impl Future<Output = Fetched> + Send + 'static, KeyError> {
        let source = self.source.clone().ok_or(KeyError::Unknown)?;
        if let Some(wait) = self.health.blocked(&id.endpoint, purpose, now) {
            return Err(KeyError::unavailable(format!("{} counts as down", id.endpoint), wait));
        }
        let permit = self.budget(purpose).take(now).ok_or_else(|| {
            KeyError::unavailable(
                "the budget of key fetches is spent: many kids that are not held".to_owned(),
                Duration::from_secs(1),
            )
        })?;
        self.health.begin(&id.endpoint, purpose, now, &self.limits);
        let (store, id) = (Arc::clone(self), id.clone());
        Ok(async move {
            let fetch = store.fetch(&*source, &id, purpose);
            let answer = match tokio::time::timeout(store.limits.fetch_timeout, fetch).await {
                Ok(answer) => answer,
                Err(_) => {
                    Err(KeySourceError::new(KeySourceErrorKind::Timeout, "the fetch took longer than fetch_timeout"))
                }
            };
            drop(permit);
            store.settle(id, purpose, now, answer)
        })
    }

    /// Asks the source, twice if the first answer is worth it and the budget allows.
    async fn fetch(&self, source: &dyn KeySource, id: &KeyId, purpose: Purpose) -> Result<Vec<u8>, KeySourceError> {
        let request = KeyRequest::new(id.endpoint.clone(), id.kid);
        match source.fetch(request.clone()).await {
            Err(error) if error.is_worth_a_retry() && self.budget(purpose).take_retry(self.clock.monotonic()) => {
                tokio::time::sleep(self.unknown.jittered(RETRY_WAIT)).await;
                source.fetch(request).await
            }
            answer => answer,
        }
    }

    fn budget(&self, purpose: Purpose) -> &Budget {
        match purpose {
            Purpose::Unknown => &self.unknown_budget,
            Purpose::Refresh => &self.refresh_budget,
        }
    }

    /// Publishes what a fetch brought, or remembers that it brought nothing.
    fn settle(
        &self,
        id: KeyId,
        purpose: Purpose,
        started: Instant,
        answer: Result<Vec<u8>, KeySourceError>,
    ) -> Fetched {
        let now = self.clock.monotonic();
        let ended = |ending| self.health.ended(&id.endpoint, purpose, ending, now, &self.limits);
        match answer {
            Ok(pem) => match PublicKey::from_pem(&pem) {
                Ok(key) => {
                    ended(Ending::Key);
                    Ok(self.publish(id, started, key))
                }
                Err(error) => {
                    let reason = format!("{}/{} answered with something that is {error}", id.endpoint, id.kid);
                    ended(Ending::Failure(&reason));
                    self.failed(&id, AbsentReason::Rejected, None, reason)
                }
            },
            Err(error) if error.kind() == KeySourceErrorKind::NotFound => {
                ended(Ending::NotFound(&error.to_string()));
                self.not_found(&id)
            }
            Err(error) => {
                let reason = error.to_string();
                ended(Ending::Failure(&reason));
                self.failed(&id, AbsentReason::Failed, error.retry_delay(), reason)
            }
        }
    }

    fn publish(&self, id: KeyId, started: Instant, key: PublicKey) -> Arc<PublicKey> {
        let _writer = self.writer.lock();
        let set = self.set.load();
        let mut key = Arc::new(key);
        if let Some(held) = set.find(&id.endpoint, id.kid) {
            if held.fetched_at > started {
                return Arc::clone(&held.key);
            }
            if held.key == key {
                // The same allocation, so that tokens verified with it stay remembered.
                key = Arc::clone(&held.key);
            } else {
                tracing::error!(endpoint = %id.endpoint, kid = %id.kid, "the key of a kid has changed, which AWS never does");
            }
        }
        self.unknown.forget(&id);
        let held = HeldKey { id, key: Arc::clone(&key), fetched_at: started, refresh: RefreshState::default() };
        self.set.store(Arc::new(set.with(held, self.limits.max_keys)));
        key
    }

    /// The endpoint says that there is no such key.
    fn not_found(&self, id: &KeyId) -> Fetched {
        let now = self.clock.monotonic();
        let _writer = self.writer.lock();
        let set = self.set.load();
        let Some(held) = set.find(&id.endpoint, id.kid) else {
            self.unknown.unknown(id, now, &self.limits);
            return Err(KeyError::Unknown);
        };
        let first_refusal = held.refresh.first_refusal.unwrap_or(now);
        let refusals = held.refresh.refusals.saturating_add(1);
        if refusals >= SUSPECT_ANSWERS && now.saturating_duration_since(first_refusal) >= SUSPECT_TIME {
            tracing::warn!(endpoint = %id.endpoint, kid = %id.kid, "the endpoint has withdrawn a key: it is dropped");
            self.unknown.unknown(id, now, &self.limits);
            self.set.store(Arc::new(set.without(id)));
            return Err(KeyError::Unknown);
        }
        let refresh = RefreshState {
            not_before: now.checked_add(SUSPECT_RETRY),
            failures: 0,
            refusals,
            first_refusal: Some(first_refusal),
        };
        self.keep(&set, held, refresh, now, "the endpoint says there is no such key".to_owned())
    }

    /// The fetch failed. A key that is held stays, unless it is too old.
    fn failed(&self, id: &KeyId, reason: AbsentReason, at_least: Option<Duration>, sentence: String) -> Fetched {
        let now = self.clock.monotonic();
        let _writer = self.writer.lock();
        let set = self.set.load();
        let Some(held) = set.find(&id.endpoint, id.kid) else {
            let wait = self.unknown.failed(id, reason, now, at_least, &self.limits);
            let wait = self.retry_after(id, Purpose::Unknown, wait, now);
            return Err(match reason {
                AbsentReason::Rejected => KeyError::Rejected { reason: sentence, retry_after: wait },
                _ => KeyError::unavailable(sentence, wait),
            });
        };
        let failures = held.refresh.failures.saturating_add(1);
        let doubled =
            Duration::from_secs(1).saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        let wait = doubled.max(at_least.unwrap_or_default()).min(self.limits.max_retry_wait);
        // A failure is no answer, so it ends a row of answers that there is no such key.
        let refresh = RefreshState { not_before: now.checked_add(wait), failures, refusals: 0, first_refusal: None };
        self.keep(&set, held, refresh, now, sentence)
    }

    /// Holds on to a key whose refresh brought nothing, and gives it if it is not too old. The writer's lock is held.
    fn keep(&self, set: &KeySet, held: &HeldKey, refresh: RefreshState, now: Instant, reason: String) -> Fetched {
        self.set.store(Arc::new(set.with(HeldKey { refresh, ..held.clone() }, self.limits.max_keys)));
        if now.saturating_duration_since(held.fetched_at) <= self.limits.max_age() {
            return Ok(Arc::clone(&held.key));
        }
        let wait = refresh.not_before.unwrap_or(now).saturating_duration_since(now);
        Err(KeyError::unavailable(reason, self.retry_after(&held.id, Purpose::Refresh, wait, now)))
    }

    /// When to come back for a key that may be asked for after this wait: not before its endpoint may be asked.
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
                KeyError::Rejected { reason: format!("{}/{}", id.endpoint, id.kid), retry_after: wait() }
            }
        })
    }

    /// Asks each endpoint whether it answers at all, and fetches these kids from whichever knows them.
    ///
    /// # Errors
    /// What is wrong, a sentence an endpoint or kid.
    pub(crate) async fn warm_up(self: &Arc<Self>, endpoints: &[KeyEndpoint], kids: &[Kid]) -> Result<(), Vec<String>> {
        let mut problems = Vec::new();
        for endpoint in endpoints {
            if let Some(source) = &self.source {
                let request = KeyRequest::new(endpoint.clone(), Kid::NIL);
                match tokio::time::timeout(self.limits.fetch_timeout, source.fetch(request)).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) if error.kind() == KeySourceErrorKind::NotFound => {}
                    Ok(Err(error)) => problems.push(format!("{endpoint} does not answer: {error}")),
                    Err(_) => problems.push(format!("{endpoint} does not answer within fetch_timeout")),
                }
            }
        }
        for kid in kids {
            let mut missing = Vec::new();
            for endpoint in endpoints {
                let found = match self.lookup(endpoint, *kid) {
                    Lookup::Ready(_) => Ok(()),
                    Lookup::Wait(fetch) => fetch.await.map(drop),
                    Lookup::Refused(error) => Err(error),
                };
                missing.extend(found.err().map(|error| format!("{endpoint}/{kid}: {error}")));
            }
            // A kid is of one region, so one endpoint that knows it is enough.
            if missing.len() == endpoints.len() {
                problems.append(&mut missing);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Whether requests can be judged.
    pub(crate) fn readiness(&self) -> Readiness {
        let now = self.clock.monotonic();
        let set = self.set.load();
        let usable = |endpoint: &KeyEndpoint| {
            set.iter().any(|held| {
                held.id.endpoint == *endpoint && now.saturating_duration_since(held.fetched_at) <= self.limits.max_age()
            })
        };
        // By then a request would have tried, had there been any.
        let long_ago = self.limits.breaker_max_wait.saturating_add(self.limits.fetch_timeout);
        let mut readiness = Readiness { ready: true, problems: Vec::new() };
        for (endpoint, problem) in self.health.problems() {
            let over = now.saturating_duration_since(problem.since) > long_ago;
            readiness.ready &= over || usable(&endpoint);
            readiness.problems.push(format!("{endpoint}: {}", problem.sentence));
        }
        readiness
    }

    /// Keys held, kids remembered as unknown, fetches under way.
    pub(crate) fn sizes(&self) -> (usize, usize, usize) {
        (self.set.load().len(), self.unknown.len(), self.flights.len())
    }
}

impl HeldKey {
    fn is_due(&self, now: Instant) -> bool {
        self.refresh.not_before.is_none_or(|not_before| now >= not_before)
    }
}

impl KeyError {
    fn unavailable(reason: String, retry_after: Duration) -> Self {
        Self::Unavailable { reason, retry_after }
    }
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such key"),
            Self::Unavailable { reason, .. } | Self::Rejected { reason, .. } => f.write_str(reason),
        }
    }
}

/// Waits for a fetch. Where it is lost (it panicked, or its runtime ended), a key that is held stands in.
async fn land(seat: Seat<Fetched>, held: Option<Arc<PublicKey>>) -> Fetched {
    seat.land().await.unwrap_or_else(|Aborted| {
        let reason = "the fetch of the key ended without an answer; is a tokio runtime running?";
        held.ok_or_else(|| KeyError::unavailable(reason.to_owned(), Duration::from_secs(1)))
    })
}

#[cfg(test)]
mod tests;
