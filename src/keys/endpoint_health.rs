//! What is known of each key endpoint.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use super::breaker::Breaker;
use crate::{
    alb::KeyEndpoint,
    limits::KeyLimits,
    sync::Mutex,
    telemetry::{LogLimit, LogRate},
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
    /// The warnings of the two kinds, which strangers can cause.
    not_found: LogLimit,
    failures: LogLimit,
}

/// What was wrong with the last fetch of an endpoint.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) sentence: String,
    pub(super) since: Instant,
    cause: Cause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Failure,
    /// There is no such key, for a kid whose key has verified a token.
    NoProvenKey,
    /// There is no such key, for a kid that anyone may have made up.
    NoKey,
}

impl Problem {
    /// Whether it makes the process not ready. What any stranger can bring about does not.
    pub(super) fn counts(&self) -> bool {
        self.cause != Cause::NoKey
    }
}

/// The rate of warnings that an endpoint has no key for a kid.
const NOT_FOUND_RATE: LogRate = LogRate { max_lines: 1, window: Duration::from_secs(60) };

/// The rate of warnings that a fetch failed.
const FAILURE_RATE: LogRate = LogRate { max_lines: 10, window: Duration::from_secs(10) };

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
    /// With a complete answer that there is none, for a kid whose key has verified a token, or for one that anyone may have
    /// made up.
    NotFound { answer: &'a str, is_proven_kid: bool },
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
            Ending::NotFound { answer, is_proven_kid } => health.not_found(endpoint, answer, is_proven_kid, now),
            Ending::Failure(problem) => {
                let breaker = health.breaker(purpose);
                let was_open = breaker.is_open();
                breaker.failed(now, limits);
                let opened = breaker.is_open() && !was_open;
                if health.failures.allows(FAILURE_RATE, now) {
                    tracing::warn!(%endpoint, "the fetch of a public key failed: {problem}");
                } else {
                    tracing::debug!(%endpoint, "the fetch of a public key failed: {problem}");
                }
                if opened {
                    tracing::error!(%endpoint, "the key endpoint counts as down; it is tried again now and then");
                }
                health.problem = Some(Problem { sentence: problem.to_owned(), since: now, cause: Cause::Failure });
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

    /// The endpoint says that it has no such key. Once it has given one, that is what it says and no more. Until then it may be
    /// the answer of something in between, or of another region's endpoint, to every kid; or a stranger has made the kid up,
    /// which looks the same, so that by itself it makes no process not ready.
    fn not_found(&mut self, endpoint: &KeyEndpoint, answer: &str, is_proven_kid: bool, now: Instant) {
        self.answered();
        if self.gave_a_key {
            self.problem = None;
            return;
        }
        let sentence = if is_proven_kid {
            format!(
                "{answer} for a kid that has verified tokens before, and gave no key since the settings were loaded: an \
                 egress proxy, the wrong region, or the wrong endpoint?"
            )
        } else {
            format!(
                "{answer}, and never gave a key: if all users are refused with unknown_key, an egress proxy, the wrong \
                 region, or the wrong endpoint; if not, the kid of that token was made up"
            )
        };
        if self.not_found.allows(NOT_FOUND_RATE, now) {
            tracing::warn!(%endpoint, "{sentence}");
        } else {
            tracing::debug!(%endpoint, "{sentence}");
        }
        // A stranger's kid does not hide what a user's kid has shown.
        let shown_by_a_user = self.problem.as_ref().is_some_and(|problem| problem.cause == Cause::NoProvenKey);
        if is_proven_kid || !shown_by_a_user {
            let cause = if is_proven_kid { Cause::NoProvenKey } else { Cause::NoKey };
            self.problem = Some(Problem { sentence, since: now, cause });
        }
    }

    /// A complete answer, to whatever, says that the endpoint is up.
    fn answered(&mut self) {
        self.unknown.answered();
        self.refresh.answered();
    }
}
