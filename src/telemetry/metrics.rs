//! Numbers for the metrics facade (feature `metrics`): their names, labels and meaning.
//!
//! | metric | kind | labels | what it counts |
//! |---|---|---|---|
//! | `alb_auth_decisions_total` | counter | `outcome` | requests: `user`, `claims`, `anonymous`, or the name of a refusal's kind |
//! | `alb_auth_requirements_failed_total` | counter | `kind` | requests that a `RequireLayer` rejected |
//! | `alb_auth_token_cache_lookups_total` | counter | `result` | trusted tokens: `hit` for one that was verified before, else `miss` |
//! | `alb_auth_key_fetches_total` | counter | `result` | fetches: `key`, `unknown`, `rejected`, `failed` |
//! | `alb_auth_key_fetches_in_flight` | gauge | | fetches under way |
//! | `alb_auth_oldest_key_age_seconds` | gauge | | age of the key that was fetched longest ago, when a fetch ended or was looked after |
//! | `alb_auth_sign_in_cache_lookups_total` | counter | `result` | sign-ins by policies that wait: `hit` or `miss` |
//! | `alb_auth_sign_in_seconds` | histogram | `result` | how long such a policy took: `ok`, `refused`, `not_found`, `ambiguous`, `unavailable`, `misconfigured` |
//!
//! No label takes a value from a request: not a kid, a signer, a path or a user. Keys and labels are static, so a number costs
//! a request no allocation here.

use std::time::{Duration, Instant};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use crate::{
    error::AuthErrorKind,
    sign_in::{SignIn, SignInError, SignInErrorKind},
};

/// Adds one to a counter, by a label with static values. What is not listed would be a value nobody documented, so it counts
/// as `other`; a test sees that nothing does.
macro_rules! count {
    ($name:literal, $label:literal => $value:expr, [$($known:literal),+ $(,)?]) => {
        match $value {
            $($known => counter!($name, $label => $known).increment(1),)+
            _ => counter!($name, $label => "other").increment(1),
        }
    };
}

/// Tells the recorder what there is. One that is installed later gets the numbers without the words.
pub(crate) fn describe() {
    describe_counter!("alb_auth_decisions_total", "Requests by what became of them");
    describe_counter!("alb_auth_requirements_failed_total", "Requests that a RequireLayer rejected");
    describe_counter!("alb_auth_token_cache_lookups_total", "Trusted tokens, verified before or not");
    describe_counter!("alb_auth_key_fetches_total", "Fetches of public keys by what they brought");
    describe_gauge!("alb_auth_key_fetches_in_flight", "Fetches of public keys under way");
    describe_gauge!("alb_auth_oldest_key_age_seconds", Unit::Seconds, "Age of the key that was fetched longest ago");
    describe_counter!("alb_auth_sign_in_cache_lookups_total", "Sign-ins by policies that wait, remembered or not");
    describe_histogram!("alb_auth_sign_in_seconds", Unit::Seconds, "How long a sign-in policy that waits took");
}

/// A request that was judged, or let pass without a user.
pub(crate) fn decision(outcome: &'static str) {
    count!("alb_auth_decisions_total", "outcome" => outcome, [
        "user", "claims", "anonymous", "missing", "duplicate_header", "identity_mismatch", "too_large", "malformed",
        "malformed_header", "duplicate_member", "unsupported_algorithm", "unsupported_type", "unsupported_header",
        "malformed_key_id", "untrusted_signer", "untrusted_issuer", "untrusted_client", "expired", "not_yet_valid",
        "lifetime_too_long", "clock_unusable", "unknown_key", "invalid_signature", "malformed_claims", "keys_unavailable",
        "key_rejected", "sign_in_refused", "user_not_found", "ambiguous_user", "sign_in_unavailable",
    ]);
}

pub(crate) fn requirement_failed(kind: AuthErrorKind) {
    count!("alb_auth_requirements_failed_total", "kind" => kind.as_str(), [
        "missing", "ownership_missing", "claim_missing", "misused",
    ]);
}

pub(crate) fn token_cache(result: &'static str) {
    count!("alb_auth_token_cache_lookups_total", "result" => result, ["hit", "miss"]);
}

pub(crate) fn key_fetch(result: &'static str) {
    count!("alb_auth_key_fetches_total", "result" => result, ["key", "unknown", "rejected", "failed"]);
}

pub(crate) fn sign_in_cache(result: &'static str) {
    count!("alb_auth_sign_in_cache_lookups_total", "result" => result, ["hit", "miss"]);
}

pub(crate) fn oldest_key(fetched_at: impl Iterator<Item = Instant>, now: Instant) {
    let age = fetched_at.min().map_or(Duration::ZERO, |oldest| now.saturating_duration_since(oldest));
    gauge!("alb_auth_oldest_key_age_seconds").set(age.as_secs_f64());
}

pub(crate) fn sign_in(answer: &Result<SignIn, SignInError>, took: Duration) {
    let seconds = took.as_secs_f64();
    match answer.as_ref().map_err(SignInError::kind) {
        Ok(_) => histogram!("alb_auth_sign_in_seconds", "result" => "ok").record(seconds),
        Err(SignInErrorKind::Refused) => histogram!("alb_auth_sign_in_seconds", "result" => "refused").record(seconds),
        Err(SignInErrorKind::NotFound) => {
            histogram!("alb_auth_sign_in_seconds", "result" => "not_found").record(seconds)
        }
        Err(SignInErrorKind::Ambiguous) => {
            histogram!("alb_auth_sign_in_seconds", "result" => "ambiguous").record(seconds)
        }
        Err(SignInErrorKind::Unavailable) => {
            histogram!("alb_auth_sign_in_seconds", "result" => "unavailable").record(seconds);
        }
        Err(SignInErrorKind::Misconfigured) => {
            histogram!("alb_auth_sign_in_seconds", "result" => "misconfigured").record(seconds);
        }
    }
}

/// Counts as a fetch under way until it is dropped, on whichever way out.
pub(crate) struct FetchUnderWay(());

impl FetchUnderWay {
    pub(crate) fn begin() -> Self {
        gauge!("alb_auth_key_fetches_in_flight").increment(1.0);
        Self(())
    }
}

impl Drop for FetchUnderWay {
    fn drop(&mut self) {
        gauge!("alb_auth_key_fetches_in_flight").decrement(1.0);
    }
}
