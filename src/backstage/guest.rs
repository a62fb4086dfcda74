//! The guest: a session for whoever asks.

use super::SessionProfile;
use crate::EntityRef;

/// Whom everybody is who signs in as a guest. Goes into
/// [`dangerously_allow_guest`](super::BackstageAuthBuilder::dangerously_allow_guest).
///
/// Default: `user:development/guest`, who owns as nobody but itself and has an empty profile, as Backstage's guest.
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

    /// This user instead: `auth.providers.guest.userEntityRef`.
    #[must_use]
    pub fn user(mut self, user: EntityRef) -> Self {
        self.user = Some(user);
        self
    }

    /// Owns as these: `auth.providers.guest.ownershipEntityRefs`. Default: the user's own ref.
    #[must_use]
    pub fn ownership(mut self, refs: impl IntoIterator<Item = EntityRef>) -> Self {
        self.ownership = Some(refs.into_iter().collect());
        self
    }

    /// What is shown of the guest.
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
            return Err(format!("a guest is a user, and {user} is none: take one such as user:development/guest"));
        }
        let ownership = self.ownership.unwrap_or_else(|| vec![user.clone()]);
        Ok(KnownGuest { user, ownership, profile: self.profile })
    }
}

/// A guest without gaps.
#[derive(Debug, Clone)]
pub(super) struct KnownGuest {
    pub(super) user: EntityRef,
    pub(super) ownership: Vec<EntityRef>,
    pub(super) profile: SessionProfile,
}
