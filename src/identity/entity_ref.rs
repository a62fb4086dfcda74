//! Entity refs, in the format of Backstage.

use std::{fmt, hash::Hash, str::FromStr, sync::Arc};

use arrayvec::ArrayString;

use super::characters::Class;

/// Maximum length of a kind, namespace or name in characters (Backstage's catalog validators).
const MAX_PART_CHARS: usize = 63;

/// Refs up to this length in bytes are stored inside the value, so that a usual name causes no
/// allocation. `user:default/` has 13 characters, which leaves 43 for the name.
const MAX_INLINE_BYTES: usize = 56;

/// The name of an entity, `kind:namespace/name`, in lower case: `user:default/jane.doe`.
///
/// It is built from checked parts, never by joining strings, so a claim that contains `:` or `/`
/// cannot change kind or namespace. The rules are those of Backstage's catalog, with at most 63
/// characters for each part: the kind is `[a-zA-Z][a-zA-Z0-9]*`, the namespace is a DNS label, and
/// the name is `[A-Za-z0-9]` with `-`, `_` and `.` in between.
///
/// ```
/// use tower_alb_auth::EntityRef;
///
/// let jane = EntityRef::user("Jane.Doe")?;
/// assert_eq!(jane.as_str(), "user:default/jane.doe");
/// assert_eq!(jane, "user:default/jane.doe".parse::<EntityRef>()?);
/// assert!(EntityRef::user("group:default/admins").is_err());
/// # Ok::<(), tower_alb_auth::EntityRefError>(())
/// ```
#[derive(Clone)]
pub struct EntityRef {
    text: Text,
    kind: u8,
    namespace: u8,
}

impl EntityRef {
    /// `user:default/<name>`.
    ///
    /// # Errors
    /// The name violates the rules of the catalog.
    pub fn user(name: &str) -> Result<Self, EntityRefError> {
        Self::new("user", "default", name)
    }

    /// The ref of this kind, namespace and name, in lower case (ASCII only).
    ///
    /// # Errors
    /// A part violates the rules of the catalog. The error names the first such part.
    pub fn new(kind: &str, namespace: &str, name: &str) -> Result<Self, EntityRefError> {
        check(EntityRefPart::Kind, kind)?;
        check(EntityRefPart::Namespace, namespace)?;
        check(EntityRefPart::Name, name)?;
        // Cannot fail: each part is at most MAX_PART_CHARS long.
        let length = |part: &str| u8::try_from(part.len()).unwrap_or(u8::MAX);
        Ok(Self {
            text: Text::new(&[kind, ":", namespace, "/", name]),
            kind: length(kind),
            namespace: length(namespace),
        })
    }

    /// A ref with the same kind and namespace and another name. Sign-in policies use it for each
    /// request.
    pub(crate) fn with_name(&self, name: &str) -> Result<Self, EntityRefError> {
        check(EntityRefPart::Name, name)?;
        let prefix = self.as_str().get(..self.name_start()).unwrap_or_default();
        Ok(Self { text: Text::new(&[prefix, name]), kind: self.kind, namespace: self.namespace })
    }

    /// The whole ref, `kind:namespace/name`.
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The kind: `user`, `group`, ...
    pub fn kind(&self) -> &str {
        self.as_str().get(..usize::from(self.kind)).unwrap_or_default()
    }

    /// The namespace: `default`, unless the organisation uses others.
    pub fn namespace(&self) -> &str {
        let start = usize::from(self.kind).saturating_add(1);
        self.as_str().get(start..start.saturating_add(usize::from(self.namespace))).unwrap_or_default()
    }

    /// The name within kind and namespace.
    pub fn name(&self) -> &str {
        self.as_str().get(self.name_start()..).unwrap_or_default()
    }

    fn name_start(&self) -> usize {
        usize::from(self.kind).saturating_add(usize::from(self.namespace)).saturating_add(2)
    }
}

impl FromStr for EntityRef {
    type Err = EntityRefError;

