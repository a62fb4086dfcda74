//! Compares the user of a decision with the deny lists.

use super::{
    Authenticator, Snapshot,
    outcome::{Authenticated, Outcome},
};
use crate::{
    deny_list::{Attached, DeniedUser, Hit},
    error::{AuthError, AuthErrorKind},
};

impl Authenticator {
    /// Why this user is shut out, if a deny list names the user now.
    pub(crate) fn denial(&self, user: DeniedUser<'_>) -> Option<AuthError> {
        self.current.load().denial(&self.denied, user)
    }

    /// As [`denial`](Self::denial), by the entity ref alone.
    #[cfg(feature = "backstage")]
    pub(crate) fn denial_of(&self, user: &crate::identity::EntityRef) -> Option<AuthError> {
        let now = self.current.load().settings().clock.unix_now();
        self.denied.find_user(user, now).map(|hit| denied_by(&hit))
    }
}

impl Snapshot {
    /// Refuses a user whom a deny list names. The one place for it: each decision passes here, however it was made.
    #[inline]
    pub(super) fn deny(&self, denied: &Attached, outcome: &mut Outcome) {
        let Ok(authenticated) = &*outcome else { return };
        if let Some(error) = self.denial(denied, authenticated.into()) {
            *outcome = Err(error);
        } else if let Authenticated::ClaimsOnly(_) = authenticated {
            denied.warn_of_unnamed_user();
        }
    }

    #[inline]
    pub(super) fn denial(&self, denied: &Attached, user: DeniedUser<'_>) -> Option<AuthError> {
        let hit = denied.find(user, || self.settings().clock.unix_now()).or_else(|| self.find_address(denied, user))?;
        Some(denied_by(&hit))
    }

    /// An entry by email denies the user whom the sign-in policy knows by that address, in whichever claim it is.
    #[inline]
    fn find_address(&self, denied: &Attached, DeniedUser { claims, .. }: DeniedUser<'_>) -> Option<Hit> {
        if !denied.names_emails() {
            return None;
        }
        let settings = self.settings();
        settings.trust.email_claims(claims.issuer()).find_map(|claim| match claim.read(claims) {
            Ok(address) => denied.find_address(&address?, settings.clock.unix_now()),
            Err(error) => Some(Hit::AddressIsUnread(error.message().into())),
        })
    }
}

fn denied_by(hit: &Hit) -> AuthError {
    AuthError::with_detail(AuthErrorKind::Denied, hit.reason())
}
