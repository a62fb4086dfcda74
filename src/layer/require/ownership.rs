//! Demands an ownership.

use super::{
    Require,
    demand::{Demand, HowMany},
};
use crate::{identity::EntityRef, settings::ConfigError};

/// Lets users through who own for an entity, usually a group: 403 for others.
///
/// ```
/// use tower_alb_auth::RequireOwnership;
///
/// let admins = RequireOwnership::any(["group:default/admins", "group:default/on-call"])?;
/// assert!(RequireOwnership::any(["admins"]).unwrap_err().to_string().contains("group:default/platform"));
/// # let _ = admins;
/// # Ok::<(), tower_alb_auth::ConfigError>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct RequireOwnership;

impl RequireOwnership {
    /// Demands that the user owns for at least one of these: full entity refs.
    ///
    /// # Errors
    /// One of them is not a full entity ref, or there is none.
    pub fn any(entities: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Require, ConfigError> {
        demand(HowMany::Any, entities)
    }

    /// Demands that the user owns for every one of these: full entity refs.
    ///
    /// # Errors
    /// One of them is not a full entity ref, or there is none.
    pub fn all(entities: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Require, ConfigError> {
        demand(HowMany::All, entities)
    }
}

fn demand(of: HowMany, entities: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Require, ConfigError> {
    let mut problems = Vec::new();
    let mut parsed = Vec::new();
    for text in entities {
        match text.as_ref().parse::<EntityRef>() {
            Ok(entity) => parsed.push(entity),
            Err(error) => problems.push(format!(
                "RequireOwnership: {} is not a full entity ref ({error}): write it as group:default/platform",
                crate::error::quoted(text.as_ref())
            )),
        }
    }
    if parsed.is_empty() && problems.is_empty() {
        // Every user would have all of nothing.
        problems.push(
            "RequireOwnership: nothing is demanded: name an entity such as group:default/platform, or take RequireSignIn"
                .to_owned(),
        );
    }
    if problems.is_empty() {
        Ok(Require::new(Demand::Ownership { of, entities: parsed }))
    } else {
        Err(ConfigError::new(problems))
    }
}
