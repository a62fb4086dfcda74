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
    unknown: Breaker,
    refresh: Breaker,
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

/// What a fetch is for. Each counts its failures by itself, and has its own budget: strangers choose which kids are asked for,
/// and must not be able to keep a held key from its refresh by kids that fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A kid that is not held.
    Unknown,
    /// A key that is held.
    Refresh,
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
    /// How long no fetch for this purpose may start; `None` if one may.
    pub(super) fn blocked(&self, endpoint: &KeyEndpoint, purpose: Purpose, now: Instant) -> Option<Duration> {
        let endpoints = self.0.lock();
        let health = endpoints.get(endpoint)?;
        match purpose {
            Purpose::Unknown => health.unknown.blocked(now),
            Purpose::Refresh => health.refresh.blocked(now),
        }
    }

    pub(super) fn begin(&self, endpoint: &KeyEndpoint, purpose: Purpose, now: Instant, limits: &KeyLimits) {
        self.0.lock().entry(endpoint.clone()).or_default().breaker(purpose).begin(now, limits);
    }

    /// A key of this endpoint is held, from before this store.
    pub(super) fn gave_a_key(&self, endpoint: &KeyEndpoint) {
        self.0.lock().entry(endpoint.clone()).or_default().gave_a_key = true;
    }

    pub(super) fn ended(
        &self,
        endpoint: &KeyEndpoint,
        purpose: Purpose,
        ending: Ending<'_>,
        now: Instant,
        limits: &KeyLimits,
    ) {
        let mut endpoints = self.0.lock();
        let health = endpoints.entry(endpoint.clone()).or_default();
        match ending {
            Ending::Key => {
                health.answered();
                health.gave_a_key = true;
                health.problem = None;
            }
            Ending::NotFound(answer) => {
                health.answered();
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
                let breaker = health.breaker(purpose);
                let was_open = breaker.is_open();
                breaker.failed(now, limits);
                let opened = breaker.is_open() && !was_open;
                tracing::warn!(%endpoint, "the fetch of a public key failed: {problem}");
                if opened {
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

impl EndpointHealth {
    fn breaker(&mut self, purpose: Purpose) -> &mut Breaker {
        match purpose {
            Purpose::Unknown => &mut self.unknown,
            Purpose::Refresh => &mut self.refresh,
        }
    }

    /// A complete answer, to whatever, says that the endpoint is up.
    fn answered(&mut self) {
        self.unknown.answered();
        self.refresh.answered();
    }
}
