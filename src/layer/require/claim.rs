//! Requirements on claims.

use std::sync::Arc;

use super::{RequireLayer, requirement::Requirement};
use crate::{
    error::quoted,
    identity::{Claims, UserAddress},
    sign_in::check_email_verified,
};

/// Requirements on claims: 403 for users who do not meet them.
///
/// A claim is only as trustworthy as the party that may change it: many providers let users edit
/// their own name, locale or nickname. Texts are compared byte for byte.
///
/// A requirement on a claim applies to the users of every issuer that the layer trusts. With several
/// issuers, limit it by [`of_issuer`](Self::of_issuer): a requirement does not know the configuration, so
/// nothing reports a missing one.
///
/// An empty text is met by no user: it may come from a setting that is not set, and some providers send an empty text for an
/// attribute without a value.
///
/// ```
/// use tower_alb_auth::RequireLayer;
///
/// let platform = RequireLayer::claim_equals("custom:team", "platform");
/// let auditors = RequireLayer::claim_contains("groups", "auditors");
/// let experienced = RequireLayer::claims_match("level is 3 or more", |claims| {
///     claims.get::<u8>("level").is_ok_and(|level| level >= Some(3))
/// });
/// # let _ = (platform, auditors, experienced);
/// ```
impl RequireLayer {
    /// Requires that the claim is present, with any value but null.
    pub fn claim_present(claim: impl Into<String>) -> Self {
        let claim = claim.into();
        Self::claim(format!("the claim {claim}"), claim, |claims, claim| match claims.kind(claim) {
            Some("null") => Err("it is null".to_owned()),
            found => Ok(found.map(|_| true)),
        })
    }

    /// Requires that the claim is this text. For the claim `email` see [`claim_contains`](Self::claim_contains).
    pub fn claim_equals(claim: impl Into<String>, text: impl Into<String>) -> Self {
        let (claim, text) = (claim.into(), text.into());
        let what = format!("the claim {claim} as {}", quoted(&text));
        Self::claim(what, claim, move |claims, claim| {
            check_not_empty(&text)?;
            if let Some(address) = address(claims, claim)? {
                return Ok(address.map(|address| address == text));
            }
            let held = claims.text(claim).map_err(|error| error.to_string())?;
            Ok(held.map(|held| held == text))
        })
    }

    /// Requires that the claim is a list of texts that contains this one, or is this text.
    ///
    /// An `email` that the provider reports as not verified does not count, nor does one without `email_verified` at an issuer
    /// with accounts of many organisations: users can enter any address there. If the sign-in policy reads the address from
    /// another claim than `email`, then a requirement on `email` is compared with that address.
    pub fn claim_contains(claim: impl Into<String>, text: impl Into<String>) -> Self {
        let (claim, text) = (claim.into(), text.into());
        let what = format!("the claim {claim} with {} in it", quoted(&text));
        Self::claim(what, claim, move |claims, claim| {
            check_not_empty(&text)?;
            if let Some(address) = address(claims, claim)? {
                return Ok(address.map(|address| address == text));
            }
            let held = claims.texts(claim).map_err(|error| error.to_string())?;
            Ok(held.map(|held| held.contains(&text)))
        })
    }

    /// Requires that the closure returns `true`. `what` names the requirement in the operator's
    /// log: `level is 3 or more`.
    ///
    /// If the closure panics, the response is 500.
    pub fn claims_match(what: impl Into<String>, test: impl Fn(&Claims) -> bool + Send + Sync + 'static) -> Self {
        let test = move |claims: &Claims| if test(claims) { Ok(()) } else { Err("it does not hold".to_owned()) };
        Self::new(Requirement::Claims { what: what.into(), test: Arc::new(test) })
    }

    /// A requirement on one claim. `holds` returns `None` if the claim is missing, and an error if
    /// it is malformed.
    fn claim(
        what: String,
        claim: String,
        holds: impl Fn(&Claims, &str) -> Result<Option<bool>, String> + Send + Sync + 'static,
    ) -> Self {
        let test = move |claims: &Claims| match holds(claims, &claim)? {
            Some(true) => Ok(()),
            Some(false) => Err("the value differs, and is not shown: compare it at the provider".to_owned()),
            None => Err("the claim is missing".to_owned()),
        };
        Self::new(Requirement::Claims { what, test: Arc::new(test) })
    }
}

/// # Errors
/// The text that a claim is compared with is empty.
fn check_not_empty(text: &str) -> Result<(), String> {
    match text.is_empty() {
        true => {
            Err("the text to compare with is empty, which no user meets: set the setting that it comes from".to_owned())
        }
        false => Ok(()),
    }
}

/// The address of the user in place of the claim `email`, if the sign-in policy says how it is read.
///
/// # Errors
/// It cannot be used, or the claim `email` may be the address of another user.
fn address<'c>(claims: &'c Claims, claim: &str) -> Result<Option<Option<&'c str>>, String> {
    if claim != "email" {
        return Ok(None);
    }
    match claims.address() {
        None => check_email_verified(claims).map(|()| None),
        Some(UserAddress::Known(address)) => Ok(Some(Some(address))),
        Some(UserAddress::Missing) => Ok(Some(None)),
        Some(UserAddress::Unusable(why)) => Err((**why).to_owned()),
    }
}
