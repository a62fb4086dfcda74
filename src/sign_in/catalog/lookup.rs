//! The key by which a user is looked up.

use super::entity::Entity;
use crate::{
    identity::Email,
    net::encoded,
    settings::{Problem, ProblemKind},
};

/// The `limit` of a query: one more than the two entities that make a result ambiguous.
pub(super) const QUERY_LIMIT: usize = 3;

/// The key by which a user is looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LookupKey {
    ProfileEmail,
    Annotation(String),
    LocalPart,
}

impl LookupKey {
    /// The path and query of a request for the user, relative to the catalog's address.
    pub(super) fn query(&self, email: &Email<'_>, namespace: Option<&str>) -> String {
        let whole = format!("{}@{}", email.local_part, email.domain);
        let filter = |key: &str| {
            let mut filter = format!("kind=User,{key}={whole}");
            if let Some(namespace) = namespace {
                filter = format!("{filter},metadata.namespace={namespace}");
            }
            format!("/entities?filter={}&limit={QUERY_LIMIT}", encoded(&filter))
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

    /// Whether the entity is a user with the email or name. The check does not rely on how the
    /// catalog evaluates the filter.
    pub(super) fn fits(&self, entity: &Entity, email: &Email<'_>, namespace: Option<&str>) -> bool {
        let whole = format!("{}@{}", email.local_part, email.domain);
        let has_key = match self {
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
        entity.is_user() && has_key && of_namespace
    }

    /// The user that is looked up, for the operator, with an article. Never the email.
    pub(super) fn describe(&self) -> String {
        format!("a {}", self.user())
    }

    /// The same without an article.
    pub(super) fn user(&self) -> String {
        match self {
            Self::ProfileEmail => "user with the email in spec.profile.email".to_owned(),
            Self::Annotation(annotation) => format!("user with the email in the annotation {annotation}"),
            Self::LocalPart => "user named like the email's local part".to_owned(),
        }
    }

    /// What the other resolvers of Backstage look for: for the operator, if this one finds no user.
    pub(super) fn other_resolvers(&self) -> &'static str {
        match self {
            Self::ProfileEmail => {
                "if users of the catalog have it in the annotation microsoft.com/email, use emailMatchingUserEntityAnnotation; if \
                 they are named like its local part, emailLocalPartMatchingUserEntityName"
            }
            Self::Annotation(_) => {
                "if users of the catalog have it in spec.profile.email, use emailMatchingUserEntityProfileEmail; if they are \
                 named like its local part, emailLocalPartMatchingUserEntityName"
            }
            Self::LocalPart => {
                "if users of the catalog have the email in spec.profile.email, use emailMatchingUserEntityProfileEmail; if they \
                 have it in the annotation microsoft.com/email, emailMatchingUserEntityAnnotation"
            }
        }
    }

    /// The equivalent resolver of Backstage.
    pub(super) fn resolver(&self) -> &'static str {
        match self {
            Self::ProfileEmail => "emailMatchingUserEntityProfileEmail",
            Self::Annotation(_) => "emailMatchingUserEntityAnnotation",
            Self::LocalPart => "emailLocalPartMatchingUserEntityName",
        }
    }

    /// Checks the settings.
    pub(super) fn check(&self) -> Option<Problem> {
        let Self::Annotation(annotation) = self else { return None };
        // The name becomes part of a filter, which the catalog splits at commas and equal signs.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
        (annotation.is_empty() || !annotation.bytes().all(plain)).then(|| {
            let text = format!("{} is not the name of an annotation", crate::error::quoted(annotation));
            Problem::new(ProblemKind::InvalidValue, text).with_fix("write it as microsoft.com/email")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_fully_encoded() {
        let email = Email::parse("o'brien+x@example.com").unwrap();
        assert_eq!(
            LookupKey::ProfileEmail.query(&email, Some("staff")),
            "/entities?filter=kind%3DUser%2Cspec.profile.email%3Do%27brien%2Bx%40example.com%2Cmetadata.namespace%3Dstaff\
             &limit=3"
        );
        assert_eq!(LookupKey::LocalPart.query(&email, None), "/entities/by-name/User/default/o%27brien%2Bx");
    }
}
