//! Spans, log lines and metrics: their names, fields and levels.
//!
//! Callers pass plain values (labels, texts, an [`AuthError`]); this folder knows no room above it.
//!
//! Each decision has one span, `alb_auth`, at level DEBUG with target `tower_alb_auth`:
//!
//! | field | value |
//! |---|---|
//! | `outcome` | `user`, `claims`, or the name of the error's kind, such as `untrusted_signer` |
//! | `kid`, `signer` | from a token that matched the configuration |
//! | `cache` | `hit` for a token that was verified before, otherwise `miss` |
//! | `user` | the entity ref, only with `record_user_in_spans()` |
//! | `trace_id` | the header `X-Amzn-Trace-Id`, if the request has one; refusal lines have it too |
//!
//! Tokens, email addresses and access tokens are never recorded.

pub(crate) mod audit;
mod audit_loss;
mod log_limit;
#[cfg_attr(not(feature = "metrics"), path = "no_metrics.rs")]
pub(crate) mod metrics;

use std::{collections::HashMap, fmt::Display, time::Duration};

use tracing::{Span, field::Empty};

pub(crate) use self::log_limit::{LogLimit, LogRate, OncePerMinute};
use crate::{
    alb::TraceId,
    error::{AuthError, AuthErrorKind, Fault},
    identity::EntityRef,
    sync::{Mutex, SharedClock},
};

/// The rate of warnings for one kind of refusal. Further refusals of that kind are logged at DEBUG.
const WARNING_RATE: LogRate = LogRate { max_lines: 10, window: Duration::from_secs(10) };

/// The span of one decision.
#[derive(Clone)]
pub(crate) struct DecisionSpan {
    span: Span,
    /// The enclosing span, which may have declared `enduser.id`.
    around: Option<Span>,
}

