//! Targets, by the names of their target groups.

use std::fmt;

use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};

/// Where requests are forwarded to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub(crate) group: Option<String>,
    pub(crate) url: String,
}

impl Target {
    /// The target of rules whose target group has no other one: `http://localhost:3000`.
    pub fn new(url: impl Into<String>) -> Self {
        Self { group: None, url: url.into() }
    }

    /// The target of the group with this name, or with this logical id in a template.
    pub fn of_group(group: impl Into<String>, url: impl Into<String>) -> Self {
        Self { group: Some(group.into()), url: url.into() }
    }

    /// The target group.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// `URL`, or `NAME=URL`. A URL of a target has no path, so no `=`.
impl std::str::FromStr for Target {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once('=') {
            Some((group, url)) if !group.is_empty() && !group.contains("://") => Self::of_group(group, url),
            _ => Self::new(text),
        })
    }
}

/// A URL, or a mapping of target groups to URLs.
pub(super) fn targets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Target>, D::Error> {
    struct Targets;

    impl<'de> Visitor<'de> for Targets {
        type Value = Vec<Target>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a URL, or a mapping of target groups to URLs")
        }

        fn visit_str<E>(self, url: &str) -> Result<Vec<Target>, E> {
            Ok(vec![Target::new(url)])
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Target>, A::Error> {
            let mut targets = Vec::new();
            while let Some((group, url)) = map.next_entry::<String, String>()? {
                targets.push(Target::of_group(group, url));
            }
            Ok(targets)
        }
    }

    deserializer.deserialize_any(Targets)
}

/// These targets, and of the others those of other groups.
pub(super) fn or_targets(mut these: Vec<Target>, others: Vec<Target>) -> Vec<Target> {
    for other in others {
        if !these.iter().any(|target| target.group == other.group) {
            these.push(other);
        }
    }
    these
}
