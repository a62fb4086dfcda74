//! The signed-in user.

use std::{fmt, sync::Arc};

use super::{Claims, EntityRef, Profile};

/// The signed-in user: the user's entity in the organisation, and the claims that it is based on.
///
/// The layer makes it from a verified token and the sign-in policy, and inserts it into the
/// request's extensions. With the feature `axum` it is an extractor. A clone copies about 200 bytes
/// and counts two references.
///
/// An identity cannot be made from unverified data. Its only constructor is private:
///
/// ```compile_fail,E0624
/// use tower_alb_auth::{BackstageIdentity, Claims, EntityRef};
///
/// fn forged(claims: Claims, user: EntityRef) -> BackstageIdentity {
///     BackstageIdentity::new(claims, user, None)
/// }
/// ```
#[doc(alias("user", "jwt"))]
#[derive(Clone)]
pub struct BackstageIdentity {
    claims: Claims,
    user: EntityRef,
    /// `None`: the user's ref only. This is the usual case and needs no list on the heap.
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

    /// The entities that the user has ownership of: the user's ref first, then the groups from the
    /// sign-in policy.
    pub fn ownership_entity_refs(&self) -> &[EntityRef] {
        self.ownership.as_deref().unwrap_or(std::slice::from_ref(&self.user))
    }

    /// Whether the user is this entity or is a member of it.
    pub fn owns(&self, entity: &EntityRef) -> bool {
        self.ownership_entity_refs().contains(entity)
    }

    /// Display name, email and picture of the user.
    pub fn profile(&self) -> Profile<'_> {
        Profile::new(&self.claims)
    }

    /// The claims of the identity provider about the user.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }
}

impl Claims {
    /// The claims of a request that the layer accepted, for any sign-in policy.
    ///
    /// With `ClaimsOnly` the claims are in the extensions themselves. With other policies they are
    /// inside the [`BackstageIdentity`](crate::BackstageIdentity), so that a request needs one
    /// allocation only.
    pub fn of(extensions: &http::Extensions) -> Option<&Self> {
        extensions.get::<BackstageIdentity>().map(BackstageIdentity::claims).or_else(|| extensions.get())
    }
}

impl AsRef<Claims> for BackstageIdentity {
    fn as_ref(&self) -> &Claims {
        &self.claims
    }
}

impl fmt::Debug for BackstageIdentity {
    /// Shows the entity refs, never the token or the profile.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackstageIdentity")
            .field("user", &self.user.as_str())
            .field("ownership", &self.ownership_entity_refs())
            .finish_non_exhaustive()
    }
}
