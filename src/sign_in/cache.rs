//! A cache of sign-ins by resolvers that wait.
//!
//! A request to a catalog takes milliseconds, and the claims of a user change only when the load
//! balancer refreshes the access token. Results are therefore cached by issuer, subject and claims,
//! and concurrent requests for the same result share one call of the resolver.
//!
//! | result | cached for |
//! |---|---|
//! | a user | `sign_in_lifetime`; after that, for up to `sign_in_max_stale`, it is used only while the resolver is unavailable |
//! | not found, refused, ambiguous | `not_found_for` |
//! | unavailable, or not within `sign_in_timeout` | not cached |
//! | misconfigured (rejected credentials, wrong address) | not cached, and no cached result is used instead |

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use serde_json::value::RawValue;

use super::{SignIn, SignInError, SignInErrorKind, SignInFuture};
use crate::{
    identity::Claims,
    limits::CacheLimits,
    sync::{Arc, BoundedCache, HeapSize, SharedClock, SingleFlight, Waiter},
    telemetry::metrics,
};

/// Time for which a stale result is used before the resolver is called again.
const STALE_RETRY: Duration = Duration::from_secs(5);

type SignInResult = Result<SignIn, SignInError>;

pub(crate) struct SignInCache {
    results: Option<BoundedCache<Key, Remembered>>,
    in_flight: SingleFlight<Key, SignInResult>,
    limits: CacheLimits,
    clock: SharedClock,
}

/// The state of a sign-in, without waiting.
pub(crate) enum CachedSignIn {
    Known(SignInResult),
    Wait(Waiter<SignInResult>),
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Key(Arc<[u8]>);

#[derive(Clone)]
struct Remembered {
    result: SignInResult,
    /// The time of the result.
    since: Instant,
    fresh_until: Instant,
}

impl SignInCache {
    pub(crate) fn new(limits: CacheLimits, clock: SharedClock) -> Self {
        let results = BoundedCache::new(limits.max_sign_ins, limits.max_sign_in_cache_bytes);
        // One second more than a result may take: a task that is still running then is not being
        // driven.
        let max_wait = limits.sign_in_timeout.saturating_add(Duration::from_secs(1));
        Self { results, in_flight: SingleFlight::new(max_wait, clock.clone()), limits, clock }
    }

    /// The result of a policy for these claims: cached, or from the resolver's future, which is
    /// polled only if no cached result exists. `policy` identifies the policy in its configuration.
    pub(crate) fn resolve(
        self: &Arc<Self>,
        policy: usize,
        claims: &Claims,
        used: Option<&[String]>,
        resolver: SignInFuture,
    ) -> CachedSignIn {
        let key = Key::of(policy, claims, used);
        if let Some(result) = self.fresh(&key) {
            metrics::sign_in_cache("hit");
            return CachedSignIn::Known(result);
        }
        metrics::sign_in_cache("miss");
        let start = || match self.fresh(&key) {
            Some(result) => Err(result),
            None => Ok(Arc::clone(self).run(key.clone(), resolver)),
        };
        match self.in_flight.join(key.clone(), start) {
            Ok(waiter) => CachedSignIn::Wait(waiter),
            Err(result) => CachedSignIn::Known(result),
        }
    }

    fn fresh(&self, key: &Key) -> Option<SignInResult> {
        let remembered = self.results.as_ref()?.find(key)?;
        (self.clock.monotonic() < remembered.fresh_until).then_some(remembered.result)
    }

    async fn run(self: Arc<Self>, key: Key, resolver: SignInFuture) -> SignInResult {
        let began = self.clock.monotonic();
        let result = match tokio::time::timeout(self.limits.sign_in_timeout, resolver).await {
            Ok(result) => result,
            Err(_) => Err(SignInError::unavailable("the sign-in policy took longer than sign_in_timeout")),
        };
        let now = self.clock.monotonic();
        metrics::sign_in(
            result.as_ref().map_or_else(|error| error.kind().as_str(), |_| "ok"),
            now.saturating_duration_since(began),
        );
        let Some(results) = &self.results else { return result };
        let lifetime = match &result {
            Ok(_) => self.limits.sign_in_lifetime,
            Err(error) if error.kind() == SignInErrorKind::Unavailable => {
                return self.stale(results, key, now).map_or(result, Ok);
            }
            Err(error) if error.kind() == SignInErrorKind::Misconfigured => return result,
            Err(_) => self.limits.not_found_for,
        };
        let fresh_until = now.checked_add(lifetime).unwrap_or(now);
        results.insert(key, Remembered { result: result.clone(), since: now, fresh_until });
        result
    }

    /// A stale result that is not too old, to be used while the resolver is unavailable.
    fn stale(&self, results: &BoundedCache<Key, Remembered>, key: Key, now: Instant) -> Option<SignIn> {
        let old = results.find(&key)?;
        let sign_in = old.result.clone().ok()?;
        let oldest = self.limits.sign_in_lifetime.saturating_add(self.limits.sign_in_max_stale);
        if now.saturating_duration_since(old.since) > oldest {
            results.remove(&key);
            return None;
        }
        let fresh_until = now.checked_add(STALE_RETRY).unwrap_or(now);
        results.insert(key, Remembered { fresh_until, ..old });
        Some(sign_in)
    }
}

impl Key {
    /// The policy, the issuer, the subject and the used claims, each preceded by its length, so
    /// that two different lists never have the same bytes.
    fn of(policy: usize, claims: &Claims, used: Option<&[String]>) -> Self {
        let mut key = policy.to_le_bytes().to_vec();
        let mut push = |text: &str| {
            key.extend_from_slice(&text.len().to_le_bytes());
            key.extend_from_slice(text.as_bytes());
        };
        push(claims.issuer());
        // Always part of the key: a policy that omits a claim must not mix up two users.
        push(claims.subject());
        for (name, value) in members(claims, used) {
            push(&name);
            push(value.get());
        }
        // Any policy may read these, whatever it says of the user's claims.
        if let Some(access_token) = claims.access_token() {
            push("");
            for (name, value) in members(access_token.claims(), None) {
                push(&name);
                push(value.get());
            }
        }
        Self(key.into())
    }
}

/// The used claims by name; without a list all of them, except for the times.
fn members<'c>(claims: &'c Claims, used: Option<&[String]>) -> Vec<(String, &'c RawValue)> {
    let members: HashMap<String, &RawValue> = serde_json::from_str(claims.payload()).unwrap_or_default();
    let is_used = |name: &String| match used {
        Some(used) => used.contains(name),
        None => !matches!(name.as_str(), "exp" | "nbf" | "iat"),
    };
    let mut members: Vec<_> = members.into_iter().filter(|(name, _)| is_used(name)).collect();
    members.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
    members
}

impl HeapSize for Key {
    fn heap_size(&self) -> usize {
        self.0.len()
    }
}

impl HeapSize for Remembered {
    fn heap_size(&self) -> usize {
        match &self.result {
            Ok(sign_in) => sign_in.weight(),
            Err(error) => error.weight(),
        }
    }
}
