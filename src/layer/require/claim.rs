//! Demands a claim.

use std::sync::Arc;

use serde_json::Value;

use super::{Require, demand::Demand};
use crate::identity::Claims;

/// Lets users through whose provider says something of them: 403 for others.
///
/// A claim is as good as who may change it: many providers let users write their own name, locale or nickname. Texts are
/// compared byte for byte.
///
/// ```
/// use tower_alb_auth::RequireClaim;
///
/// let platform = RequireClaim::equals("custom:team", "platform");
/// let auditors = RequireClaim::contains("groups", "auditors");
/// let grown_up = RequireClaim::that("level is 3 or more", |claims| {
///     claims.get::<u8>("level").is_ok_and(|level| level >= Some(3))
/// });
/// # let _ = (platform, auditors, grown_up);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RequireClaim;

impl RequireClaim {
    /// Demands that the claim is there, whatever it says, and not null.
    pub fn present(claim: impl Into<String>) -> Require {
        let claim = claim.into();
        let what = format!("the claim {claim}");
        Self::that(what, move |claims| matches!(claims.get::<Value>(&claim), Ok(Some(value)) if !value.is_null()))
    }

    /// Demands that the claim is this text.
    pub fn equals(claim: impl Into<String>, text: impl Into<String>) -> Require {
        let (claim, text) = (claim.into(), text.into());
        let what = format!("the claim {claim} as {}", crate::error::quoted(&text));
        Self::that(what, move |claims| matches!(claims.get::<String>(&claim), Ok(Some(held)) if held == text))
    }

    /// Demands that the claim is a list of texts with this one in it, or this one text.
    pub fn contains(claim: impl Into<String>, text: impl Into<String>) -> Require {
        let (claim, text) = (claim.into(), text.into());
        let what = format!("the claim {claim} with {} in it", crate::error::quoted(&text));
        Self::that(what, move |claims| claims.texts(&claim).contains(&text))
    }

    /// Demands what the closure says. `what` names it in the operator's log: `level is 3 or more`.
    pub fn that(what: impl Into<String>, test: impl Fn(&Claims) -> bool + Send + Sync + 'static) -> Require {
        Require::new(Demand::Claims { what: what.into(), test: Arc::new(test) })
    }
}
