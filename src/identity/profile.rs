//! User data for display.

use super::{Claims, UserAddress};

/// Display name, email and picture of a user: a view of the claims. These values do not identify
/// the user.
#[derive(Debug, Clone, Copy)]
pub struct Profile<'a> {
    claims: &'a Claims,
}

impl<'a> Profile<'a> {
    pub(super) fn new(claims: &'a Claims) -> Self {
        Self { claims }
    }

    /// The claim `name`, otherwise the local part of the email, otherwise the subject. Not empty
    /// for users of a real provider.
    pub fn display_name(&self) -> &'a str {
        let local_part = || self.email().and_then(|email| email.split('@').next()).filter(|part| !part.is_empty());
        self.claims.name().filter(|name| !name.is_empty()).or_else(local_part).unwrap_or_else(|| self.claims.subject())
    }

    /// The claim `email`, as the provider sent it. Not checked, and possibly not verified: see
    /// [`Claims::email_verified`].
    ///
    /// If the sign-in policy reads the address from another claim (`email_claim("upn")`), or requires or waives its
    /// verification, then this is the address as the policy accepts it, and never that of another claim.
    pub fn email(&self) -> Option<&'a str> {
        match self.claims.address() {
            None => self.claims.email(),
            Some(UserAddress::Known(address)) => Some(address),
            Some(UserAddress::Missing | UserAddress::Unusable(_)) => None,
        }
    }

    /// The claim `picture`: a URL, as the provider sent it.
    pub fn picture(&self) -> Option<&'a str> {
        self.claims.picture()
    }
}
