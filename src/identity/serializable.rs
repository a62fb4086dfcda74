//! Claims and identities for responses, by choice of the handler.
//!
//! [`Claims`] and [`BackstageIdentity`] do not implement `Serialize`, so that no log and no larger structure contains
//! them by accident.

use std::fmt;

use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeStruct as _},
};
use serde_json::Value;

use super::{BackstageIdentity, Claims, Profile};

/// All claims, as the JSON object that was signed. Made by [`Claims::serializable`].
#[derive(Clone, Copy)]
pub struct SerializableClaims<'a>(&'a Claims);

/// A user for a response. Made by [`BackstageIdentity::serializable`].
#[derive(Clone, Copy)]
pub struct SerializableIdentity<'a>(&'a BackstageIdentity);

impl Claims {
    /// All claims, for a response of the handler: `Json(claims.serializable())`. The token is not among them.
    ///
    /// `Claims` itself does not implement `Serialize`, so that claims are serialized only where a handler calls this method.
    ///
    /// ```
    /// # #[cfg(feature = "test-util")] {
    /// use tower_alb_auth::{BackstageIdentity, test_util::User};
    ///
    /// let jane = BackstageIdentity::builder("user:default/jane").claims(User::jane()).build()?;
    /// let response = serde_json::to_value(jane.claims().serializable())?;
    /// assert_eq!(response["name"], "Jane Doe");
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// ```compile_fail,E0277
    /// fn logged(claims: &tower_alb_auth::Claims) -> String {
    ///     serde_json::to_string(claims).unwrap_or_default()
    /// }
    /// ```
    pub fn serializable(&self) -> SerializableClaims<'_> {
        SerializableClaims(self)
    }
}

impl BackstageIdentity {
    /// The user's entity ref, ownership and profile, for a response of the handler: `Json(user.serializable())`.
    ///
    /// | member | value |
    /// |---|---|
    /// | `userEntityRef` | [`user_entity_ref`](Self::user_entity_ref) |
    /// | `ownershipEntityRefs` | [`ownership_entity_refs`](Self::ownership_entity_refs) |
    /// | `profile` | `displayName`, and `email` and `picture` if there are such claims |
    ///
    /// `BackstageIdentity` itself does not implement `Serialize`, so that a user is serialized only where a handler calls this
    /// method.
    ///
    /// ```
    /// # #[cfg(feature = "test-util")] {
    /// use tower_alb_auth::{BackstageIdentity, test_util::User};
    ///
    /// let jane = BackstageIdentity::builder("user:default/jane").claims(User::jane()).build()?;
    /// let response = serde_json::to_value(jane.serializable())?;
    /// assert_eq!(response["userEntityRef"], "user:default/jane");
    /// assert_eq!(response["profile"]["displayName"], "Jane Doe");
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// ```compile_fail,E0277
    /// fn logged(user: &tower_alb_auth::BackstageIdentity) -> String {
    ///     serde_json::to_string(user).unwrap_or_default()
    /// }
    /// ```
    pub fn serializable(&self) -> SerializableIdentity<'_> {
        SerializableIdentity(self)
    }
}

impl Serialize for SerializableClaims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Parsed, since raw JSON is understood by the serializer of serde_json only. It was checked to be strict JSON.
        let claims: Value = serde_json::from_str(self.0.payload())
            .map_err(|_| S::Error::custom("the claims have a value that serde_json cannot represent"))?;
        claims.serialize(serializer)
    }
}

impl Serialize for SerializableIdentity<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut user = serializer.serialize_struct("BackstageIdentity", 3)?;
        user.serialize_field("userEntityRef", self.0.user_entity_ref())?;
        user.serialize_field("ownershipEntityRefs", self.0.ownership_entity_refs())?;
        user.serialize_field("profile", &SerializableProfile(self.0.profile()))?;
        user.end()
    }
}

struct SerializableProfile<'a>(Profile<'a>);

impl Serialize for SerializableProfile<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (email, picture) = (self.0.email(), self.0.picture());
        let members = 1_usize.saturating_add(email.iter().chain(&picture).count());
        let mut profile = serializer.serialize_struct("Profile", members)?;
        profile.serialize_field("displayName", self.0.display_name())?;
        for (name, value) in [("email", email), ("picture", picture)] {
            match value {
                Some(value) => profile.serialize_field(name, value)?,
                None => profile.skip_field(name)?,
            }
        }
        profile.end()
    }
}

impl fmt::Debug for SerializableClaims<'_> {
    /// As that of [`Claims`]: issuer and subject only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SerializableIdentity<'_> {
    /// As that of [`BackstageIdentity`]: the entity refs only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
