//! Users of one namespace, by name.

use crate::identity::{EntityRef, EntityRefError};

/// Names users in one namespace. What does not change from request to request is checked once.
#[derive(Debug, Clone)]
pub(super) struct Names {
    namespace: String,
    /// Some user of the namespace, to be renamed; or why there can be none.
    pattern: Result<EntityRef, EntityRefError>,
}

impl Names {
    pub(super) fn in_namespace(namespace: impl Into<String>) -> Self {
        let namespace = namespace.into();
        Self { pattern: EntityRef::new("user", &namespace, "x"), namespace }
    }

    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn user(&self, name: &str) -> Result<EntityRef, EntityRefError> {
        self.pattern.as_ref().map_err(|error| *error)?.with_name(name)
    }

    /// For the check of a configuration.
    pub(super) fn check(&self) -> Result<(), String> {
        self.pattern.as_ref().map(drop).map_err(ToString::to_string)
    }
}

impl Default for Names {
    fn default() -> Self {
        Self::in_namespace("default")
    }
}
