//! Demands a claim.

use std::sync::Arc;

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
        Self::claim(format!("the claim {claim}"), claim, |claims, claim| match claims.kind(claim) {
            Some("null") => Err("it is null".to_owned()),
            found => Ok(found.map(|_| true)),
        })
    }

    /// Demands that the claim is this text.
    pub fn equals(claim: impl Into<String>, text: impl Into<String>) -> Require {
        let (claim, text) = (claim.into(), text.into());
        let what = format!("the claim {claim} as {}", crate::error::quoted(&text));
        Self::claim(what, claim, move |claims, claim| {
            let held = claims.text(claim).map_err(|error| error.to_string())?;
            Ok(held.map(|held| held == text))
        })
    }

    /// Demands that the claim is a list of texts with this one in it, or this one text.
    pub fn contains(claim: impl Into<String>, text: impl Into<String>) -> Require {
        let (claim, text) = (claim.into(), text.into());
        let what = format!("the claim {claim} with {} in it", crate::error::quoted(&text));
        Self::claim(what, claim, move |claims, claim| {
            let held = claims.texts(claim).map_err(|error| error.to_string())?;
            Ok(held.map(|held| held.contains(&text)))
        })
    }

    /// Demands what the closure says. `what` names it in the operator's log: `level is 3 or more`.
    ///
    /// If the closure panics, the request is answered 500.
    pub fn that(what: impl Into<String>, test: impl Fn(&Claims) -> bool + Send + Sync + 'static) -> Require {
        let test = move |claims: &Claims| if test(claims) { Ok(()) } else { Err("it does not hold".to_owned()) };
        Require::new(Demand::Claims { what: what.into(), test: Arc::new(test) })
    }

    /// Demands of one claim. `holds` gives `None` where the claim is missing, and an error where it is malformed.
    fn claim(
        what: String,
        claim: String,
        holds: impl Fn(&Claims, &str) -> Result<Option<bool>, String> + Send + Sync + 'static,
    ) -> Require {
        let test = move |claims: &Claims| match holds(claims, &claim)? {
            Some(true) => Ok(()),
            Some(false) => Err("the value is another one, and not shown: compare it at the provider".to_owned()),
            None => Err("the claim is missing".to_owned()),
        };
        Require::new(Demand::Claims { what, test: Arc::new(test) })
    }
}
