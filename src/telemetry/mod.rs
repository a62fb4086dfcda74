//! Spans and events: their names, and what they say.
//!
//! One span a decision, `alb_auth` at level DEBUG, target `tower_alb_auth`:
//!
//! | field | value |
//! |---|---|
//! | `outcome` | `user`, `claims`, or the name of the error's kind, such as `untrusted_signer` |
//! | `kid`, `signer` | of a token that matched the configuration |
//! | `cache` | `hit` for a token that was verified before, else `miss` |
//! | `user` | the entity ref, only with `record_user_in_spans()` |
//!
//! Never a token, an email, an access token.

#[cfg_attr(not(feature = "metrics"), path = "no_metrics.rs")]
pub(crate) mod metrics;
mod seldom;

pub(crate) use self::seldom::Seldom;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use tracing::{Span, field::Empty};

use crate::{
    authenticator::Authenticated,
    error::{AuthError, AuthErrorKind, Fault},
    sync::{Mutex, SharedClock},
};

/// So many refusals of a kind are warnings
const WARNINGS: u32 = 10;
/// in this time.
const WARNINGS_IN: Duration = Duration::from_secs(10);

/// The span of one decision.
#[derive(Clone)]
pub(crate) struct DecisionSpan {
    span: Span,
    /// The span around it, which may have declared `enduser.id`.
    around: Option<Span>,
}

impl DecisionSpan {
    pub(crate) fn start(record_user: bool) -> Self {
        let around = record_user.then(Span::current);
        let span = tracing::debug_span!(
            target: "tower_alb_auth",
            "alb_auth",
            outcome = Empty,
            kid = Empty,
            signer = Empty,
            cache = Empty,
            user = Empty
        );
        Self { span, around }
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    pub(crate) fn token(&self, kid: crate::alb::Kid, signer: &str, cache: &'static str) {
        metrics::token_cache(cache);
        if !self.span.is_disabled() {
            self.span.record("kid", tracing::field::display(kid)).record("signer", signer).record("cache", cache);
        }
    }

    pub(crate) fn end(&self, outcome: &Result<Authenticated, AuthError>, warnings: &Warnings) {
        let name = match outcome {
            Ok(Authenticated::User(_)) => "user",
            Ok(Authenticated::ClaimsOnly(_) | Authenticated::Unnamed(_)) => "claims",
            Err(error) => error.kind().as_str(),
        };
        metrics::decision(name);
        if !self.span.is_disabled() {
            self.span.record("outcome", name);
        }
        match outcome {
            Ok(Authenticated::User(user)) => {
                if let Some(around) = &self.around {
                    self.span.record("user", user.user_entity_ref().as_str());
                    around.record("enduser.id", user.user_entity_ref().as_str());
                }
            }
            Ok(Authenticated::ClaimsOnly(_) | Authenticated::Unnamed(_)) => {}
            Err(error) => self.span.in_scope(|| refused(error, warnings)),
        }
    }
}

/// How many refusals of each kind were warnings of late. A stranger cannot be told from a mistake in the configuration: both
/// come with a signer that is not trusted. So such a refusal is a warning, but not each of a thousand a second.
pub(crate) struct Warnings {
    clock: SharedClock,
    /// Since when is counted, and how many there were.
    counts: Mutex<HashMap<AuthErrorKind, (Instant, u32)>>,
}

impl Warnings {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self { clock, counts: Mutex::default() }
    }

    fn allow(&self, kind: AuthErrorKind) -> bool {
        let now = self.clock.monotonic();
        let mut counts = self.counts.lock();
        let (since, count) = counts.entry(kind).or_insert((now, 0));
        if now.saturating_duration_since(*since) >= WARNINGS_IN {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        *count <= WARNINGS
    }
}

/// A refusal that somebody may have to act on is a warning; what strangers do is not worth more than a debug line, or they
/// would fill the log.
pub(crate) fn refused(error: &AuthError, warnings: &Warnings) {
    let kind = error.kind().as_str();
    let somebody_may_act = error.fault() != Fault::Client;
    if somebody_may_act
        && tracing::enabled!(target: "tower_alb_auth", tracing::Level::WARN)
        && warnings.allow(error.kind())
    {
        tracing::warn!(target: "tower_alb_auth", kind, "refused: {}", error.operator_message());
    } else {
        tracing::debug!(target: "tower_alb_auth", kind, "refused: {}", error.operator_message());
    }
}

/// A mistake of the application is an error, but not each of a thousand a second.
pub(crate) fn misused(sentence: &str, warnings: &Warnings) {
    if warnings.allow(AuthErrorKind::Misused) {
        tracing::error!(target: "tower_alb_auth", "{sentence}");
    } else {
        tracing::debug!(target: "tower_alb_auth", "{sentence}");
    }
}

/// A request that a `RequireLayer` rejects. Every application has users who try a page that they have no access to, so this is
/// no warning; a mistake of the application is an error.
pub(crate) fn requirement_failed(error: &AuthError, warnings: &Warnings) {
    metrics::requirement_failed(error.kind());
    match error.kind() {
        AuthErrorKind::Misused => misused(&error.operator_message(), warnings),
        kind => {
            tracing::debug!(target: "tower_alb_auth", kind = kind.as_str(), "refused: {}", error.operator_message());
        }
    }
}

/// The lines at start-up: what is trusted, and what the settings give up.
pub(crate) fn started(config: &crate::config::AlbAuthConfig) {
    metrics::describe();
    tracing::info!(target: "tower_alb_auth", "trusts {}", config.summary());
    for warning in config.warnings() {
        tracing::warn!(target: "tower_alb_auth", "{warning}");
    }
}

/// What a reload has taken out of the trusted load balancers, issuers and client ids.
pub(crate) fn withdrawn(withdrawn: &[String]) {
    for entry in withdrawn {
        tracing::info!(target: "tower_alb_auth", "no longer trusted: {entry}");
    }
}

/// What the switches of a layer do.
pub(crate) fn switches(switches: &[String]) {
    tracing::info!(target: "tower_alb_auth", "the layer: {}", switches.join("; "));
}

/// A store of the auth backend that gives no answer. Not a line for each of a thousand requests a second.
#[cfg(feature = "backstage")]
pub(crate) fn store_failed(wanted: &str, error: &crate::backstage::store::StoreError, warnings: &Warnings) {
    if warnings.allow(AuthErrorKind::SignInUnavailable) {
        tracing::warn!(target: "tower_alb_auth", "{wanted} is out of reach: {error}");
    } else {
        tracing::debug!(target: "tower_alb_auth", "{wanted} is out of reach: {error}");
    }
}
