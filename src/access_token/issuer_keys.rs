//! The held keys of one issuer, and when they are fetched.
//!
//! | situation | result |
//! |---|---|
//! | key held | returned at once; past `refresh_at_percent` of the lifetime a refresh starts in the background |
//! | key held, past its lifetime | the refreshed key; if the fetch fails, the held one for up to `max_stale` longer |
//! | kid not held | one fetch for all requests, at most one in `unknown_for`; then the kid is unknown |
//! | fetch failed | 503; the next fetch after a wait that doubles up to `max_retry_wait` |

use std::{
    pin::Pin,
    time::{Duration, Instant},
};

use arc_swap::ArcSwapOption;

use super::{
    fetch::{NOT_FETCHED, fetch_keys},
    jwk::IssuerKey,
};
use crate::{
    config::{AccessTokenRule, KeysAt},
    keys::KeySource as _,
    limits::KeyLimits,
    sync::{Arc, Mutex, SharedClock, SingleFlight, TaskLost},
    token::jwt::Algorithm,
};

/// The wait after the first failed fetch; it doubles to `max_retry_wait`.
const FIRST_WAIT: Duration = Duration::from_secs(1);

pub(super) struct IssuerKeys {
    rule: Arc<AccessTokenRule>,
    limits: KeyLimits,
    clock: SharedClock,
    held: ArcSwapOption<Held>,
    attempts: Mutex<Attempts>,
    in_flight: SingleFlight<(), Fetched>,
}

struct Held {
    keys: Vec<Arc<IssuerKey>>,
    fetched_at: Instant,
}

#[derive(Default)]
struct Attempts {
    /// The start of the last fetch.
    last: Option<Instant>,
    /// How many fetches in a row failed, and until when no other one starts.
    failures: u32,
    blocked_until: Option<Instant>,
    reason: Option<Arc<str>>,
}

type Fetched = Result<Arc<Held>, KeyFailure>;

/// Why there is no key.
#[derive(Debug, Clone)]
pub(super) enum KeyFailure {
    Unknown,
    Unavailable { reason: Arc<str>, retry_after: Duration },
}

type KeyFuture = Pin<Box<dyn Future<Output = Result<Arc<IssuerKey>, KeyFailure>> + Send>>;

pub(super) enum KeyLookup {
    Ready(Arc<IssuerKey>),
    Wait(KeyFuture),
    Refused(KeyFailure),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Refresh,
    Unknown,
}

impl IssuerKeys {
    pub(super) fn new(rule: Arc<AccessTokenRule>, limits: KeyLimits, clock: SharedClock) -> Self {
        // Discovery and keys.
        let max_wait = limits.lost_after().saturating_mul(2);
        let in_flight = SingleFlight::new(max_wait, clock.clone());
        Self { rule, limits, clock, held: ArcSwapOption::empty(), attempts: Mutex::default(), in_flight }
    }

    /// Whether these keys are those of the other: same issuer, same addresses, same way to them, same
    /// limits.
    pub(super) fn can_serve(&self, other: &Self) -> bool {
        let (rule, others) = (&self.rule, &other.rule);
        rule.issuer == others.issuer
            && rule.keys == others.keys
            && rule.source.identity() == others.source.identity()
            && self.limits == other.limits
    }

    pub(super) fn lookup(self: &Arc<Self>, kid: &str, algorithm: Algorithm) -> KeyLookup {
        let now = self.clock.monotonic();
        let held = self.held.load_full();
        let age = held.as_ref().map(|held| now.saturating_duration_since(held.fetched_at));
        let usable = held.filter(|_| age.is_some_and(|age| age <= self.limits.max_age()));
        let key = usable.as_ref().and_then(|held| held.find(kid, algorithm));
        match (key, age) {
            (Some(key), Some(age)) if age < self.limits.lifetime => {
                if age >= self.limits.refresh_age() {
                    // The task publishes the keys; no request waits for it.
                    drop(self.start(Purpose::Refresh, usable.as_deref(), now));
                }
                KeyLookup::Ready(key)
            }
            (Some(key), _) => match self.start(Purpose::Refresh, usable.as_deref(), now) {
                Ok(fetch) => KeyLookup::Wait(found_in(fetch, kid, algorithm, Some(key))),
                // It may not start yet: the last one failed.
                Err(_) => KeyLookup::Ready(key),
            },
            (None, _) => match self.start(Purpose::Unknown, usable.as_deref(), now) {
                Ok(fetch) => KeyLookup::Wait(found_in(fetch, kid, algorithm, None)),
                Err(failure) => KeyLookup::Refused(failure),
            },
        }
    }

