//! Resolved sign-ins, of resolvers that wait.
//!
//! A round trip to a catalog costs milliseconds, and the claims of a user change only when the load balancer refreshes the
//! access token; so answers are remembered by issuer, subject and claims, and asked for once however many requests wait.
//!
//! | answer | remembered |
//! |---|---|
//! | somebody | `sign_in_lifetime`; past that, up to `sign_in_max_stale`, only while the resolver is out of reach |
//! | nobody, refused, several | `not_found_for` |
//! | out of reach, or longer than `sign_in_timeout` | not at all |
//! | does not accept the question (its token, its address) | not at all, and nothing stands in |

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::value::RawValue;

use super::{SignIn, SignInError, SignInErrorKind, SignInFuture};
use crate::{
    identity::Claims,
    limits::CacheLimits,
    sync::{Arc, Bounded, Flights, HeapSize, Seat, SharedClock},
    telemetry::metrics,
};

/// How long an old answer stands in before the resolver is asked again.
const STALE_RETRY: Duration = Duration::from_secs(5);

type Answer = Result<SignIn, SignInError>;

pub(crate) struct SignInCache {
    answers: Option<Bounded<Key, Remembered>>,
    flights: Flights<Key, Answer>,
    limits: CacheLimits,
    clock: SharedClock,
}

/// What is known of a sign-in without waiting.
pub(crate) enum Asked {
    Known(Answer),
    Wait(Seat<Answer>),
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key(Arc<[u8]>);

#[derive(Clone)]
struct Remembered {
    answer: Answer,
    /// When it was resolved.
    since: Instant,
    fresh_until: Instant,
}

impl SignInCache {
    pub(crate) fn new(limits: CacheLimits, clock: SharedClock) -> Self {
        let answers = Bounded::new(limits.max_sign_ins, limits.max_sign_in_cache_bytes);
        // A second more than an answer may take: what is still under way then is not driven by anybody.
        let patience = limits.sign_in_timeout.saturating_add(Duration::from_secs(1));
        Self { answers, flights: Flights::new(patience, clock.clone()), limits, clock }
    }

    /// The answer of a policy for these claims: remembered, or from the resolver's future, which is polled only if it is
    /// needed. `policy` tells the policies of one configuration apart.
    pub(crate) fn ask(
        self: &Arc<Self>,
        policy: usize,
        claims: &Claims,
        used: Option<&[String]>,
        resolver: SignInFuture,
    ) -> Asked {
        let key = Key::of(policy, claims, used);
        if let Some(answer) = self.fresh(&key) {
            metrics::sign_in_cache("hit");
            return Asked::Known(answer);
        }
        metrics::sign_in_cache("miss");
        let errand = || match self.fresh(&key) {
            Some(answer) => Err(answer),
            None => Ok(Arc::clone(self).resolve(key.clone(), resolver)),
        };
        match self.flights.join(key.clone(), errand) {
            Ok(seat) => Asked::Wait(seat),
            Err(answer) => Asked::Known(answer),
        }
    }

    fn fresh(&self, key: &Key) -> Option<Answer> {
        let remembered = self.answers.as_ref()?.find(key)?;
        (self.clock.monotonic() < remembered.fresh_until).then_some(remembered.answer)
    }

    async fn resolve(self: Arc<Self>, key: Key, resolver: SignInFuture) -> Answer {
        let began = self.clock.monotonic();
        let answer = match tokio::time::timeout(self.limits.sign_in_timeout, resolver).await {
            Ok(answer) => answer,
            Err(_) => Err(SignInError::unavailable("the sign-in policy took longer than sign_in_timeout")),
        };
        let now = self.clock.monotonic();
        metrics::sign_in(&answer, now.saturating_duration_since(began));
        let Some(answers) = &self.answers else { return answer };
        let lifetime = match &answer {
            Ok(_) => self.limits.sign_in_lifetime,
            Err(error) if error.kind() == SignInErrorKind::Unavailable => {
                return self.stale(answers, key, now).map_or(answer, Ok);
            }
            Err(error) if error.kind() == SignInErrorKind::Misconfigured => return answer,
            Err(_) => self.limits.not_found_for,
        };
        let fresh_until = now.checked_add(lifetime).unwrap_or(now);
        answers.insert(key, Remembered { answer: answer.clone(), since: now, fresh_until });
        answer
    }

    /// An old answer, while the resolver is out of reach and the answer is not too old.
    fn stale(&self, answers: &Bounded<Key, Remembered>, key: Key, now: Instant) -> Option<SignIn> {
        let old = answers.find(&key)?;
        let sign_in = old.answer.clone().ok()?;
        let oldest = self.limits.sign_in_lifetime.saturating_add(self.limits.sign_in_max_stale);
        if now.saturating_duration_since(old.since) > oldest {
            answers.remove(&key);
            return None;
        }
        let fresh_until = now.checked_add(STALE_RETRY).unwrap_or(now);
        answers.insert(key, Remembered { fresh_until, ..old });
        Some(sign_in)
    }
}

impl Key {
    /// The policy, the issuer, the subject and the claims that count, each with its length before it so that no two lists
    /// read alike.
    fn of(policy: usize, claims: &Claims, used: Option<&[String]>) -> Self {
        let members: HashMap<String, &RawValue> = serde_json::from_str(claims.payload()).unwrap_or_default();
        let mut members: Vec<_> = members
            .iter()
            .filter(|(name, _)| match used {
                Some(used) => used.contains(name),
                None => !matches!(name.as_str(), "exp" | "nbf" | "iat"),
            })
            .collect();
        members.sort_unstable_by_key(|(name, _)| *name);

        let mut key = policy.to_le_bytes().to_vec();
        let mut push = |text: &str| {
            key.extend_from_slice(&text.len().to_le_bytes());
            key.extend_from_slice(text.as_bytes());
        };
        push(claims.issuer());
        // Always: a policy that forgot to name a claim must not make two users one.
        push(claims.subject());
        for (name, value) in members {
            push(name);
            push(value.get());
        }
        Self(key.into())
    }
}

impl HeapSize for Key {
    fn heap_size(&self) -> usize {
        self.0.len()
    }
}

impl HeapSize for Remembered {
    fn heap_size(&self) -> usize {
        match &self.answer {
            Ok(sign_in) => sign_in.weight(),
            Err(error) => error.weight(),
        }
    }
}
