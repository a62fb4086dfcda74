//! Requirements on ownership.

use super::{
    RequireLayer,
    requirement::{HowMany, Requirement},
};
use crate::{error::quoted, identity::EntityRef, settings::ConfigError};

/// Requirements on ownership: 403 for users who do not have it.
///
/// ```
/// use tower_alb_auth::RequireLayer;
///
/// let admins = RequireLayer::owner_of_any(["group:default/admins", "group:default/on-call"])?;
/// assert!(RequireLayer::owner_of_any(["admins"]).unwrap_err().to_string().contains("group:default/platform"));
/// # let _ = admins;
/// # Ok::<(), tower_alb_auth::ConfigError>(())
/// ```
impl RequireLayer {
    /// Requires that the user has ownership of at least one of these entities, usually groups. They
    /// are full entity refs.
    ///
    /// # Errors
    /// One of them is not a full entity ref, or the list is empty.
    pub fn owner_of_any(entities: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, ConfigError> {
        ownership(HowMany::Any, entities)
    }

    /// Requires that the user has ownership of each of these entities, usually groups. They are
    /// full entity refs.
    ///
    /// # Errors
    /// One of them is not a full entity ref, or the list is empty.
    pub fn owner_of_all(entities: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self, ConfigError> {
        ownership(HowMany::All, entities)
    }
}

fn ownership(of: HowMany, entities: impl IntoIterator<Item = impl AsRef<str>>) -> Result<RequireLayer, ConfigError> {
    let mut problems = Vec::new();
    let mut parsed = Vec::new();
    for text in entities {
        match text.as_ref().parse::<EntityRef>() {
            Ok(entity) => parsed.push(entity),
            Err(error) => problems.push(format!(
                "{}: {} is not a full entity ref ({error}): write it as group:default/platform",
                of.constructor(),
                quoted(text.as_ref())
            )),
        }
    }
    if parsed.is_empty() && problems.is_empty() {
        // Every user would meet an empty list of requirements.
        problems.push(format!(
            "{}: the list is empty: name an entity such as group:default/platform, or use RequireLayer::signed_in",
            of.constructor()
        ));
    }
    if problems.is_empty() {
        Ok(RequireLayer::new(Requirement::Ownership { of, entities: parsed }))
    } else {
        Err(ConfigError::invalid(problems))
    }
}
