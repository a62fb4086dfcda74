//! What becomes of a fetch: a key is published, or it is remembered that there is none.

use std::time::{Duration, Instant};

use super::{Fetched, KeyError, KeyStore};
use crate::{
    alb::PublicKey,
    keys::{
        KeyId,
        endpoint_health::{Ending, Purpose},
        set::{HeldKey, KeySet, RefreshState},
        source::{KeySourceError, KeySourceErrorKind},
        unknown::AbsentReason,
    },
    sync::Arc,
    telemetry::metrics,
};

/// A held key that its endpoint says is not there is asked for again after this time,
const SUSPECT_RETRY: Duration = Duration::from_secs(30);
/// and dropped after so many such answers in a row
const SUSPECT_ANSWERS: u32 = 3;
/// over at least this time.
const SUSPECT_TIME: Duration = Duration::from_secs(120);

impl KeyStore {
    /// Publishes what a fetch brought, or remembers that it brought nothing.
    pub(super) fn apply_fetch_result(
        &self,
        id: KeyId,
        purpose: Purpose,
        started: Instant,
        answer: Result<Vec<u8>, KeySourceError>,
    ) -> Fetched {
        let now = self.clock.monotonic();
        let ended = |ending| self.health.ended(&id.endpoint, purpose, ending, now, &self.limits);
        let fetched = match answer {
            Ok(pem) => match PublicKey::from_pem(&pem) {
                Ok(key) => {
                    metrics::key_fetch("key");
                    ended(Ending::Key);
                    Ok(self.publish(id, started, key))
                }
                Err(error) => {
                    metrics::key_fetch("rejected");
                    let reason = format!("{}/{} answered with something that is {error}", id.endpoint, id.kid);
                    ended(Ending::Failure(&reason));
                    self.failed(&id, AbsentReason::Rejected, None, reason)
                }
            },
            Err(error) if error.kind() == KeySourceErrorKind::NotFound => {
                metrics::key_fetch("unknown");
                let is_proven_kid = self.set.load().is_proven_kid(&id);
                ended(Ending::NotFound { answer: &error.to_string(), is_proven_kid });
                self.not_found(&id)
            }
            Err(error) => {
                metrics::key_fetch("failed");
                let reason = error.to_string();
                ended(Ending::Failure(&reason));
                self.failed(&id, AbsentReason::Failed, error.retry_delay(), reason)
            }
        };
        self.report_age(now);
        fetched
    }

    pub(super) fn publish(&self, id: KeyId, started: Instant, key: PublicKey) -> Arc<PublicKey> {
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
        if set.is_proven_kid(&id) {
            key.note_use(set.second(self.clock.monotonic()));
        }
        let held = HeldKey { id, key: Arc::clone(&key), fetched_at: started, refresh: RefreshState::default() };
        self.set.store(Arc::new(set.with(held, self.limits.max_keys)));
        key
    }

    /// The endpoint says that there is no such key.
    fn not_found(&self, id: &KeyId) -> Fetched {
        let now = self.clock.monotonic();
        let _writer = self.writer.lock();
        let set = self.set.load();
        let held = set.find(&id.endpoint, id.kid);
        let Some(held) = held.filter(|held| held.is_proven()) else {
            if held.is_some() {
                self.set.store(Arc::new(set.without(id)));
            }
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

    /// The fetch failed. A key in use stays, unless it is too old.
    fn failed(&self, id: &KeyId, reason: AbsentReason, at_least: Option<Duration>, sentence: String) -> Fetched {
        let now = self.clock.monotonic();
        let _writer = self.writer.lock();
        let set = self.set.load();
        let Some(held) = set.find(&id.endpoint, id.kid).filter(|held| held.is_proven()) else {
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
}
