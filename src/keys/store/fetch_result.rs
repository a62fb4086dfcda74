//! Applies the result of a fetch: publishes the key, or remembers the failure.

use std::time::{Duration, Instant};

use super::{Cause, Fetched, KeyError, KeyStore};
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

/// Wait before a held key is requested again after its endpoint reported that there is no such key.
const NOT_FOUND_RETRY: Duration = Duration::from_secs(30);

/// Number of consecutive responses without such a key after which a held key is dropped. They must
/// also span [`MIN_NOT_FOUND_TIME`].
const NOT_FOUND_RESPONSES: u32 = 3;

/// Minimum time from the first to the last of these responses.
const MIN_NOT_FOUND_TIME: Duration = Duration::from_secs(120);

/// Why there is no new key: for the log, and the error behind it.
type Why = (String, Option<Cause>);

impl KeyStore {
    /// Publishes the key of a fetch, or remembers its failure.
    pub(super) fn apply_fetch_result(
        &self,
        id: KeyId,
        purpose: Purpose,
        started: Instant,
        response: Result<Vec<u8>, KeySourceError>,
    ) -> Fetched {
        let now = self.clock.monotonic();
        let ended = |ending| self.health.ended(&id.endpoint, purpose, ending, now, &self.limits);
        let fetched = match response {
            Ok(pem) => match PublicKey::from_pem(&pem) {
                Ok(key) => {
                    metrics::key_fetch("key");
                    ended(Ending::Key);
                    Ok(self.publish(id, started, key))
                }
                Err(error) => {
                    metrics::key_fetch("rejected");
                    let reason = format!("{}/{} responded with something that is {error}", id.endpoint, id.kid);
                    ended(Ending::Failure(&reason));
                    self.failed(&id, AbsentReason::Rejected, None, (reason, Some(Arc::new(error))))
                }
            },
            Err(error) if error.kind() == KeySourceErrorKind::NotFound => {
                metrics::key_fetch("unknown");
                let is_proven_kid = self.set.load().is_proven_kid(&id);
                ended(Ending::NotFound { response: &error.to_string(), is_proven_kid });
                self.not_found(&id)
            }
            Err(error) => {
                metrics::key_fetch("failed");
                let reason = error.to_string();
                ended(Ending::Failure(&reason));
                self.failed(&id, AbsentReason::Failed, error.retry_delay(), (reason, Some(Arc::new(error))))
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
                // Keeping the allocation keeps the cached tokens that it verified.
                key = Arc::clone(&held.key);
            } else {
                tracing::error!(endpoint = %id.endpoint, kid = %id.kid, "the key of a kid has changed; AWS never changes a key under its kid");
            }
        }
        self.unknown.forget(&id);
        let held = HeldKey { id, key: Arc::clone(&key), fetched_at: started, refresh: RefreshState::default() };
        self.set.store(Arc::new(set.with(held, self.limits.max_keys)));
        key
    }

    /// The endpoint reported that there is no such key.
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
        if refusals >= NOT_FOUND_RESPONSES && now.saturating_duration_since(first_refusal) >= MIN_NOT_FOUND_TIME {
            tracing::warn!(endpoint = %id.endpoint, kid = %id.kid, "the endpoint has withdrawn a key; the key is dropped");
            self.unknown.unknown(id, now, &self.limits);
            self.set.store(Arc::new(set.without(id)));
            return Err(KeyError::Unknown);
        }
        let refresh = RefreshState {
            not_before: now.checked_add(NOT_FOUND_RETRY),
            failures: 0,
            refusals,
            first_refusal: Some(first_refusal),
        };
        self.keep(&set, held, refresh, now, ("the endpoint reports no such key".to_owned(), None))
    }

    /// The fetch failed. A key in use is kept unless it is too old.
    fn failed(&self, id: &KeyId, reason: AbsentReason, min_wait: Option<Duration>, why: Why) -> Fetched {
        let now = self.clock.monotonic();
        let _writer = self.writer.lock();
        let set = self.set.load();
        let Some(held) = set.find(&id.endpoint, id.kid).filter(|held| held.is_proven()) else {
            let wait = self.unknown.failed(id, reason, now, min_wait, &self.limits);
            let wait = self.retry_after(id, Purpose::Unknown, wait, now);
            return Err(match reason {
                AbsentReason::Rejected => KeyError::Rejected { reason: why.0, retry_after: wait, source: why.1 },
                _ => KeyError::Unavailable { reason: why.0, retry_after: wait, source: why.1 },
            });
        };
        let failures = held.refresh.failures.saturating_add(1);
        let doubled =
            Duration::from_secs(1).saturating_mul(1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX));
        let wait = doubled.max(min_wait.unwrap_or_default()).min(self.limits.max_retry_wait);
        // A failure is not a response, so it ends the series of responses without such a key.
        let refresh = RefreshState { not_before: now.checked_add(wait), failures, refusals: 0, first_refusal: None };
        self.keep(&set, held, refresh, now, why)
    }

    /// Keeps a key whose refresh failed, and returns it if it is not too old. The caller holds the
    /// writer's lock.
    fn keep(&self, set: &KeySet, held: &HeldKey, refresh: RefreshState, now: Instant, why: Why) -> Fetched {
        self.set.store(Arc::new(set.with(HeldKey { refresh, ..held.clone() }, self.limits.max_keys)));
        if now.saturating_duration_since(held.fetched_at) <= self.limits.max_age() {
            return Ok(Arc::clone(&held.key));
        }
        let wait = refresh.not_before.unwrap_or(now).saturating_duration_since(now);
        let retry_after = self.retry_after(&held.id, Purpose::Refresh, wait, now);
        Err(KeyError::Unavailable { reason: why.0, retry_after, source: why.1 })
    }
}
