//! Settings by their paths; problems and warnings are collected.

use std::{cell::RefCell, fmt, str::FromStr};

use crate::{
    config::{AppConfig, Problem, ProblemKind},
    internal::{KeyAt, Node, Problems, Section, Value, closest},
};

/// What a setting does not do, or the check that it waives.
pub(super) enum Warning {
    /// A key that has no effect here.
    Ignored { key: KeyAt, why: String },
    /// A check that a key waives, or a value that is replaced.
    Of { key: KeyAt, text: String },
    /// A warning that concerns no key.
    Other(String),
}

impl Warning {
    pub(super) fn ignored(key: KeyAt, why: impl Into<String>) -> Self {
        Self::Ignored { key, why: why.into() }
    }

    pub(super) fn of(key: KeyAt, text: impl Into<String>) -> Self {
        Self::Of { key, text: text.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ignored { key, why } => write!(f, "{key} is ignored: {why}"),
            Self::Of { key, text } => write!(f, "{key}: {text}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// The path of a setting: the section that it stands in, and its key there.
#[derive(Clone, Copy)]
pub(super) struct Path(&'static str);

impl Path {
    pub(super) const fn new(path: &'static str) -> Self {
        Self(path)
    }

    pub(super) const fn whole(self) -> &'static str {
        self.0
    }

    pub(super) fn section(self) -> &'static str {
        self.0.rsplit_once('.').map_or("", |(section, _)| section)
    }

    pub(super) fn key(self) -> &'static str {
        self.0.rsplit_once('.').map_or(self.0, |(_, key)| key)
    }

    /// As lines of YAML, up to the colon before its value.
    pub(super) fn yaml(self) -> String {
        let lines = self.0.split('.').enumerate().map(|(depth, name)| format!("{}{name}:", "  ".repeat(depth)));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Reads one set of merged files.
pub(super) struct Reader<'a> {
    config: &'a AppConfig,
    root: &'a Node,
    /// Used for a section that is absent.
    nothing: &'a Node,
    problems: &'a Problems,
    warnings: RefCell<Vec<Warning>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(config: &'a AppConfig, nothing: &'a Node, problems: &'a Problems) -> Self {
        Self { config, root: config.root(), nothing, problems, warnings: RefCell::default() }
    }

    /// A variable that Backstage's database driver or Node.js reads by itself.
    pub(super) fn variable(&self, name: &str) -> Option<&'a str> {
        self.config.variable(name)
    }

    pub(super) fn into_warnings(self) -> Vec<Warning> {
        self.warnings.into_inner()
    }

    pub(super) fn problem(&self, problem: Problem) {
        self.problems.add(problem);
    }

    pub(super) fn warn(&self, warning: Warning) {
        self.warnings.borrow_mut().push(warning);
    }

    /// The object of settings at this path. If it is absent, it has no members; a value of another type is a problem.
    pub(super) fn section(&self, path: &str) -> Section<'a> {
        let nothing = || Section { path: path.to_owned(), node: self.nothing, problems: self.problems };
        let Some((parent, key)) = path.rsplit_once('.') else {
            return match self.root.member(path) {
                Some(node) if matches!(node.value, Value::Object(_)) => {
                    node.hidden(path).into_iter().for_each(|problem| self.problem(problem));
                    Section { node, ..nothing() }
                }
                None | Some(Node { value: Value::Null | Value::Unset(_), .. }) => nothing(),
                Some(node) => {
                    let key = KeyAt::new(path, &node.origin);
                    self.problem(Problem::wrong_type(key, "an object of settings", node.kind()));
                    nothing()
                }
            };
        };
        // A parent that is not an object is reported where the parent is read.
        let parent = Section {
            path: parent.to_owned(),
            node: self.root.at(parent).unwrap_or(self.nothing),
            problems: self.problems,
        };
        parent.section(key).unwrap_or_else(nothing)
    }

    /// A text that may be left out. A variable that is not set leaves it out, as in Backstage, with a warning.
    pub(super) fn text(&self, section: &Section<'_>, key: &str) -> Option<String> {
        self.tell_unset(section, key);
        section.text(key)
    }

    /// A number that may be left out, as a text or not: a variable gives a text.
    pub(super) fn number<T: FromStr>(&self, section: &Section<'_>, key: &str, wanted: &str) -> Option<T> {
        self.tell_unset(section, key);
        let node = section.find(key)?;
        let number = match &node.value {
            Value::Number(text) | Value::Text(text) => number_of(text),
            _ => None,
        };
        if number.is_none() {
            section.wrong::<()>(key, node, wanted);
        }
        number
    }

    /// True or false; if it is left out, this default, which should be the stricter one.
    pub(super) fn flag_or(&self, section: &Section<'_>, key: &str, usual: bool) -> bool {
        self.tell_unset(section, key);
        if section.find(key).is_some() { section.flag(key) } else { usual }
    }

    /// Warns about a variable that is not set, which leaves the key out.
    pub(super) fn tell_unset(&self, section: &Section<'_>, key: &str) {
        if let Some(Node { value: Value::Unset(name), .. }) = section.node.member(key) {
            self.warn(Warning::of(
                section.at(key),
                format!("the environment variable {name} is not set, so the key counts as absent"),
            ));
        }
    }
}

/// A number as JavaScript reads it from a text: `7007`, `7e3`, `0x1f`.
fn number_of<T: FromStr>(text: &str) -> Option<T> {
    let text = text.trim();
    let digits = |prefix: [&str; 2], radix| {
        let digits = prefix.into_iter().find_map(|prefix| text.strip_prefix(prefix))?;
        if digits.starts_with('+') { None } else { u32::from_str_radix(digits, radix).ok().map(f64::from) }
    };
    let number = digits(["0x", "0X"], 16).or_else(|| digits(["0o", "0O"], 8)).or_else(|| digits(["0b", "0B"], 2));
    let decimal = || {
        let sound = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        sound.then(|| text.parse::<f64>().ok()).flatten().filter(|number| number.is_finite())
    };
    // A whole number is written without a point.
    number.or_else(decimal)?.to_string().parse().ok()
}

/// Why an unknown member of an object is ignored.
pub(super) fn unknown(name: &str, known: &[&str]) -> String {
    let meant = closest(name, known.iter().copied()).map(|name| format!(". Did you mean {name}?"));
    format!("it is not a known setting{}", meant.unwrap_or_default())
}

/// A required key that is missing, with the lines that add it.
pub(super) fn missing(path: Path, value: &str) -> Problem {
    let problem = Problem::sentence(ProblemKind::Missing, format!("there is no {}", path.whole()));
    problem.for_key(KeyAt::path(path.whole())).with_lines("add", &format!("{} {value}", path.yaml()))
}
