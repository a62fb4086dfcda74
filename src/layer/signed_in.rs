//! An authenticated user, for code without a request's extensions.

use crate::{
    authenticator::Authenticated,
    identity::{BackstageIdentity, Claims},
};

/// A user that the load balancer signed in and the sign-in policy accepted. Made by
/// [`AlbAuthHandle::authenticate`](crate::AlbAuthHandle::authenticate).
#[derive(Debug, Clone)]
pub struct SignedIn(Who);

#[derive(Debug, Clone)]
enum Who {
    Named(BackstageIdentity),
    /// Under a policy that gives no identities, or none to this user.
    Unnamed(Claims),
}

impl SignedIn {
    pub(super) fn new(authenticated: Authenticated) -> Self {
        Self(match authenticated {
            Authenticated::User(identity) => Who::Named(identity),
            Authenticated::ClaimsOnly(claims) | Authenticated::NoMatch(claims) => Who::Unnamed(claims),
        })
    }

    /// The claims of the identity provider.
    pub fn claims(&self) -> &Claims {
        match &self.0 {
            Who::Named(identity) => identity.claims(),
            Who::Unnamed(claims) => claims,
        }
    }

    /// The user's identity in the organisation; `None` if the policy accepted the user with claims
    /// alone.
    pub fn identity(&self) -> Option<&BackstageIdentity> {
        match &self.0 {
            Who::Named(identity) => Some(identity),
            Who::Unnamed(_) => None,
        }
    }
}
