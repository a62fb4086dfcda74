//! YAML with the short forms of CloudFormation, as JSON: `!Ref X` is `{"Ref": "X"}`.

use granit_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value};

/// Maximum depth of lists and objects. A template has about 12.
const MAX_DEPTH: usize = 64;

/// Tags of YAML itself, such as `!!str`.
const CORE: &str = "tag:yaml.org,2002:";

enum Open {
    List(Option<String>, Vec<Value>),
    Object(Option<String>, Map<String, Value>, Option<String>),
}

/// # Errors
/// The reason, with the line. It shows nothing of the file but keys and tags.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let (mut open, mut root): (Vec<Open>, Option<Value>) = (Vec::new(), None);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| format!("line {}: not YAML", error.marker().line()))?;
        let at = |text: &str| format!("line {}: {text}", span.start.line());
        let done = match event {
            Event::Scalar(value, style, _, tag) => {
                let function = function(tag.as_deref()).map_err(|text| at(&text))?;
                let is_text = style != ScalarStyle::Plain || tag.is_some();
                let value = if is_text { Value::String(value.into_owned()) } else { plain(&value) };
                Some(called(function, value))
            }
            Event::SequenceStart(_, _, tag) => {
                open.push(Open::List(function(tag.as_deref()).map_err(|text| at(&text))?, Vec::new()));
                None
            }
            Event::MappingStart(_, _, tag) => {
                open.push(Open::Object(function(tag.as_deref()).map_err(|text| at(&text))?, Map::new(), None));
                None
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(function, items)) => Some(called(function, Value::Array(items))),
                Some(Open::Object(function, members, _)) => Some(called(function, Value::Object(members))),
                None => None,
            },
            Event::Alias(_) => return Err(at("anchors and aliases are not read, as in CloudFormation: write it out")),
            Event::DocumentStart(..) if root.is_some() => return Err(at("a second document: keep one a file")),
            _ => None,
        };
        if open.len() > MAX_DEPTH {
            return Err(at(&format!("nested deeper than {MAX_DEPTH}")));
        }
        let Some(value) = done else { continue };
        match open.last_mut() {
            None => root = Some(value),
            Some(Open::List(_, items)) => items.push(value),
            Some(Open::Object(_, members, key)) => match key.take() {
                None => match value {
                    Value::String(name) => *key = Some(name),
                    Value::Number(_) | Value::Bool(_) => *key = Some(value.to_string()),
                    _ => return Err(at("a key that is not a text")),
                },
                Some(name) if members.contains_key(&name) => {
                    return Err(at(&format!("the key {} is there twice", crate::internal::quoted(&name))));
                }
                Some(name) => {
                    members.insert(name, value);
                }
            },
        }
    }
    root.ok_or_else(|| "it is empty".to_owned())
}

/// The function that a short form calls.
fn function(tag: Option<&Tag>) -> Result<Option<String>, String> {
    let Some(tag) = tag else { return Ok(None) };
    match (tag.handle(), tag.suffix()) {
        (CORE, "str" | "int" | "float" | "bool" | "seq" | "map") => Ok(None),
        ("!", "") => Ok(None),
        ("!", name @ ("Ref" | "Condition")) => Ok(Some(name.to_owned())),
        ("!", name) if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => Ok(Some(format!("Fn::{name}"))),
        (handle, suffix) => Err(format!("unknown tag {}", crate::internal::quoted(&format!("{handle}{suffix}")))),
    }
}

fn called(function: Option<String>, value: Value) -> Value {
    match function {
        Some(function) => Value::Object([(function, value)].into_iter().collect()),
        None => value,
    }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        // A number that does not look the same afterwards is a text, such as the account 012345678901.
        _ => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => Value::Number(number.into()),
            _ => Value::String(text.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_forms_are_the_long_forms() {
        let yaml =
            "a: !Ref B\nb: !GetAtt C.Arn\nc: !Sub\n  - x${y}\n  - { y: !ImportValue Z }\nd: !If [E, 1, '1']\ne: 012\n";
        let expected = json!({
            "a": {"Ref": "B"},
            "b": {"Fn::GetAtt": "C.Arn"},
            "c": {"Fn::Sub": ["x${y}", {"y": {"Fn::ImportValue": "Z"}}]},
            "d": {"Fn::If": ["E", 1, "1"]},
            "e": "012",
        });
        assert_eq!(parse(yaml).unwrap(), expected);
    }

    #[test]
    fn what_templates_cannot_be_is_refused_with_its_line() {
        let deep = format!("{}a", "- ".repeat(70));
        for (yaml, expected) in [
            ("a: 1\na: 2\n", "line 2: the key \"a\" is there twice"),
            ("a: &b 1\nc: *b\n", "line 2: anchors and aliases"),
            ("a: 1\n---\nb: 2\n", "line 2: a second document"),
            ("? [a]\n: 1\n", "line 1: a key that is not a text"),
            ("a: !<tag:example.com,2000:x> 1\n", "line 1: unknown tag"),
            ("a: [\n", "line 1: not YAML"),
            (&deep, "line 1: nested deeper"),
            ("", "it is empty"),
        ] {
            let found = parse(yaml).unwrap_err();
            assert!(found.starts_with(expected), "{yaml:?}: {found}");
        }
    }
}
