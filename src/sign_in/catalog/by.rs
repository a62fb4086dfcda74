//! What a user is looked up by.

use super::entity::Entity;
use crate::{identity::Email, net::encoded};

/// So many entities are asked for: one more than would be ambiguous.
pub(super) const LIMIT: usize = 3;

/// What a user is looked up by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum By {
    ProfileEmail,
    Annotation(String),
    LocalPart,
}

impl By {
    /// The path and query that ask for the user, below the catalog's address.
    pub(super) fn question(&self, email: &Email<'_>, namespace: Option<&str>) -> String {
        let whole = format!("{}@{}", email.local_part, email.domain);
        let filter = |key: &str| {
            let mut filter = format!("kind=User,{key}={whole}");
            if let Some(namespace) = namespace {
                filter = format!("{filter},metadata.namespace={namespace}");
            }
            format!("/entities?filter={}&limit={LIMIT}", encoded(&filter))
        };
        match self {
            Self::ProfileEmail => filter("spec.profile.email"),
            Self::Annotation(annotation) => filter(&format!("metadata.annotations.{annotation}")),
            Self::LocalPart => {
                let namespace = encoded(namespace.unwrap_or("default"));
                format!("/entities/by-name/User/{namespace}/{}", encoded(email.local_part))
            }
        }
    }

    /// Whether the entity is a user who carries what was asked for. What a catalog made of the question is its own affair.
    pub(super) fn fits(&self, entity: &Entity, email: &Email<'_>, namespace: Option<&str>) -> bool {
        let whole = format!("{}@{}", email.local_part, email.domain);
        let carries = match self {
            Self::ProfileEmail => entity.email().is_some_and(|held| held.eq_ignore_ascii_case(&whole)),
            Self::Annotation(annotation) => {
                entity.annotation(annotation).is_some_and(|held| held.eq_ignore_ascii_case(&whole))
            }
            Self::LocalPart => entity.name().eq_ignore_ascii_case(email.local_part),
        };
        let namespace = match self {
            Self::LocalPart => namespace.or(Some("default")),
            _ => namespace,
        };
        let of_namespace = namespace.is_none_or(|namespace| entity.namespace().eq_ignore_ascii_case(namespace));
        entity.is_user() && carries && of_namespace
    }

    /// What was asked, for the operator. Never the email.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::ProfileEmail => "a user with the email in spec.profile.email".to_owned(),
            Self::Annotation(annotation) => format!("a user with the email in the annotation {annotation}"),
            Self::LocalPart => "a user named as the email's local part".to_owned(),
        }
    }

    /// That a user would have been found, and by which of Backstage's resolvers. Not which user: that is nobody's who reads the
    /// log.
    pub(super) fn hint(&self) -> String {
        let has = match self {
            Self::ProfileEmail => "carries the email in spec.profile.email".to_owned(),
            Self::Annotation(annotation) => format!("carries the email in the annotation {annotation}"),
            Self::LocalPart => "is named as the email's local part".to_owned(),
        };
        format!("a user of the catalog {has}: use {}", self.resolver())
    }

    /// The resolver of Backstage that does the same.
    pub(super) fn resolver(&self) -> &'static str {
        match self {
            Self::ProfileEmail => "emailMatchingUserEntityProfileEmail",
            Self::Annotation(_) => "emailMatchingUserEntityAnnotation",
            Self::LocalPart => "emailLocalPartMatchingUserEntityName",
        }
    }

    /// For the check of a configuration.
    pub(super) fn check(&self) -> Result<(), String> {
        let Self::Annotation(annotation) = self else { return Ok(()) };
        // It becomes part of a filter, which is split at commas and equal signs.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
        if annotation.is_empty() || !annotation.bytes().all(plain) {
            return Err(format!(
                "{} is not the name of an annotation: write it as microsoft.com/email",
                crate::error::quoted(annotation)
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_encoded_whole() {
        let email = Email::parse("o'brien+x@example.com").unwrap();
        assert_eq!(
            By::ProfileEmail.question(&email, Some("staff")),
            "/entities?filter=kind%3DUser%2Cspec.profile.email%3Do%27brien%2Bx%40example.com%2Cmetadata.namespace%3Dstaff\
             &limit=3"
        );
        assert_eq!(By::LocalPart.question(&email, None), "/entities/by-name/User/default/o%27brien%2Bx");
    }
}
