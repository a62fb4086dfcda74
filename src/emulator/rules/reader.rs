//! Reads members of a rule, and collects all mistakes.

use serde_json::{Map, Value};

use super::template::{Unresolved, text_of};
use crate::{
    config::{Problem, ProblemKind},
    emulator::suggestion::not_one_of,
    internal::KeyAt,
};

/// The key of the setting that names the files.
pub(super) const KEY: &str = "rules_files";

/// The mistakes so far. Messages name a place and keys; they quote a value only where it is one of a
/// condition or a name.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn refuse(&mut self, kind: ProblemKind, text: impl Into<String>) {
        self.problems.push(Problem::sentence(kind, text).for_key(KeyAt::path(KEY)));
    }

    pub(super) fn invalid(&mut self, at: &str, text: &str) {
        self.refuse(ProblemKind::InvalidValue, format!("{at}: {text}"));
    }

    pub(super) fn not_emulated(&mut self, at: &str, text: &str) {
        self.refuse(ProblemKind::NotServed, format!("{at}: {text}"));
    }

    /// An object with these keys and no others.
    pub(super) fn object<'v>(&mut self, value: &'v Value, at: &str, known: &[&str]) -> Option<&'v Map<String, Value>> {
        if let Some(part) = Unresolved::of(value) {
            self.invalid(at, &format!("it depends on {}", part.what));
            return None;
        }
        let Some(members) = value.as_object() else {
            self.invalid(at, "it must be an object");
            return None;
        };
        let unknown = members.iter().filter(|(key, value)| !known.contains(&key.as_str()) && !is_empty(value));
        for (key, _) in unknown {
            self.not_emulated(at, &format!("the key {}; the emulator does not know it", not_one_of(key, known)));
        }
        Some(members)
    }

    /// The items of a list; a missing one is empty.
    pub(super) fn list<'v>(&mut self, value: Option<&'v Value>, at: &str) -> &'v [Value] {
        match value {
            None | Some(Value::Null) => &[],
            Some(Value::Array(items)) => items,
            Some(other) => {
                match Unresolved::of(other) {
                    Some(part) => self.invalid(at, &format!("it depends on {}", part.what)),
                    None => self.invalid(at, "it must be a list"),
                }
                &[]
            }
        }
    }

    /// A text. Numbers and booleans are texts too, because tools write them both ways.
    pub(super) fn text(&mut self, value: &Value, at: &str) -> Option<String> {
        let text = text_of(value);
        if text.is_none() {
            match Unresolved::of(value) {
                Some(part) => self.invalid(at, &format!("it depends on {}", part.what)),
                None => self.invalid(at, "it must be a text"),
            }
        }
        text
    }

    pub(super) fn member(&mut self, members: &Map<String, Value>, key: &str, at: &str) -> Option<String> {
        let value = members.get(key).filter(|value| !value.is_null())?;
        self.text(value, &format!("{at}, {key}"))
    }

    pub(super) fn texts(&mut self, value: Option<&Value>, at: &str) -> Vec<String> {
        self.list(value, at).iter().filter_map(|item| self.text(item, at)).collect()
    }

    pub(super) fn number(&mut self, members: &Map<String, Value>, key: &str, at: &str, max: u64) -> Option<u64> {
        let text = self.member(members, key, at)?;
        let number = text.parse::<u64>().ok().filter(|number| *number <= max);
        if number.is_none() {
            self.invalid(&format!("{at}, {key}"), &format!("it must be a number from 0 to {max}"));
        }
        number
    }
}

/// What tools write for "not set".
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// A text, or the name of a value that is known only after a deployment.
pub(super) fn name_of(value: &Value) -> Option<String> {
    text_of(value).or_else(|| Unresolved::of(value).map(|part| part.name.to_owned()))
}
