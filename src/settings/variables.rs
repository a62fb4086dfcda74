//! Environment variables that set keys: `APP_CONFIG_auth_providers_awsalb_issuer`, as Backstage's reader has them.
//!
//! | variable | result |
//! |---|---|
//! | value is JSON | that value: `true`, `7007`, `["a"]`, `{"a": 1}` |
//! | value is anything else | a text, as it is: neither trimmed nor searched for `${NAME}` |
//! | value is empty | as if it were not set |
//! | value is `null` | refused |
//! | a part between `_` that is no key | refused |
//! | two variables for one key, or for a key and one below it | refused |

use std::{collections::BTreeMap, sync::Arc};

use super::{KeyAt, Location, Node, Problem, ProblemKind, Value};

const PREFIX: &str = "APP_CONFIG_";

/// An environment. Values that are no Unicode are read as Node.js reads them.
#[derive(Clone, Default)]
pub(crate) struct Variables(BTreeMap<String, String>);

impl Variables {
    pub(crate) fn of_process() -> Self {
        let lossy = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        std::env::vars_os().map(|(name, value)| (lossy(name), lossy(value))).collect()
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl FromIterator<(String, String)> for Variables {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

/// The keys that the variables set, as one more file after all others.
pub(crate) fn read_variables(variables: &Variables) -> Result<Node, Vec<Problem>> {
    let (mut root, mut problems) = (Node::empty(), Vec::new());
    for (name, value) in variables.0.iter().filter(|(_, value)| !value.is_empty()) {
        let Some(key) = name.strip_prefix(PREFIX) else { continue };
        if let Err(problem) = set(&mut root, name, key, value) {
            problems.push(problem);
        }
    }
    if problems.is_empty() { Ok(root) } else { Err(problems) }
}

fn set(root: &mut Node, name: &str, key: &str, value: &str) -> Result<(), Problem> {
    let origin = Location::new(&Arc::from(name), 0);
    let of = |kind, predicate: &str| Problem::of(kind, KeyAt::path(name), predicate);
    let parts: Vec<&str> = key.split('_').collect();
    if !parts.iter().all(|part| is_key(part)) {
        let predicate = format!("does not name a key of the files, as every variable that begins with {PREFIX} has to");
        let fix = format!("write the key's path with _ for each dot, such as {PREFIX}app_baseUrl, or unset it");
        return Err(of(ProblemKind::UnknownKey, &predicate).with_fix(fix));
    }
    let value = match serde_json::from_str(value) {
        Ok(serde_json::Value::Null) => {
            let problem = of(ProblemKind::WrongType, "is null, which Backstage refuses");
            return Err(problem.with_fix("unset it"));
        }
        Ok(json) => node(json, &origin),
        Err(_) => Node::new(Value::Text(value.to_owned()), origin.clone()),
    };
    let Some((last, above)) = parts.split_last() else { return Ok(()) };
    let mut parent = root;
    for part in above {
        let Value::Object(members) = &mut parent.value else { return Err(twice(name, key)) };
        let position = members.iter().position(|(held, _)| held == part).unwrap_or_else(|| {
            members.push(((*part).to_owned(), Node::new(Value::Object(Vec::new()), origin.clone())));
            members.len().saturating_sub(1)
        });
        let Some((_, member)) = members.get_mut(position) else { return Ok(()) };
        parent = member;
    }
    match &mut parent.value {
        Value::Object(members) if !members.iter().any(|(held, _)| held == last) => {
            members.push(((*last).to_owned(), value));
            Ok(())
        }
        _ => Err(twice(name, key)),
    }
}

fn twice(name: &str, key: &str) -> Problem {
    let predicate = "sets a key that another variable sets, or one above or below it";
    Problem::of(ProblemKind::Conflict, KeyAt::path(name), predicate)
        .with_found(key)
        .with_fix(format!("unset all but one of the variables that begin with {PREFIX} for it"))
}

/// Whether it may be a part of a key: letters and digits, a letter first, with single `-` and `:` between them.
fn is_key(part: &str) -> bool {
    part.starts_with(|c: char| c.is_ascii_alphabetic())
        && part.split(['-', ':']).all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

fn node(json: serde_json::Value, origin: &Location) -> Node {
    let value = match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(value),
        serde_json::Value::Number(number) => Value::Number(number.to_string()),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(|item| node(item, origin)).collect()),
        serde_json::Value::Object(members) => {
            Value::Object(members.into_iter().map(|(name, member)| (name, node(member, origin))).collect())
        }
    };
    Node::new(value, origin.clone())
}
