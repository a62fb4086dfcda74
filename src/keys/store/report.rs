//! Information for operators: whether the endpoints respond, readiness, and sizes.

use std::time::Instant;

use super::{Cause, KeyStore, Lookup};
use crate::{
    alb::{KeyEndpoint, Kid},
    keys::{
        Readiness,
        source::{KeyRequest, KeySourceErrorKind},
    },
    sync::Arc,
    telemetry::metrics,
};

impl KeyStore {
    /// Checks that each endpoint responds, and fetches the keys of these kids from the endpoints
    /// that have them.
    ///
    /// # Errors
    /// One message for each endpoint that does not respond and each kid that no endpoint has, with the error behind it.
    pub(crate) async fn warm_up(
        self: &Arc<Self>,
        endpoints: &[KeyEndpoint],
        kids: &[Kid],
    ) -> Result<(), Vec<(String, Option<Cause>)>> {
        let mut problems = Vec::new();
        for endpoint in endpoints {
            if let Some(source) = &self.source {
                let request = KeyRequest::new(endpoint.clone(), Kid::NIL);
                match tokio::time::timeout(self.limits.fetch_timeout, source.fetch(request)).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) if error.kind() == KeySourceErrorKind::NotFound => {}
                    Ok(Err(error)) => {
                        problems
                            .push((format!("{endpoint} does not respond: {error}"), Some(Arc::new(error) as Cause)));
                    }
                    Err(elapsed) => {
                        let message = format!("{endpoint} does not respond within fetch_timeout");
                        problems.push((message, Some(Arc::new(elapsed))));
                    }
                }
            }
        }
        for kid in kids {
            let mut missing = Vec::new();
            for endpoint in endpoints {
                let found = match self.lookup(endpoint, *kid) {
                    Lookup::Ready(key, second) => Ok((key, second)),
                    Lookup::Wait(fetch) => fetch.await.map(|key| (key, self.second())),
                    Lookup::Refused(error) => Err(error),
                };
                // A kid that the operator names is trusted as much as a token, so its key counts as
                // in use.
                let found = found.map(|(key, second)| self.proven(endpoint, *kid, &key, second));
                missing.extend(found.err().map(|error| (format!("{endpoint}/{kid}: {error}"), error.into_source())));
            }
            // A kid belongs to one region, so one endpoint that has it is enough.
            if missing.len() == endpoints.len() {
                problems.append(&mut missing);
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Whether tokens can be verified.
    pub(crate) fn readiness(&self) -> Readiness {
        let now = self.clock.monotonic();
        self.report_age(now);
        let set = self.set.load();
        let usable = |endpoint: &KeyEndpoint| {
            set.proven().any(|held| {
                held.id.endpoint == *endpoint && now.saturating_duration_since(held.fetched_at) <= self.limits.max_age()
            })
        };
        // After this time a request would have tried again.
        let long_ago = self.limits.breaker_max_wait.saturating_add(self.limits.fetch_timeout);
        let mut readiness = Readiness { ready: true, problems: Vec::new() };
        for (endpoint, problem) in self.health.problems() {
            let over = now.saturating_duration_since(problem.since) > long_ago;
            readiness.ready &= over || !problem.affects_readiness() || usable(&endpoint);
            readiness.problems.push(format!("{endpoint}: {}", problem.message));
        }
        readiness
    }

    /// Updates the metric of key ages.
    pub(super) fn report_age(&self, now: Instant) {
        metrics::oldest_key(self.set.load().proven().map(|held| held.fetched_at), now);
    }

    /// Number of keys held, of kids remembered as unknown, and of fetches in progress.
    pub(crate) fn sizes(&self) -> (usize, usize, usize) {
        (self.set.load().len(), self.unknown.len(), self.in_flight.len())
    }
}
