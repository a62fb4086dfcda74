//! Names of users in one namespace.

use std::borrow::Cow;

use crate::{
    identity::{EntityRef, EntityRefError},
    settings::{Problem, ProblemKind},
};

/// Maximum length of the name of an entity, in characters (Backstage's catalog validators).
pub(super) const MAX_NAME_CHARS: usize = 63;

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
    pub(super) fn check(&self) -> Option<Problem> {
        let error = *self.pattern.as_ref().err()?;
        Some(Problem::new(ProblemKind::InvalidValue, error.to_string()).caused_by(error))
    }
}

/// The local part of an address as Backstage's module for Microsoft Graph writes it in names: `'` and
/// `&` become `_`, and several `_` become one (`normalizeEntityName` of
/// `@backstage/plugin-catalog-backend-module-msgraph` 0.10.6).
pub(super) fn as_microsoft_graph_writes(local_part: &str) -> Cow<'_, str> {
    let bytes = local_part.as_bytes();
    // Without an early exit, since the texts are short.
    let none = |others: [u8; 3]| bytes.iter().fold(true, |none, byte| none & !others.contains(byte));
    if none([b'\'', b'&', b'_']) || (none([b'\'', b'&', b'&']) && !bytes.windows(2).any(|pair| pair == b"__")) {
        return local_part.into();
    }
    let mut name = String::with_capacity(local_part.len());
    for character in local_part.chars() {
        match character {
            '\'' | '&' | '_' if name.ends_with('_') => {}
            '\'' | '&' => name.push('_'),
            other => name.push(other),
        }
    }
    name.into()
}

/// Why a text from an address cannot be the name of an entity, which this error of it reports.
pub(super) fn unfit(name: &str, error: EntityRefError) -> String {
    let length = name.chars().count();
    let reason = match name {
        _ if length > MAX_NAME_CHARS => format!("it would have {length} characters"),
        _ if name.contains('+') => "a plus sign; strip_plus_suffix() (app-config.yaml: stripPlusSuffix, environment: \
             ALB_AUTH_STRIP_PLUS_SUFFIX) removes the part from it on, where all of these addresses belong to one user"
            .to_owned(),
        _ => return format!("the email gives no user name: {error}"),
    };
    format!("the email gives no user name ({reason}): {error}")
}

impl Default for Names {
    fn default() -> Self {
        Self::in_namespace("default")
    }
}
