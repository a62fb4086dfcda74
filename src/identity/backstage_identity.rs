//! The signed-in user.

use std::{fmt, sync::Arc};

use super::{Claims, EntityRef, Profile};

/// The signed-in user: who that is in the organisation, and the claims it came from.
///
/// Made by the layer from a verified token and the sign-in policy, and found in the request's extensions; with the feature
/// `axum` it is an extractor. A clone copies about 200 bytes and counts two references.
#[doc(alias("user", "jwt"))]
#[derive(Clone)]
pub struct BackstageIdentity {
    claims: Claims,
    user: EntityRef,
    /// `None` means the user's own ref alone, the usual case, which then needs no list on the heap.
    ownership: Option<Arc<[EntityRef]>>,
}

impl BackstageIdentity {
    pub(crate) fn new(claims: Claims, user: EntityRef, ownership: Option<Arc<[EntityRef]>>) -> Self {
        Self { claims, user, ownership }
    }

    pub(crate) fn claims_mut(&mut self) -> &mut Claims {
        &mut self.claims
    }

    /// The user's entity ref: `user:default/jane.doe`.
    pub fn user_entity_ref(&self) -> &EntityRef {
        &self.user
    }

    /// What the user counts as when ownership is asked: the own ref first, then groups, as the sign-in policy gave them.
    pub fn ownership_entity_refs(&self) -> &[EntityRef] {
        self.ownership.as_deref().unwrap_or(std::slice::from_ref(&self.user))
    }

    /// Whether the user is, or is a member of, that entity.
    pub fn owns(&self, entity: &EntityRef) -> bool {
        self.ownership_entity_refs().contains(entity)
    }

    /// What to show of the user: display name, email, picture.
    pub fn profile(&self) -> Profile<'_> {
        Profile::new(&self.claims)
    }

    /// What the identity provider said of the user.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}

impl AsRef<Claims> for BackstageIdentity {
    fn as_ref(&self) -> &Claims {
        &self.claims
    }
}

impl fmt::Debug for BackstageIdentity {
    /// The entity refs; never the token or the profile.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackstageIdentity")
            .field("user", &self.user.as_str())
            .field("ownership", &self.ownership_entity_refs())
            .finish_non_exhaustive()
    }
}
