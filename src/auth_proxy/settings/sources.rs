//! The sources of settings: one file, then what overrides it.

use std::{path::Path, sync::Arc};

use toml::de::{DeTable, DeValue};

use crate::{
    ConfigError,
    config::{Location, Problem, ProblemKind},
    internal::{Node, Value, files, yaml},
};

/// A setting from a flag or an environment variable, which overrides that of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The key, as in the file.
    pub key: String,
    /// The value; several for a list.
    pub values: Vec<String>,
    /// For messages: `--listen`, `ALB_PROXY_LISTEN`.
    pub source: String,
}

/// The settings of a file: YAML, or TOML if its name ends with `.toml`.
pub(super) fn read_file(path: &Path) -> Result<Node, ConfigError> {
    let name: Arc<str> = path.display().to_string().into();
    let location = || Location::new(&name, 0);
    let unreadable = |why: String| {
        ConfigError::new([Problem::of_file(ProblemKind::Unreadable, location(), format!("cannot be read: {why}"))])
    };
    let bytes = files::read(path).map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".to_owned()))?;
    parse(&name, &text).map_err(|problem| ConfigError::new([problem]))
}

pub(super) fn parse(name: &Arc<str>, text: &str) -> Result<Node, Problem> {
    let is_toml = Path::new(&**name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
    let node = if is_toml { parse_toml(name, text)? } else { yaml::parse(name, text)? };
    match node.value {
        Value::Object(_) => Ok(node),
        _ => Err(Problem::of_file(ProblemKind::WrongType, node.origin.clone(), "has no keys at its top")),
    }
}

fn parse_toml(file: &Arc<str>, text: &str) -> Result<Node, Problem> {
    let at = |offset: usize| {
        let lines = text.get(..offset).unwrap_or(text).matches('\n').count();
        Location::new(file, u64::try_from(lines).unwrap_or(0).saturating_add(1))
    };
    match DeTable::parse(text) {
        Ok(table) => Ok(of_table(table.get_ref(), at(0), &at)),
        Err(error) => {
            let location = at(error.span().map_or(0, |span| span.start));
            // Without the line that the reader quotes, which may hold a secret.
            Err(Problem::of_file(ProblemKind::Syntax, location, format!("is not TOML: {}", error.message())))
        }
    }
}

fn of_table(table: &DeTable<'_>, origin: Location, at: &impl Fn(usize) -> Location) -> Node {
    let members = table.iter().map(|(name, value)| {
        let origin = at(name.span().start);
        (name.get_ref().to_string(), of_value(value.get_ref(), origin, at))
    });
    Node::new(Value::Object(members.collect()), origin)
}

fn of_value(value: &DeValue<'_>, origin: Location, at: &impl Fn(usize) -> Location) -> Node {
    let value = match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => Value::Number(number.to_string()),
        DeValue::Float(number) => Value::Number(number.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(time) => Value::Text(time.to_string()),
        DeValue::Array(items) => {
            Value::List(items.iter().map(|item| of_value(item.get_ref(), at(item.span().start), at)).collect())
        }
        DeValue::Table(table) => return of_table(table, origin, at),
    };
    Node::new(value, origin)
}

/// The file's settings, if there is a file, under those that override them.
pub(super) fn merged(file: Option<&Path>, overrides: &[Override]) -> Result<Node, ConfigError> {
    let node = file.map(read_file).transpose()?.unwrap_or_else(Node::empty);
    Ok(overridden(node, overrides))
}

/// The file's settings under those that override them.
pub(super) fn overridden(mut file: Node, overrides: &[Override]) -> Node {
    let Value::Object(members) = &mut file.value else { return file };
    for Override { key, values, source } in overrides {
        let origin = Location::new(&source.as_str().into(), 0);
        let text = |text: &String| Node::new(Value::Text(text.clone()), origin.clone());
        let value = match (key.as_str(), values.as_slice()) {
            ("headers" | "assertion_claims", pairs) => {
                let split = |pair: &String| {
                    let (name, template) = pair.split_once('=').unwrap_or((pair, ""));
                    (name.to_owned(), text(&template.to_owned()))
                };
                Value::Object(pairs.iter().map(split).collect())
            }
            (_, [value]) if !super::LISTS.contains(&key.as_str()) => Value::Text(value.clone()),
            (_, values) => Value::List(values.iter().map(text).collect()),
        };
        let node = Node::new(value, origin.clone());
        match members.iter_mut().find(|(name, _)| name == key) {
            Some((_, held)) => *held = node,
            None => members.push((key.clone(), node)),
        }
    }
    file
}

/// A value as JSON, for settings that serde reads.
pub(super) fn as_json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null | Value::Unset(_) => serde_json::Value::Null,
        Value::Bool(value) => (*value).into(),
        // Client ids of digits are texts.
        Value::Number(text) | Value::Text(text) => text.clone().into(),
        Value::List(items) => items.iter().map(as_json).collect(),
        Value::Object(members) => members.iter().map(|(name, node)| (name.clone(), as_json(node))).collect(),
    }
}