/// The result of a decision, as a span records it.
pub(crate) enum Decided<'a> {
    /// A user with an identity.
    User(&'a EntityRef),
    /// A user with verified claims only.
    Claims,
    Refused(&'a AuthError),
}

impl DecisionSpan {
    pub(crate) fn start(record_user: bool, trace_id: TraceId<'_>) -> Self {
        let around = record_user.then(Span::current);
        let span = tracing::debug_span!(
            target: "tower_alb_auth",
            "alb_auth",
            outcome = Empty,
            kid = Empty,
            signer = Empty,
            cache = Empty,
            user = Empty,
            trace_id = trace_id.shown()
        );
        Self { span, around }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    pub(crate) fn token(&self, kid: impl Display, signer: &str, cache: &'static str) {
        metrics::token_cache(cache);
        if !self.span.is_disabled() {
            self.span.record("kid", tracing::field::display(kid)).record("signer", signer).record("cache", cache);
        }
    }

    pub(crate) fn end(&self, decided: Decided<'_>, trace_id: TraceId<'_>, warnings: &Warnings) {
        let name = match decided {
            Decided::User(_) => "user",
            Decided::Claims => "claims",
            Decided::Refused(error) => error.kind().as_str(),
        };
        metrics::decision(name);
        if !self.span.is_disabled() {
            self.span.record("outcome", name);
        }
        match decided {
            Decided::User(user) => {
                if let Some(around) = &self.around {
                    self.span.record("user", user.as_str());
                    around.record("enduser.id", user.as_str());
                }
            }
            Decided::Claims => {}
            Decided::Refused(error) => self.span.in_scope(|| refused(error, trace_id, warnings)),
        }
    }
}

/// Limits warnings about refusals, separately for each kind.
///
/// An attacker and a mistake in the configuration look alike: both cause tokens with an untrusted
/// signer. Such a refusal is therefore a warning, but a flood of them must not fill the log.
pub(crate) struct Warnings {
    clock: SharedClock,
    by_kind: Mutex<HashMap<AuthErrorKind, LogLimit>>,
}

impl Warnings {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self { clock, by_kind: Mutex::default() }
    }

    fn allow(&self, kind: AuthErrorKind) -> bool {
        let now = self.clock.monotonic();
        self.by_kind.lock().entry(kind).or_default().allows(WARNING_RATE, now)
    }
}

/// Logs a refusal. If the operator can act on it, it is a warning. Refusals that any client can
/// cause are logged at DEBUG, so that clients cannot fill the log.
pub(crate) fn refused(error: &AuthError, trace_id: TraceId<'_>, warnings: &Warnings) {
    let kind = error.kind().as_str();
    let operator_can_act = error.fault() != Fault::Client;
    if operator_can_act
        && tracing::enabled!(target: "tower_alb_auth", tracing::Level::WARN)
        && warnings.allow(error.kind())
    {
        tracing::warn!(target: "tower_alb_auth", kind, trace_id = trace_id.shown(), "refused: {}", error.operator_message());
    } else {
        tracing::debug!(target: "tower_alb_auth", kind, trace_id = trace_id.shown(), "refused: {}", error.operator_message());
    }
}

/// Logs a mistake of the application as an error, at a limited rate.
pub(crate) fn misused(message: &str, trace_id: TraceId<'_>, warnings: &Warnings) {
    if warnings.allow(AuthErrorKind::Misused) {
        tracing::error!(target: "tower_alb_auth", trace_id = trace_id.shown(), "{message}");
    } else {
        tracing::debug!(target: "tower_alb_auth", trace_id = trace_id.shown(), "{message}");
    }
}

/// Logs a request that a `RequireLayer` rejected.
///
/// Users try pages that they have no right to in every application, so this is not a warning. A
/// mistake of the application is an error.
pub(crate) fn requirement_failed(error: &AuthError, trace_id: TraceId<'_>, warnings: &Warnings) {
    metrics::requirement_failed(error.kind());
    match error.kind() {
        AuthErrorKind::Misused => misused(&error.operator_message(), trace_id, warnings),
        kind => {
            tracing::debug!(target: "tower_alb_auth", kind = kind.as_str(), trace_id = trace_id.shown(), "refused: {}", error.operator_message());
        }
    }
}

/// The lines at start-up: what is trusted, and a warning for each weak setting.
pub(crate) fn started(trusted: &str, weak_settings: &[String]) {
    metrics::describe();
    tracing::info!(target: "tower_alb_auth", "trusts {trusted}");
    for warning in weak_settings {
        tracing::warn!(target: "tower_alb_auth", "{warning}");
    }
}

/// Load balancers, issuers and client ids that a reload removed from the trusted ones.
pub(crate) fn withdrawn(withdrawn: &[String]) {
    for entry in withdrawn {
        tracing::info!(target: "tower_alb_auth", "no longer trusted: {entry}");
    }
}

/// The switches of a layer and their effects.
pub(crate) fn switches(switches: &[String]) {
    tracing::info!(target: "tower_alb_auth", "the layer: {}", switches.join("; "));
}

/// Logs that the machine itself prevents tokens: its clock or its random bytes. At a limited rate.
#[cfg(feature = "backstage")]
pub(crate) fn not_issued(error: &dyn Display, trace_id: TraceId<'_>, warnings: &Warnings) {
    if warnings.allow(AuthErrorKind::SignInUnavailable) {
        tracing::error!(target: "tower_alb_auth", trace_id = trace_id.shown(), "no token can be issued: {error}");
    } else {
        tracing::debug!(target: "tower_alb_auth", trace_id = trace_id.shown(), "no token can be issued: {error}");
    }
}

/// Logs why a store of the auth backend gave no result, at a limited rate.
#[cfg(feature = "backstage")]
pub(crate) fn store_failed(message: &dyn Display, trace_id: TraceId<'_>, warnings: &Warnings) {
    if warnings.allow(AuthErrorKind::SignInUnavailable) {
        tracing::warn!(target: "tower_alb_auth", trace_id = trace_id.shown(), "{message}");
    } else {
        tracing::debug!(target: "tower_alb_auth", trace_id = trace_id.shown(), "{message}");
    }
}
