//! A file's text as values with their lines.

use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{
    Options, Spanned,
    options::{DuplicateKeyPolicy, MergeKeyPolicy},
};

use super::{Location, Node, Problem, ProblemKind, Value};

/// The longest file that is read. An app-config has a few KiB.
pub(crate) const MAX_BYTES: usize = 1024 * 1024;

/// The value of a file, by YAML 1.2's core schema, as Backstage's reader has it: `yes` is a text, and `<<` is a key like any
/// other. An empty file is null.
///
/// # Errors
/// The text is not YAML, or names a key twice. The problem shows no line of the file, which may hold a secret.
pub(crate) fn parse(file: &Arc<str>, text: &str) -> Result<Node, Problem> {
    if text.len() > MAX_BYTES {
        let predicate = format!("has more than {MAX_BYTES} bytes: is it an app-config file?");
        return Err(Problem::of_file(ProblemKind::Unreadable, Location::new(file, 0), predicate));
    }
    if let Some(line) = other_version(text) {
        let clause =
            "the directive %YAML names another version than 1.2, by which Backstage reads booleans and << otherwise";
        return Err(Problem::at(ProblemKind::NotServed, Location::new(file, line), clause).with_fix("leave it out"));
    }
    if let Some((line, clause)) = read_otherwise(text) {
        return Err(Problem::at(ProblemKind::NotServed, Location::new(file, line), clause));
    }
    // Depth, aliases and events are bounded by the reader's budget.
    let parsed: Result<Option<Spanned<Plain>>, _> = serde_saphyr::from_str_with_options(text, core_schema());
    match parsed {
        Ok(Some(parsed)) => Ok(node(parsed, file, text)),
        Ok(None) => Ok(Node::new(Value::Null, Location::new(file, 0))),
        Err(error) => {
            let line = error.location().map_or(0, |location| location.line());
            let predicate = format!("is not YAML: {}", reason(&error));
            Err(Problem::of_file(ProblemKind::Syntax, Location::new(file, line), predicate))
        }
    }
}

fn core_schema() -> Options {
    let mut options = Options::default();
    options.duplicate_keys = DuplicateKeyPolicy::Error;
    options.merge_keys = MergeKeyPolicy::AsOrdinary;
    options.strict_booleans = true;
    options.underscored_numbers_as_strings = true;
    options
}

/// The line of a directive `%YAML` for another version.
fn other_version(text: &str) -> Option<u64> {
    let directives = text.lines().take_while(|line| line.is_empty() || line.starts_with(['%', '#']));
    let number = |index: usize| u64::try_from(index).unwrap_or_default().saturating_add(1);
    let version = |line: &str| line.strip_prefix("%YAML").map(|rest| rest.trim() != "1.2");
    directives.enumerate().find(|(_, line)| version(line) == Some(true)).map(|(index, _)| number(index))
}

/// The line of what Backstage's reader reads otherwise, and what it is.
fn read_otherwise(text: &str) -> Option<(u64, &'static str)> {
    let found = |position: Option<usize>, clause| {
        let before = text.get(..position?)?;
        Some((u64::try_from(before.matches('\n').count()).unwrap_or_default().saturating_add(1), clause))
    };
    let carriage_return = text.match_indices('\r').map(|(position, _)| position);
    let alone = |position: &usize| !text.get(*position..).is_some_and(|rest| rest.starts_with("\r\n"));
    found(
        carriage_return.into_iter().find(alone),
        "a carriage return stands without a line feed, which Backstage does not take for the end of a line: end lines by a line feed",
    )
    .or_else(|| {
        found(
            text.find("!!binary"),
            "the tag !!binary makes bytes of a text, which no setting is: write the text in base64 where a setting requires that",
        )
    })
}

/// The reader's reason, without what it quotes of the file.
fn reason(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().to_string();
    let first = text.lines().next().unwrap_or_default();
    // Key names may be shown, values not; the reader quotes both alike, so what it quotes is left out unless it is a key.
    match first.split_once(['"', '`']) {
        Some((before, _)) if !first.contains("duplicate") => format!("{} ...", before.trim_end()),
        _ => first.to_owned(),
    }
}

fn node(parsed: Spanned<Plain>, file: &Arc<str>, text: &str) -> Node {
    let value = match parsed.value {
        Plain::Null => Value::Null,
        Plain::Bool(value) => Value::Bool(value),
        Plain::Number(number) => match written(&parsed.defined, text).filter(|written| is_of_version_1_1(written)) {
            Some(written) => Value::Text(written.to_owned()),
            None => Value::Number(number),
        },
        Plain::Text(text) => Value::Text(text),
        Plain::List(items) => Value::List(items.into_iter().map(|item| node(item, file, text)).collect()),
        Plain::Object(members) => {
            Value::Object(members.into_iter().map(|(name, member)| (name, node(member, file, text))).collect())
        }
    };
    Node::new(value, Location::new(file, parsed.referenced.line()))
}

/// A value as it stands in the file.
fn written<'t>(location: &serde_saphyr::Location, text: &'t str) -> Option<&'t str> {
    let span = location.span();
    let start = usize::try_from(span.byte_offset()?).ok()?;
    text.get(start..start.checked_add(usize::try_from(span.byte_len()?).ok()?)?)
}

/// Whether it is a number in YAML 1.1 and a text in the core schema of YAML 1.2: `0b1`, `0X1F`, `-0x1`.
fn is_of_version_1_1(written: &str) -> bool {
    let digits = written.trim_start_matches(['+', '-']);
    let has_prefix = |prefixes: &[&str]| prefixes.iter().any(|prefix| digits.starts_with(prefix));
    has_prefix(&["0b", "0B", "0X", "0O"]) || (digits.len() < written.len() && has_prefix(&["0x", "0o"]))
}

/// A value of YAML.
enum Plain {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Spanned<Plain>>),
    Object(Vec<(String, Spanned<Plain>)>),
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Plain;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Plain, E> {
        Ok(Plain::Null)
    }

    fn visit_none<E>(self) -> Result<Plain, E> {
        Ok(Plain::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Plain, D::Error> {
        Plain::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Plain, E> {
        Ok(Plain::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Plain, E> {
        Ok(Plain::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Plain, E> {
        Ok(Plain::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Plain, E> {
        Ok(Plain::Number(value.to_string()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Plain, E> {
        Ok(Plain::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Plain, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Plain::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Plain, A::Error> {
        let mut object = Vec::new();
        while let Some(member) = members.next_entry()? {
            object.push(member);
        }
        Ok(Plain::Object(object))
    }
}
