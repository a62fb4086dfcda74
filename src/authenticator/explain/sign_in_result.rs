//! The user of an explained request.

use std::fmt;

use crate::{authenticator::Authenticated, identity::EntityRef};

/// What the sign-in policy makes of the claims. It names the user, but is no identity.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignInResult {
    /// A user.
    User {
        /// The user's entity ref.
        entity_ref: EntityRef,
        /// The entity refs that the user owns.
        ownership: Vec<EntityRef>,
    },
    /// The policy resolves no users.
    ClaimsOnly,
    /// The policy resolves users, but not this one.
    NoMatch,
}

impl SignInResult {
    pub(super) fn of(authenticated: &Authenticated) -> Self {
        match authenticated {
            Authenticated::User(identity) => Self::User {
                entity_ref: identity.user_entity_ref().clone(),
                ownership: identity.ownership_entity_refs().to_vec(),
            },
            Authenticated::ClaimsOnly(_) => Self::ClaimsOnly,
            Authenticated::NoMatch(_) => Self::NoMatch,
        }
    }
}

impl fmt::Debug for SignInResult {
    /// Does not show the user's name, which comes from a claim.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User { .. } => "User(..)",
            Self::ClaimsOnly => "ClaimsOnly",
            Self::NoMatch => "NoMatch",
        })
    }
}

impl fmt::Display for SignInResult {
    /// The kind and the namespace of a user, but not the name, which comes from a claim.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User { entity_ref, .. } => {
                write!(f, "as a {} in the namespace {}", entity_ref.kind(), entity_ref.namespace())
            }
            Self::ClaimsOnly => f.write_str("with the claims only, because the policy resolves no users"),
            Self::NoMatch => f.write_str("with the claims only: the policy resolves users, but not this one"),
        }
    }
}
