//! Values, each with the place that it was read from.

use super::{KeyAt, Location, Problem};

/// A value of a file.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) origin: Location,
    /// A value of an earlier file that is no object, below an object of a later file.
    pub(crate) below: Option<(&'static str, Location)>,
    /// A later file's variable that is not set, so that the earlier value holds.
    pub(crate) unset: Option<(String, Location)>,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// In the order of the file.
    Object(Vec<(String, Node)>),
    /// Names an environment variable that is not set: counts as absent.
    Unset(String),
}

impl Node {
    pub(crate) fn new(value: Value, origin: Location) -> Self {
        Self { value, origin, below: None, unset: None }
    }

    /// No file yet.
    pub(crate) fn empty() -> Self {
        Self::new(Value::Object(Vec::new()), Location::new(&"".into(), 0))
    }

    /// The problem with what stands below this object in an earlier file: Backstage's reader fails at it.
    pub(crate) fn hidden(&self, path: &str) -> Option<Problem> {
        let (kind, origin) = self.below.as_ref()?;
        Some(Problem::wrong_type(KeyAt::new(path, origin), "an object of settings, as in the later file", kind))
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match &self.value {
            Value::Object(members) => members.iter().find(|(held, _)| held == name).map(|(_, member)| member),
            _ => None,
        }
    }

    /// At a path such as `auth.providers.awsalb`.
    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, name| node.member(name))
    }

    /// What it is, for a message.
    pub(crate) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(text) if text.is_empty() => "an empty text",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
            Value::Unset(_) => "a variable that is not set",
        }
    }
}
