//! Settings by their paths; what is wrong and what is passed over is collected.

use std::{cell::RefCell, fmt::Display, str::FromStr};

use crate::{
    config::app_config::AppConfig,
    internal::{Node, Problems, Section, Value},
};

/// Reads one set of merged files.
pub(super) struct Reader<'a> {
    root: &'a Node,
    /// Stands in for a section that is not there.
    nothing: &'a Node,
    problems: &'a Problems,
    warnings: RefCell<Vec<String>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(config: &'a AppConfig, nothing: &'a Node, problems: &'a Problems) -> Self {
        Self { root: config.root(), nothing, problems, warnings: RefCell::default() }
    }

    pub(super) fn into_warnings(self) -> Vec<String> {
        self.warnings.into_inner()
    }

    pub(super) fn problem(&self, sentence: String) {
        self.problems.add(sentence);
    }

    pub(super) fn warn(&self, sentence: String) {
        self.warnings.borrow_mut().push(sentence);
    }

    /// The object of settings at this path. Where there is none it has no members; where there is something else, that is
    /// said.
    pub(super) fn section(&self, path: &str) -> Section<'a> {
        let nothing = || Section { path: path.to_owned(), node: self.nothing, problems: self.problems };
        let Some((parent, key)) = path.rsplit_once('.') else {
            return match self.root.member(path) {
                Some(node) if matches!(node.value, Value::Object(_)) => Section { node, ..nothing() },
                None | Some(Node { value: Value::Null | Value::Unset(_), .. }) => nothing(),
                Some(node) => {
                    self.problem(format!(
                        "{path} ({}) must be an object of settings, and is {}",
                        node.origin,
                        node.kind()
                    ));
                    nothing()
                }
            };
        };
        // A parent that is no object is said by whoever reads that.
        let parent = Section {
            path: parent.to_owned(),
            node: self.root.at(parent).unwrap_or(self.nothing),
            problems: self.problems,
        };
        parent.section(key).unwrap_or_else(nothing)
    }

    /// A text that may be left out. A variable that is not set leaves it out, as in Backstage, and that is told.
    pub(super) fn text(&self, section: &Section<'_>, key: &str) -> Option<String> {
        self.tell_unset(section, key);
        section.text(key)
    }

    /// A number that may be left out, as a text or not: a variable gives a text.
    pub(super) fn number<T: FromStr>(&self, section: &Section<'_>, key: &str, wanted: &str) -> Option<T> {
        self.tell_unset(section, key);
        let node = section.find(key)?;
        let number = match &node.value {
            Value::Number(text) | Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        if number.is_none() {
            section.wrong::<()>(key, node, wanted);
        }
        number
    }

    /// True or false, and this, which should be the stricter of the two, where it is left out.
    pub(super) fn flag_or(&self, section: &Section<'_>, key: &str, usual: bool) -> bool {
        self.tell_unset(section, key);
        if section.find(key).is_some() { section.flag(key) } else { usual }
    }

    /// Tells what a variable that is not set leaves out.
    pub(super) fn tell_unset(&self, section: &Section<'_>, key: &str) {
        if let Some(Node { value: Value::Unset(name), origin }) = section.node.member(key) {
            self.warn(format!(
                "{}.{key} ({origin}) counts as not there: it takes its value from the environment variable {name}, which is \
                 not set",
                section.path
            ));
        }
    }
}

/// Path and place of a key, for a sentence.
pub(super) fn place(section: &Section<'_>, key: &str) -> String {
    match section.node.member(key) {
        Some(node) => format!("{}.{key} ({})", section.path, node.origin),
        None => format!("{}.{key}", section.path),
    }
}

/// What a required key lacks, with the lines that add it.
pub(super) fn missing(path: &str, value: impl Display) -> String {
    let mut lines = String::new();
    for (index, name) in path.split('.').enumerate() {
        lines.push_str(&format!("\n{}{name}:", "  ".repeat(index)));
    }
    format!("there is no {path}: add{lines} {value}")
}