    /// Joins the fetch in progress, or starts one if it may start now. `seen` is what the caller has
    /// looked at.
    fn start(
        self: &Arc<Self>,
        purpose: Purpose,
        seen: Option<&Held>,
        now: Instant,
    ) -> Result<Pin<Box<dyn Future<Output = Fetched> + Send>>, KeyFailure> {
        let seen_at = seen.map(|held| held.fetched_at);
        let waiter = self.in_flight.join((), || {
            // A fetch that has just ended published newer keys.
            if let Some(held) = self.held.load_full()
                && seen_at.is_none_or(|seen_at| held.fetched_at > seen_at)
                && now.saturating_duration_since(held.fetched_at) < self.limits.lifetime
            {
                return Err(Ok(held));
            }
            self.begin(purpose, seen.is_some(), now).map_err(Err)?;
            Ok(Arc::clone(self).run())
        });
        match waiter {
            Ok(waiter) => Ok(Box::pin(async move {
                waiter.wait().await.unwrap_or_else(|TaskLost| {
                    let reason = "the fetch of the issuer's keys ended without a result; is a tokio runtime running?";
                    Err(KeyFailure::Unavailable { reason: reason.into(), retry_after: FIRST_WAIT })
                })
            })),
            Err(Ok(held)) => Ok(Box::pin(std::future::ready(Ok(held)))),
            Err(Err(failure)) => Err(failure),
        }
    }

    /// Whether a fetch may start now; if so, it counts as started.
    fn begin(&self, purpose: Purpose, has_keys: bool, now: Instant) -> Result<(), KeyFailure> {
        if self.rule.keys == KeysAt::NotFetched {
            return Err(KeyFailure::Unavailable { reason: NOT_FETCHED.into(), retry_after: FIRST_WAIT });
        }
        let mut attempts = self.attempts.lock();
        if let Some(until) = attempts.blocked_until.filter(|until| now < *until) {
            let reason = attempts.reason.clone().unwrap_or_else(|| "the last fetch failed".into());
            return Err(KeyFailure::Unavailable { reason, retry_after: until.saturating_duration_since(now) });
        }
        // Tokens with made-up kids must not cause fetches without end.
        let recent = |last: Instant| now.saturating_duration_since(last) < self.limits.unknown_for;
        if purpose == Purpose::Unknown && has_keys && attempts.last.is_some_and(recent) {
            return Err(KeyFailure::Unknown);
        }
        attempts.last = Some(now);
        Ok(())
    }

    async fn run(self: Arc<Self>) -> Fetched {
        let fetched = fetch_keys(&self.rule, self.limits.fetch_timeout).await;
        let now = self.clock.monotonic();
        match fetched {
            Ok(mut keys) => {
                if let Some(held) = self.held.load_full() {
                    // An unchanged key keeps its allocation, so that its tokens stay cached.
                    for key in &mut keys {
                        if let Some(same) = held.keys.iter().find(|held| *held == key) {
                            *key = Arc::clone(same);
                        }
                    }
                }
                let held = Arc::new(Held { keys, fetched_at: now });
                self.held.store(Some(Arc::clone(&held)));
                let mut attempts = self.attempts.lock();
                *attempts = Attempts { last: attempts.last, ..Attempts::default() };
                Ok(held)
            }
            Err(reason) => {
                let mut attempts = self.attempts.lock();
                let factor = 1_u32.checked_shl(attempts.failures.min(16)).unwrap_or(u32::MAX);
                let wait = FIRST_WAIT.saturating_mul(factor).min(self.limits.max_retry_wait);
                attempts.failures = attempts.failures.saturating_add(1);
                attempts.blocked_until = now.checked_add(wait);
                tracing::warn!(target: "tower_alb_auth", "the keys of {} cannot be fetched: {reason}", self.rule.issuer);
                let reason: Arc<str> = reason.into();
                attempts.reason = Some(Arc::clone(&reason));
                Err(KeyFailure::Unavailable { reason, retry_after: wait })
            }
        }
    }
}

impl Held {
    fn find(&self, kid: &str, algorithm: Algorithm) -> Option<Arc<IssuerKey>> {
        self.keys.iter().find(|key| key.kid == kid && key.algorithm() == algorithm).cloned()
    }
}

/// The key in what is fetched. If the fetch fails, the key that is held, if there is one.
fn found_in(
    fetch: Pin<Box<dyn Future<Output = Fetched> + Send>>,
    kid: &str,
    algorithm: Algorithm,
    held: Option<Arc<IssuerKey>>,
) -> KeyFuture {
    let kid = kid.to_owned();
    Box::pin(async move {
        match fetch.await {
            Ok(keys) => keys.find(&kid, algorithm).ok_or(KeyFailure::Unknown),
            Err(failure) => held.ok_or(failure),
        }
    })
}
