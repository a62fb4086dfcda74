//! `${NAME}` and `${NAME:-default}` in a text, as Backstage's reader has them.
//!
//! | in a text | result |
//! |---|---|
//! | `${NAME}` | the variable; if it is not set, the whole text counts as absent |
//! | `${NAME:-default}` | the variable; if it is not set or empty, the default; if that is empty too, the text counts as absent |
//! | `$${NAME}` | the text `${NAME}` |
//! | `${` without `}`, or with a brace inside | itself |
//!
//! A default may be a secret, so it is in no message.

use super::Value;

/// Before the default.
const DEFAULT: &str = ":-";

/// Puts variables into a text. They come without white space around them.
pub(super) fn substitute(text: String, variable: &dyn Fn(&str) -> Option<String>) -> Value {
    let mut done = String::new();
    for part in parts(&text) {
        match part {
            Part::Literal(text) => done.push_str(text),
            Part::Variable { name, default } => {
                let value = variable(name);
                let value = match default {
                    Some(default) => value.filter(|value| !value.is_empty()).or_else(|| non_empty(default)),
                    None => value,
                };
                let Some(value) = value else { return Value::Unset(shown(name)) };
                done.push_str(&value);
            }
        }
    }
    Value::Text(done)
}

/// The text as it is written, without its defaults.
pub(super) fn without_defaults(text: &str) -> String {
    let mut done = String::new();
    for part in parts(text) {
        match part {
            Part::Literal(text) => done.push_str(text),
            Part::Variable { name, default } => {
                let default = default.map_or("", |_| ":-...");
                done.push_str(&format!("${{{}{default}}}", shown(name)));
            }
        }
    }
    done
}

/// The name of a variable for a message. Of what cannot be a name (`NAME-default`, `NAME:?message`) the rest may be a secret.
pub(super) fn shown(name: &str) -> String {
    let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
    match name.split_at_checked(end) {
        Some((start, "")) => start.to_owned(),
        Some((start, _)) => format!("{start}..."),
        None => String::new(),
    }
}

/// Without white space around it, as in JavaScript.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// Without white space at its end, as in JavaScript.
pub(super) fn trim_end(text: &str) -> &str {
    text.trim_end_matches(is_space)
}

fn is_space(c: char) -> bool {
    (c.is_whitespace() && c != '\u{85}') || c == '\u{feff}'
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

enum Part<'t> {
    Literal(&'t str),
    Variable { name: &'t str, default: Option<&'t str> },
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    let mut literal_from = text;
    // What stands before the rest and is not a part yet.
    let before = |from: &'_ str, rest: &str| from.len().saturating_sub(rest.len());
    while let Some(start) = rest.find("${") {
        let inner = rest.get(start.saturating_add(2)..).unwrap_or_default();
        let closed = inner.find(['{', '}']).filter(|end| inner.get(*end..).is_some_and(|rest| rest.starts_with('}')));
        let Some(end) = closed else {
            rest = inner;
            continue;
        };
        let (name, after) =
            (inner.get(..end).unwrap_or_default(), inner.get(end.saturating_add(1)..).unwrap_or_default());
        let from = rest.get(start..).unwrap_or_default();
        let literal = literal_from.get(..before(literal_from, from)).unwrap_or_default();
        if let Some(unescaped) = literal.strip_suffix('$') {
            parts.push(Part::Literal(unescaped));
            parts.push(Part::Literal(from.get(..before(from, after)).unwrap_or_default()));
        } else {
            parts.push(Part::Literal(literal));
            parts.push(match name.split_once(DEFAULT) {
                Some((name, default)) => Part::Variable { name: trim(name), default: Some(trim(default)) },
                None => Part::Variable { name: trim(name), default: None },
            });
        }
        (rest, literal_from) = (after, after);
    }
    parts.push(Part::Literal(literal_from));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str) -> Option<String> {
        match name {
            "A" => Some("a".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_and_defaults_are_put_in() {
        for (written, expected) in [
            ("x${A}y${ A }", Some("xaya")),
            ("${A:-d}", Some("a")),
            ("${NO:-d}${EMPTY:- e }", Some("de")),
            ("${NO:-a:-b}", Some("a:-b")),
            ("${EMPTY}", Some("")),
            ("${NO:-}", None),
            ("${EMPTY:- }", None),
            ("x${NO}", None),
            ("$${A}$$${A}", Some("${A}$${A}")),
            ("$${A", Some("$${A")),
            ("${a${A}}", Some("${aa}")),
            ("${a{A}}$A", Some("${a{A}}$A")),
            ("", Some("")),
        ] {
            let Value::Text(done) = substitute(written.to_owned(), &variable) else {
                assert_eq!(expected, None, "{written}");
                continue;
            };
            assert_eq!(Some(done.as_str()), expected, "{written}");
        }
    }

    #[test]
    fn a_default_is_not_shown() {
        for written in ["${A:-canary}", "x${A:-canary}/${B-canary}", "${A:?canary}", "${A:=canary}"] {
            let shown = without_defaults(written);
            assert!(!shown.contains("canary") && shown.contains("${A"), "{shown}");
        }
    }
}
