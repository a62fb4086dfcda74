//! Metrics for the `metrics` facade (feature `metrics`): names, labels and meaning.
//!
//! | metric | kind | labels | what it counts |
//! |---|---|---|---|
//! | `alb_auth_decisions_total` | counter | `outcome` | requests: `user`, `claims`, `anonymous`, or the name of a refusal's kind |
//! | `alb_auth_requirements_failed_total` | counter | `kind` | requests that a `RequireLayer` rejected |
//! | `alb_auth_machine_decisions_total` | counter | `outcome` | requests at a `MachineLayer`: `machine`, `user` for those of an outer layer's user, or the name of a refusal's kind |
//! | `alb_auth_token_cache_lookups_total` | counter | `result` | trusted tokens: `hit` for one that was verified before, otherwise `miss` |
//! | `alb_auth_key_fetches_total` | counter | `result` | fetches: `key`, `unknown`, `rejected`, `failed` |
//! | `alb_auth_key_fetches_in_flight` | gauge | | fetches in progress |
//! | `alb_auth_oldest_key_age_seconds` | gauge | | age of the oldest cached key, updated after each fetch and readiness check |
//! | `alb_auth_sign_in_cache_lookups_total` | counter | `result` | sign-ins by policies that wait: `hit` or `miss` |
//! | `alb_auth_sign_in_seconds` | histogram | `result` | duration of such a policy: `ok`, `refused`, `not_found`, `ambiguous`, `unavailable`, `misconfigured` |
//! | `alb_auth_sessions_issued_total` | counter | `provider` | sessions that the auth backend issued: `awsalb`, `guest` |
//! | `alb_auth_sessions_refused_total` | counter | `kind` | sessions that it refused: the name of a refusal's kind, `misused`, or `not_issued` without a signed token and a stored user |
//! | `alb_auth_sessions_ended_total` | counter | `provider` | sign-outs: `awsalb` |
//! | `alb_auth_audit_events_lost_total` | counter | `reason` | audit events that are not written: over the `limit` of their kind, over the `queue` in front of the file, or because the `file` cannot be written |
//!
//! Every counter is reported as 0 from the first layer on, those of sessions from the auth backend on, those of
//! machines from a `MachineLayer` on.
//!
//! No label takes a value from a request: not a kid, a signer, a path or a user. Names and labels
//! are static, so recording a metric causes no allocation here.

use std::time::{Duration, Instant};

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::audit_loss::AuditLoss;
use crate::error::AuthErrorKind;

/// Adds one to a counter, with a label from a static list; `None` registers the counter with every
/// label, so that it is reported as 0. A value that is not listed would be undocumented, so it counts
/// as `other`; a test checks that no value does.
macro_rules! count {
    ($name:literal, $label:literal => $value:expr, [$($known:literal),+ $(,)?]) => {
        match $value {
            $(Some($known) => counter!($name, $label => $known).increment(1),)+
            Some(_) => counter!($name, $label => "other").increment(1),
            None => {
                $(let _ = counter!($name, $label => $known);)+
            }
        }
    };
}

/// As `count!`, with the names of all kinds of refusals beside the values that are listed.
macro_rules! count_kinds {
    ($name:literal, $label:literal => $value:expr, [$($known:literal),+ $(,)?]) => {
        count!($name, $label => $value, [
            $($known,)+ "missing", "duplicate_header", "identity_mismatch", "too_large", "malformed", "malformed_header",
            "duplicate_member", "unsupported_algorithm", "unsupported_type", "unsupported_header", "malformed_key_id",
            "untrusted_signer", "untrusted_issuer", "untrusted_client", "expired", "not_yet_valid", "lifetime_too_long",
            "clock_unusable", "unknown_key", "invalid_signature", "malformed_claims", "keys_unavailable", "key_rejected",
            "access_token_missing", "access_token_invalid", "access_token_keys_unavailable", "sign_in_refused",
            "user_not_found", "ambiguous_user", "sign_in_unavailable", "denied",
        ])
    };
}

