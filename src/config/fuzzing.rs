//! The merged values of app-config files, for the oracles of `fuzz/`.

use super::AppConfig;
use crate::settings::{Node, Value};

/// A value as the reader keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the kinds of YAML")]
pub enum Tree {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
    /// Names a variable that is not set.
    Unset,
}

/// All values.
pub fn tree(config: &AppConfig) -> Tree {
    of(config.root())
}

fn of(node: &Node) -> Tree {
    match &node.value {
        Value::Null => Tree::Null,
        Value::Bool(value) => Tree::Bool(*value),
        Value::Number(text) => Tree::Number(text.clone()),
        Value::Text(text) => Tree::Text(text.clone()),
        Value::List(items) => Tree::List(items.iter().map(of).collect()),
        Value::Object(members) => Tree::Object(members.iter().map(|(name, node)| (name.clone(), of(node))).collect()),
        Value::Unset(_) => Tree::Unset,
    }
}
