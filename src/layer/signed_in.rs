//! Who was let in, for code that has no request's extensions.

use crate::{
    authenticator::Authenticated,
    identity::{BackstageIdentity, Claims},
};

/// A user whom the load balancer signed in and the sign-in policy let in. Made by
/// [`AlbAuthHandle::authenticate`](super::AlbAuthHandle::authenticate).
#[derive(Debug, Clone)]
pub struct SignedIn(Who);

#[derive(Debug, Clone)]
enum Who {
    Named(BackstageIdentity),
    /// Under a policy that names nobody, or not this user.
    Unnamed(Claims),
}

impl SignedIn {
    pub(super) fn new(authenticated: Authenticated) -> Self {
        Self(match authenticated {
            Authenticated::User(identity) => Who::Named(identity),
            Authenticated::ClaimsOnly(claims) | Authenticated::NoMatch(claims) => Who::Unnamed(claims),
        })
    }

    /// What the identity provider said of the user.
    pub fn claims(&self) -> &Claims {
        match &self.0 {
            Who::Named(identity) => identity.claims(),
            Who::Unnamed(claims) => claims,
        }
    }

    /// Who that is in the organisation; `None` where the policy gave the claims alone.
    pub fn identity(&self) -> Option<&BackstageIdentity> {
        match &self.0 {
            Who::Named(identity) => Some(identity),
            Who::Unnamed(_) => None,
        }
    }
}