/// Describes the metrics to the recorder, and registers the counters: a rate or an increase over a
/// counter that begins to exist with 1 does not see the first event. A recorder that is installed
/// later gets the values without the descriptions.
pub(crate) fn describe() {
    describe_counter!("alb_auth_decisions_total", "Requests by outcome");
    describe_counter!("alb_auth_requirements_failed_total", "Requests that a RequireLayer rejected");
    describe_counter!("alb_auth_token_cache_lookups_total", "Trusted tokens, by whether they were verified before");
    describe_counter!("alb_auth_key_fetches_total", "Fetches of public keys, by result");
    describe_gauge!("alb_auth_key_fetches_in_flight", "Fetches of public keys in progress");
    describe_gauge!("alb_auth_oldest_key_age_seconds", Unit::Seconds, "Age of the oldest cached key");
    describe_counter!(
        "alb_auth_sign_in_cache_lookups_total",
        "Sign-ins by policies that wait, by whether they were cached"
    );
    describe_histogram!("alb_auth_sign_in_seconds", Unit::Seconds, "Duration of sign-in policies that wait");
    decisions(None);
    requirements_failed(None);
    token_cache_lookups(None);
    key_fetches(None);
    sign_in_cache_lookups(None);
}

/// A request that was authenticated, refused, or accepted without a user.
pub(crate) fn decision(outcome: &'static str) {
    decisions(Some(outcome));
}

fn decisions(outcome: Option<&'static str>) {
    count_kinds!("alb_auth_decisions_total", "outcome" => outcome, ["user", "claims", "anonymous"]);
}

/// Describes the metrics of layers for machines, and registers their counter: as [`describe`].
#[cfg(feature = "https")]
pub(crate) fn describe_machines() {
    describe_counter!("alb_auth_machine_decisions_total", "Requests at a layer for machines, by outcome");
    machine_decisions(None);
}

/// A request of a machine, of a user, or a refused one. Another counter than that of users: a request passes both layers.
#[cfg(feature = "https")]
pub(crate) fn machine_decision(outcome: &'static str) {
    machine_decisions(Some(outcome));
}

#[cfg(feature = "https")]
fn machine_decisions(outcome: Option<&'static str>) {
    count_kinds!("alb_auth_machine_decisions_total", "outcome" => outcome, ["machine", "user"]);
}

pub(crate) fn requirement_failed(kind: AuthErrorKind) {
    requirements_failed(Some(kind.as_str()));
}

fn requirements_failed(kind: Option<&'static str>) {
    count!("alb_auth_requirements_failed_total", "kind" => kind, [
        "missing", "ownership_missing", "claim_missing", "misused",
    ]);
}

pub(crate) fn token_cache(result: &'static str) {
    token_cache_lookups(Some(result));
}

fn token_cache_lookups(result: Option<&'static str>) {
    count!("alb_auth_token_cache_lookups_total", "result" => result, ["hit", "miss"]);
}

pub(crate) fn key_fetch(result: &'static str) {
    key_fetches(Some(result));
}

fn key_fetches(result: Option<&'static str>) {
    count!("alb_auth_key_fetches_total", "result" => result, ["key", "unknown", "rejected", "failed"]);
}

pub(crate) fn sign_in_cache(result: &'static str) {
    sign_in_cache_lookups(Some(result));
}

fn sign_in_cache_lookups(result: Option<&'static str>) {
    count!("alb_auth_sign_in_cache_lookups_total", "result" => result, ["hit", "miss"]);
}

/// Describes the metrics of the auth backend, and registers its counters: as [`describe`].
#[cfg(feature = "backstage")]
pub(crate) fn describe_sessions() {
    describe_counter!("alb_auth_sessions_issued_total", "Sessions that the auth backend issued");
    describe_counter!("alb_auth_sessions_refused_total", "Sessions that the auth backend refused");
    describe_counter!("alb_auth_sessions_ended_total", "Sign-outs at the auth backend");
    sessions_issued(None);
    sessions_refused(None);
    sessions_ended(None);
}

