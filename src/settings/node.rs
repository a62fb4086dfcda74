//! Values and the places they came from.

use std::{fmt, sync::Arc};

/// A value of a file.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
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
    /// Names an environment variable that is not set: as if it were not there.
    Unset(String),
}

/// Where a value stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    file: Arc<str>,
    /// 0 where it is not known.
    line: u64,
}

impl Origin {
    pub(crate) fn new(file: &Arc<str>, line: u64) -> Self {
        Self { file: Arc::clone(file), line }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

impl Node {
    /// No file yet.
    pub(crate) fn empty() -> Self {
        Self { value: Value::Object(Vec::new()), origin: Origin { file: "".into(), line: 0 } }
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

    /// What it is, for a sentence.
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
