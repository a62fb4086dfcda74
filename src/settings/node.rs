//! Values, each with the place that it was read from.

use super::Location;

/// A value of a file.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) origin: Location,
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
    /// No file yet.
    pub(crate) fn empty() -> Self {
        Self { value: Value::Object(Vec::new()), origin: Location::new(&"".into(), 0) }
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
