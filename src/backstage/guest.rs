//! The guest: a session without a sign-in.

use super::SessionProfile;
use crate::EntityRef;

/// The user that every guest becomes. Passed to
/// [`dangerously_allow_guest`](super::BackstageAuthBuilder::dangerously_allow_guest).
///
/// Default, as in Backstage: `user:development/guest` with ownership of itself and an empty
/// profile.
#[derive(Debug, Clone, Default)]
pub struct Guest {
    pub(super) user: Option<EntityRef>,
    pub(super) ownership: Option<Vec<EntityRef>>,
    pub(super) profile: SessionProfile,
}

impl Guest {
    /// Backstage's guest.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the user: `auth.providers.guest.userEntityRef`.
    #[must_use]
    pub fn user(mut self, user: EntityRef) -> Self {
        self.user = Some(user);
        self
    }

    /// Sets the ownership refs: `auth.providers.guest.ownershipEntityRefs`. Default: the user's own
    /// ref.
    #[must_use]
    pub fn ownership(mut self, refs: impl IntoIterator<Item = EntityRef>) -> Self {
        self.ownership = Some(refs.into_iter().collect());
        self
    }

    /// Sets the guest's profile.
    #[must_use]
    pub fn profile(mut self, profile: SessionProfile) -> Self {
        self.profile = profile;
        self
    }

    pub(super) fn known(self) -> Result<KnownGuest, String> {
        let user = match self.user {
            Some(user) => user,
            None => EntityRef::new("user", "development", "guest").map_err(|error| error.to_string())?,
        };
        if user.kind() != "user" {
            return Err(format!(
                "the guest must be of kind user, but it is {user}: use one such as user:development/guest"
            ));
        }
        let ownership = self.ownership.unwrap_or_else(|| vec![user.clone()]);
        Ok(KnownGuest { user, ownership, profile: self.profile })
    }
}

/// A guest with every default filled in.
#[derive(Debug, Clone)]
pub(super) struct KnownGuest {
    pub(super) user: EntityRef,
    pub(super) ownership: Vec<EntityRef>,
    pub(super) profile: SessionProfile,
}