    /// Parses a full ref, `kind:namespace/name`. Short forms (`jane`, `user:jane`) are rejected,
    /// since their meaning depends on the context.
    fn from_str(text: &str) -> Result<Self, EntityRefError> {
        let whole = || EntityRefError { part: EntityRefPart::Whole };
        let (kind, rest) = text.split_once(':').ok_or_else(whole)?;
        let (namespace, name) = rest.split_once('/').ok_or_else(whole)?;
        Self::new(kind, namespace, name)
    }
}

impl PartialEq for EntityRef {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for EntityRef {}

impl Hash for EntityRef {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl PartialOrd for EntityRef {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for EntityRef {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl PartialEq<str> for EntityRef {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for EntityRef {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl AsRef<str> for EntityRef {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for EntityRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntityRef({})", self.as_str())
    }
}

impl serde::Serialize for EntityRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A text is not an entity ref. The message names the part and the rule, but not the text, which
/// may come from a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntityRefError {
    part: EntityRefPart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EntityRefPart {
    Whole,
    Kind,
    Namespace,
    Name,
}

impl fmt::Display for EntityRefError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.part {
            EntityRefPart::Whole => "an entity ref is written kind:namespace/name, such as user:default/jane.doe",
            EntityRefPart::Kind => "the kind of an entity is a letter followed by letters and digits, 63 at most",
            EntityRefPart::Namespace => {
                "the namespace of an entity is lower-case letters, digits and inner hyphens, 63 at most"
            }
            EntityRefPart::Name => {
                "the name of an entity is letters and digits, with '-', '_' and '.' in between, 63 at most"
            }
        })
    }
}

impl std::error::Error for EntityRefError {}

fn check(part: EntityRefPart, text: &str) -> Result<(), EntityRefError> {
    let bytes = text.as_bytes();
    let alphanumeric = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let ends = bytes.len() <= MAX_PART_CHARS && alphanumeric(bytes.first()) && alphanumeric(bytes.last());
    let in_class = match part {
        EntityRefPart::Whole => false,
        EntityRefPart::Kind => Class::KIND.covers(bytes),
        EntityRefPart::Namespace => Class::NAMESPACE.covers(bytes),
        EntityRefPart::Name => Class::NAME.covers(bytes),
    };
    let starts = part != EntityRefPart::Kind || bytes.first().is_some_and(u8::is_ascii_alphabetic);
    if ends && in_class && starts { Ok(()) } else { Err(EntityRefError { part }) }
}

/// The text in lower case: inside the value if it is short, otherwise shared.
#[derive(Clone)]
enum Text {
    Inline(ArrayString<MAX_INLINE_BYTES>),
    Shared(Arc<str>),
}

impl Text {
    fn new(parts: &[&str]) -> Self {
        let mut inline = ArrayString::new();
        if parts.iter().all(|part| inline.try_push_str(part).is_ok()) {
            inline.make_ascii_lowercase();
            return Self::Inline(inline);
        }
        Self::Shared(parts.concat().to_ascii_lowercase().into())
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Inline(text) => text.as_str(),
            Self::Shared(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_in_lower_case() {
        let long = "N".repeat(63);
        for (kind, namespace, name) in [("User", "default", "Jane.Doe"), ("group", "team-a", "x"), ("user", "n", &long)]
        {
            let entity = EntityRef::new(kind, namespace, name).unwrap();
            assert_eq!(entity.kind(), kind.to_ascii_lowercase());
            assert_eq!(entity.namespace(), namespace);
            assert_eq!(entity.name(), name.to_ascii_lowercase());
            assert_eq!(entity.as_str().parse::<EntityRef>().unwrap(), entity);
        }
    }

    #[test]
    fn what_is_not_a_ref_is_refused() {
        for text in
            ["", "jane", "user:jane", "default/jane", "user:default/", ":default/x", "user:/x", "user:Default/x"]
        {
            assert!(text.parse::<EntityRef>().is_err(), "{text}");
        }
        for name in ["", "-a", "a-", "a.", "_a", "a/b", "a:b", "..", "a%2fb", "a b", "ä", &"n".repeat(64)] {
            assert!(EntityRef::user(name).is_err(), "{name}");
        }
    }
}
