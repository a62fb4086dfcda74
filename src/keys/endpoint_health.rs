//! The health of each key endpoint.

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

/// The health of each endpoint that was requested. There are as many as the configuration names.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<HashMap<KeyEndpoint, EndpointHealth>>);

#[derive(Debug, Default)]
struct EndpointHealth {
    unknown: Breaker,
    known: Breaker,
    refresh: Breaker,
    /// Whether the endpoint ever returned a key. Until then, a 403 may come from an intermediary.
    has_returned_a_key: bool,
    problem: Option<Problem>,
    /// Limits the two kinds of warnings, since any client can cause them.
    not_found: LogLimit,
    failures: LogLimit,
}

/// Why the last fetch from an endpoint failed.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) since: Instant,
    cause: Cause,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Failure,
    /// The endpoint has no key for a kid whose key has verified a token.
    NoProvenKey,
    /// The endpoint has no key for a kid that a client may have invented.
    NoKey,
}

impl Problem {
    /// Whether the problem makes the process not ready. A problem that any client can cause does
    /// not.
    pub(super) fn affects_readiness(&self) -> bool {
        self.cause != Cause::NoKey
    }
}

/// The rate of warnings that an endpoint has no key for a kid.
const NOT_FOUND_RATE: LogRate = LogRate { max_lines: 1, window: Duration::from_secs(60) };

/// The rate of warnings that a fetch failed.
const FAILURE_RATE: LogRate = LogRate { max_lines: 10, window: Duration::from_secs(10) };

/// The purpose of a fetch. Each purpose has a separate breaker and a separate budget: any client
/// can cause fetches of unknown kids, and their failures must not prevent the refresh of a held
/// key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// A kid whose key is not held.
    Unknown,
    /// A kid that is not held, and whose key has verified a token before.
    Known,
    /// A key that is held.
    Refresh,
}

/// How a fetch ended.
pub(super) enum Ending<'a> {
    /// With a valid key.
    Key,
    /// With a complete response that there is no such key. `is_proven_kid`: whether the key of this
    /// kid has verified a token; if not, a client may have invented the kid.
    NotFound { response: &'a str, is_proven_kid: bool },
    /// In any other way.
    Failure(&'a str),
}

impl Health {
    /// Time until a fetch for this purpose may start; `None` if one may start now.
    pub(super) fn blocked(&self, endpoint: &KeyEndpoint, purpose: Purpose, now: Instant) -> Option<Duration> {
        let endpoints = self.0.lock();
        let health = endpoints.get(endpoint)?;
        match purpose {
            Purpose::Unknown => health.unknown.blocked(now),
            Purpose::Known => health.known.blocked(now),
            Purpose::Refresh => health.refresh.blocked(now),
        }
    }

    pub(super) fn begin(&self, endpoint: &KeyEndpoint, purpose: Purpose, now: Instant, limits: &KeyLimits) {
        self.0.lock().entry(endpoint.clone()).or_default().breaker(purpose).begin(now, limits);
    }

    /// Records that a key of this endpoint was taken over from the previous store.
    pub(super) fn has_returned_a_key(&self, endpoint: &KeyEndpoint) {
        self.0.lock().entry(endpoint.clone()).or_default().has_returned_a_key = true;
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
                health.responded();
                health.has_returned_a_key = true;
                health.problem = None;
            }
            Ending::NotFound { response, is_proven_kid } => health.not_found(endpoint, response, is_proven_kid, now),
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
                    tracing::error!(%endpoint, "the key endpoint counts as down; it is probed at increasing intervals");
                }
                health.problem = Some(Problem { message: problem.to_owned(), since: now, cause: Cause::Failure });
            }
        }
    }

    /// The endpoints with a problem.
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
            Purpose::Known => &mut self.known,
            Purpose::Refresh => &mut self.refresh,
        }
    }

    /// Records a response that the endpoint has no such key.
    ///
    /// If the endpoint has returned a key before, the response needs no action. Otherwise an
    /// intermediary or the endpoint of another region may respond to every kid like this, or a
    /// client may have invented the kid. These cases cannot be distinguished, so the response alone
    /// does not make the process not ready.
    fn not_found(&mut self, endpoint: &KeyEndpoint, response: &str, is_proven_kid: bool, now: Instant) {
        self.responded();
        if self.has_returned_a_key {
            self.problem = None;
            return;
        }
        let message = if is_proven_kid {
            format!(
                "{response} for a kid that has verified tokens before, and has returned no key since the settings were \
                 loaded: check for an egress proxy, a wrong region or a wrong endpoint"
            )
        } else {
            format!(
                "{response}, and has never returned a key: if all users are refused with unknown_key, check for an \
                 egress proxy, a wrong region or a wrong endpoint; otherwise a client invented the kid"
            )
        };
        if self.not_found.allows(NOT_FOUND_RATE, now) {
            tracing::warn!(%endpoint, "{message}");
        } else {
            tracing::debug!(%endpoint, "{message}");
        }
        // A kid that a client may have invented must not hide the problem that a user's kid
        // revealed.
        let revealed_by_a_user = self.problem.as_ref().is_some_and(|problem| problem.cause == Cause::NoProvenKey);
        if is_proven_kid || !revealed_by_a_user {
            let cause = if is_proven_kid { Cause::NoProvenKey } else { Cause::NoKey };
            self.problem = Some(Problem { message, since: now, cause });
        }
    }

    /// A complete response to any request shows that the endpoint is up.
    fn responded(&mut self) {
        self.unknown.responded();
        self.known.responded();
        self.refresh.responded();
    }
}
