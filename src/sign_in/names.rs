//! Names of users in one namespace.

use crate::identity::{EntityRef, EntityRefError};

/// Builds names of users in one namespace. The namespace is checked once and not for each request.
#[derive(Debug, Clone)]
pub(super) struct Names {
    namespace: String,
    /// A user in the namespace, whose name is replaced for each request; or why the namespace is
    /// invalid.
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