#[cfg(feature = "backstage")]
pub(crate) fn session_issued(provider: &'static str) {
    sessions_issued(Some(provider));
}

#[cfg(feature = "backstage")]
fn sessions_issued(provider: Option<&'static str>) {
    count!("alb_auth_sessions_issued_total", "provider" => provider, ["awsalb", "guest"]);
}

/// The kind of the refusal, or `not_issued` if no token could be signed or its user not be stored.
#[cfg(feature = "backstage")]
pub(crate) fn session_refused(kind: &'static str) {
    sessions_refused(Some(kind));
}

#[cfg(feature = "backstage")]
fn sessions_refused(kind: Option<&'static str>) {
    count_kinds!("alb_auth_sessions_refused_total", "kind" => kind, ["not_issued", "misused"]);
}

#[cfg(feature = "backstage")]
pub(crate) fn session_ended(provider: &'static str) {
    sessions_ended(Some(provider));
}

#[cfg(feature = "backstage")]
fn sessions_ended(provider: Option<&'static str>) {
    count!("alb_auth_sessions_ended_total", "provider" => provider, ["awsalb"]);
}

/// Describes the metrics of audit trails, and registers their counter: as [`describe`].
pub(crate) fn describe_audit() {
    describe_counter!("alb_auth_audit_events_lost_total", "Audit events that are not written");
    for loss in [AuditLoss::Limit, AuditLoss::Queue, AuditLoss::File] {
        audit_events_lost(loss, 0);
    }
}

pub(crate) fn audit_events_lost(loss: AuditLoss, count: u64) {
    let counter = match loss {
        AuditLoss::Limit => counter!("alb_auth_audit_events_lost_total", "reason" => "limit"),
        AuditLoss::Queue => counter!("alb_auth_audit_events_lost_total", "reason" => "queue"),
        AuditLoss::File => counter!("alb_auth_audit_events_lost_total", "reason" => "file"),
    };
    counter.increment(count);
}

pub(crate) fn oldest_key(fetched_at: impl Iterator<Item = Instant>, now: Instant) {
    let age = fetched_at.min().map_or(Duration::ZERO, |oldest| now.saturating_duration_since(oldest));
    gauge!("alb_auth_oldest_key_age_seconds").set(age.as_secs_f64());
}

/// The values of `result`; as `count!`, but for a histogram.
pub(crate) fn sign_in(result: &'static str, took: Duration) {
    let seconds = took.as_secs_f64();
    match result {
        "ok" => histogram!("alb_auth_sign_in_seconds", "result" => "ok").record(seconds),
        "refused" => histogram!("alb_auth_sign_in_seconds", "result" => "refused").record(seconds),
        "not_found" => histogram!("alb_auth_sign_in_seconds", "result" => "not_found").record(seconds),
        "ambiguous" => histogram!("alb_auth_sign_in_seconds", "result" => "ambiguous").record(seconds),
        "unavailable" => histogram!("alb_auth_sign_in_seconds", "result" => "unavailable").record(seconds),
        "misconfigured" => histogram!("alb_auth_sign_in_seconds", "result" => "misconfigured").record(seconds),
        _ => histogram!("alb_auth_sign_in_seconds", "result" => "other").record(seconds),
    }
}

/// Counts as a fetch in progress until it is dropped.
pub(crate) struct FetchInProgress(());

impl FetchInProgress {
    pub(crate) fn begin() -> Self {
        gauge!("alb_auth_key_fetches_in_flight").increment(1.0);
        Self(())
    }
}

impl Drop for FetchInProgress {
    fn drop(&mut self) {
        gauge!("alb_auth_key_fetches_in_flight").decrement(1.0);
    }
}
