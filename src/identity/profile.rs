//! What to show of a user.

use super::Claims;

/// What to show of the user: display name, email, picture. A view on the claims; nothing in it proves who the user is.
#[derive(Debug, Clone, Copy)]
pub struct Profile<'a> {
    claims: &'a Claims,
}

impl<'a> Profile<'a> {
    pub(super) fn new(claims: &'a Claims) -> Self {
        Self { claims }
    }

    /// The claim `name`, else the email's local part, else the subject: never empty for a user of a real provider.
    pub fn display_name(&self) -> &'a str {
        let local_part = || self.email().and_then(|email| email.split('@').next()).filter(|part| !part.is_empty());
        self.claims.name().filter(|name| !name.is_empty()).or_else(local_part).unwrap_or_else(|| self.claims.subject())
    }

    /// The claim `email`, as the provider sent it. Not checked, and perhaps not verified: see [`Claims::email_verified`].
    pub fn email(&self) -> Option<&'a str> {
        self.claims.email()
    }

    /// The claim `picture`: a URL, as the provider sent it.
    pub fn picture(&self) -> Option<&'a str> {
        self.claims.picture()
    }
}
