//! What is known of each key endpoint.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::breaker::Breaker;
use crate::{
    config::{KeyEndpoint, KeyLimits},
    sync::Mutex,
};

/// The state of each endpoint that was ever asked. There are as many as the configuration names.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<HashMap<KeyEndpoint, EndpointHealth>>);

#[derive(Debug, Default)]
struct EndpointHealth {
    breaker: Breaker,
    /// Whether it ever gave a key. Until then a 403 may come from something in between.
    gave_a_key: bool,
    problem: Option<Problem>,
}

/// What was wrong with the last fetch of an endpoint.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) sentence: String,
    pub(super) since: Instant,
}

/// How a fetch ended, for the endpoint.
pub(super) enum Ending<'a> {
    /// With a good key.
    Key,
    /// With a complete answer that there is none.
    NotFound(&'a str),
    /// In any other way.
    Failure(&'a str),
}

impl Health {
    pub(super) fn blocked(&self, endpoint: &KeyEndpoint, now: Instant) -> Option<Duration> {
        self.0.lock().get(endpoint)?.breaker.blocked(now)
    }

    pub(super) fn begin(&self, endpoint: &KeyEndpoint, now: Instant, limits: &KeyLimits) {
        self.0.lock().entry(endpoint.clone()).or_default().breaker.begin(now, limits);
    }

    /// A key of this endpoint is held, from before this store.
    pub(super) fn gave_a_key(&self, endpoint: &KeyEndpoint) {
        self.0.lock().entry(endpoint.clone()).or_default().gave_a_key = true;
    }

    pub(super) fn ended(&self, endpoint: &KeyEndpoint, ending: Ending<'_>, now: Instant, limits: &KeyLimits) {
        let mut endpoints = self.0.lock();
        let health = endpoints.entry(endpoint.clone()).or_default();
        match ending {
            Ending::Key => {
                health.breaker.answered();
                health.gave_a_key = true;
                health.problem = None;
            }
            Ending::NotFound(answer) => {
                health.breaker.answered();
                health.problem = (!health.gave_a_key).then(|| Problem {
                    sentence: format!(
                        "{answer}, and never gave a key: an egress proxy, the wrong region, or the wrong endpoint?"
                    ),
                    since: now,
                });
                if let Some(problem) = &health.problem {
                    tracing::warn!(%endpoint, "{}", problem.sentence);
                }
            }
            Ending::Failure(problem) => {
                let was_open = health.breaker.is_open();
                health.breaker.failed(now, limits);
                tracing::warn!(%endpoint, "the fetch of a public key failed: {problem}");
                if health.breaker.is_open() && !was_open {
                    tracing::error!(%endpoint, "the key endpoint counts as down; it is tried again now and then");
                }
                health.problem = Some(Problem { sentence: problem.to_owned(), since: now });
            }
        }
    }

    /// The endpoints with a problem, and what it is.
    pub(super) fn problems(&self) -> Vec<(KeyEndpoint, Problem)> {
        let endpoints = self.0.lock();
        let problems =
            endpoints.iter().filter_map(|(endpoint, health)| Some((endpoint.clone(), health.problem.clone()?)));
        problems.collect()
    }
}
