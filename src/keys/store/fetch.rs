//! Fetches: whether one may start, and the request to the source.

use std::time::{Duration, Instant};

use super::{Fetched, KeyError, KeyStore};
use crate::{
    keys::{
        KeyId,
        budget::Budget,
        endpoint_health::Purpose,
        source::{KeyRequest, KeySourceError, KeySourceErrorKind, SharedSource},
    },
    sync::{Arc, sleep, timeout},
    telemetry::metrics,
};

/// Wait before the second attempt of a fetch. A random wait of up to the same length is added.
const RETRY_WAIT: Duration = Duration::from_millis(50);

impl KeyStore {
    /// Starts a fetch, if breaker and budget permit one.
    pub(super) fn begin(
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
                "the budget of key fetches is spent: many requests have unknown kids".to_owned(),
                Duration::from_secs(1),
            )
        })?;
        self.health.begin(&id.endpoint, purpose, now, &self.limits);
        let (store, id) = (Arc::clone(self), id.clone());
        Ok(async move {
            let _in_progress = metrics::FetchInProgress::begin();
            let fetch = store.fetch(&source, &id, purpose);
            let response = match timeout(store.limits.fetch_timeout, fetch).await {
                Ok(response) => response,
                Err(_) => {
                    Err(KeySourceError::new(KeySourceErrorKind::Timeout, "the fetch took longer than fetch_timeout"))
                }
            };
            drop(permit);
            store.apply_fetch_result(id, purpose, now, response)
        })
    }

    /// Fetches from the source. Retries once if the failure may be transient and the budget permits
    /// it.
    async fn fetch(&self, source: &SharedSource, id: &KeyId, purpose: Purpose) -> Result<Vec<u8>, KeySourceError> {
        let request = KeyRequest::new(id.endpoint.clone(), id.kid);
        match source.fetch(request.clone()).await {
            Err(error) if error.is_worth_a_retry() && self.budget(purpose).take_retry(self.clock.monotonic()) => {
                sleep(self.unknown.jittered(RETRY_WAIT)).await;
                source.fetch(request).await
            }
            response => response,
        }
    }

    fn budget(&self, purpose: Purpose) -> &Budget {
        match purpose {
            Purpose::Unknown => &self.unknown_budget,
            Purpose::Known => &self.known_budget,
            Purpose::Refresh => &self.refresh_budget,
        }
    }
}
