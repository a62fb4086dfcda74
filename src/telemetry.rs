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

use tracing::{Span, field::Empty};

use crate::{
    authenticator::Authenticated,
    error::{AuthError, Fault},
};

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

    pub(crate) fn token(&self, kid: crate::keys::Kid, signer: &str, cache: &'static str) {
        if !self.span.is_disabled() {
            self.span.record("kid", tracing::field::display(kid)).record("signer", signer).record("cache", cache);
        }
    }

    pub(crate) fn end(&self, outcome: &Result<Authenticated, AuthError>) {
        let name = match outcome {
            Ok(Authenticated::User(_)) => "user",
            Ok(Authenticated::ClaimsOnly(_)) => "claims",
            Err(error) => error.kind().as_str(),
        };
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
            Ok(Authenticated::ClaimsOnly(_)) => {}
            Err(error) => self.span.in_scope(|| refused(error)),
        }
    }
}

/// A refusal that somebody may have to act on is a warning; what strangers do is not worth more than a debug line, or they
/// would fill the log.
fn refused(error: &AuthError) {
    let kind = error.kind().as_str();
    match error.fault() {
        Fault::Client => tracing::debug!(target: "tower_alb_auth", kind, "refused: {}", error.operator_message()),
        Fault::Operator | Fault::Infrastructure => {
            tracing::warn!(target: "tower_alb_auth", kind, "refused: {}", error.operator_message());
        }
    }
}

/// The lines at start-up: what is trusted, and what the settings give up.
pub(crate) fn started(config: &crate::config::AlbAuthConfig) {
    tracing::info!(target: "tower_alb_auth", "trusts {}", config.summary());
    for warning in config.warnings() {
        tracing::warn!(target: "tower_alb_auth", "{warning}");
    }
}
