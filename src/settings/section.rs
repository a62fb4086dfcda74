//! One object of settings, read key by key; problems are collected.

use std::cell::RefCell;

use super::{KeyAt, Node, Once, Problem, ProblemKind, Value};

/// Merges in YAML 1.1.
pub(crate) const MERGE_KEY: &str = "<<";

/// What is wrong.
#[derive(Default)]
pub(crate) struct Problems(RefCell<Once<Problem>>);

impl Problems {
    /// Adds it once, no matter how many readers a key has.
    pub(crate) fn add(&self, problem: Problem) {
        self.0.borrow_mut().add(problem);
    }

    pub(crate) fn into_inner(self) -> Vec<Problem> {
        self.0.into_inner().into_list()
    }
}

/// An object of settings and its path.
pub(crate) struct Section<'a> {
    pub(crate) path: String,
    pub(crate) node: &'a Node,
    pub(crate) problems: &'a Problems,
}

impl<'a> Section<'a> {
    /// Every key must be one of these, each of which is read here or by another part. A key that is null is absent.
    pub(crate) fn only(&self, known: &[&str]) {
        for (name, member) in self.members().iter().filter(|(_, member)| !matches!(member.value, Value::Null)) {
            if name == MERGE_KEY {
                let predicate = "is a merge key, and Backstage's reader does not merge: it takes << for a key";
                let problem = Problem::of(ProblemKind::UnknownKey, self.key(name, member), predicate);
                self.problems.add(problem.with_fix("write the keys out"));
            } else if !known.contains(&name.as_str()) {
                self.problems.add(Problem::unknown_key(self.key(name, member), known.iter().copied()));
            }
        }
    }

    /// The path of the object, and its place.
    pub(crate) fn place(&self) -> KeyAt {
        KeyAt::new(self.path.as_str(), &self.node.origin)
    }

    /// The path of a key that has a value, and its place.
    pub(crate) fn place_of(&self, key: &str) -> Option<KeyAt> {
        self.find(key).map(|node| self.key(key, node))
    }

    /// The path of a key, and its place if it is present.
    pub(crate) fn at(&self, key: &str) -> KeyAt {
        match self.node.member(key) {
            Some(node) => self.key(key, node),
            None => KeyAt::path(self.child(key)),
        }
    }

    /// The path of a key. The object at the top of a file has an empty path.
    fn child(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn key(&self, name: &str, node: &Node) -> KeyAt {
        KeyAt::new(self.child(name), &node.origin)
    }

    pub(crate) fn members(&self) -> &'a [(String, Node)] {
        match &self.node.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// A key that has a value; null, and a variable that is not set, are no values.
    pub(crate) fn find(&self, key: &str) -> Option<&'a Node> {
        self.node.member(key).filter(|node| !matches!(node.value, Value::Null | Value::Unset(_)))
    }

    /// Whether a key takes its value from a variable that is not set, which is then a problem.
    pub(crate) fn is_unset(&self, key: &str) -> bool {
        let Some(node) = self.node.member(key) else { return false };
        let Value::Unset(variable) = &node.value else { return false };
        self.problems.add(Problem::unset_variable(self.key(key, node), variable));
        true
    }

    /// Whether a key is there without a value.
    pub(crate) fn is_null(&self, key: &str) -> bool {
        self.node.member(key).is_some_and(|node| matches!(node.value, Value::Null))
    }

    /// Whether a list is there that has nothing in it.
    pub(crate) fn is_empty_list(&self, key: &str) -> bool {
        self.find(key).is_some_and(|node| matches!(&node.value, Value::List(items) if items.is_empty()))
    }

    /// Whether an object is there that has nothing in it.
    #[cfg(feature = "proxy")]
    pub(crate) fn is_empty_object(&self, key: &str) -> bool {
        self.find(key).is_some_and(|node| matches!(&node.value, Value::Object(members) if members.is_empty()))
    }

    /// The value, if it is a text; a value of another type is reported by [`text`](Self::text).
    pub(crate) fn written(&self, key: &str) -> Option<&'a str> {
        match &self.find(key)?.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        let node = self.find(key)?;
        match &node.value {
            Value::Text(text) if !text.is_empty() => Some(text.clone()),
            // Backstage takes no number for a text; 0123 is the number 123.
            Value::Number(_) => {
                let problem = Problem::wrong_type(self.key(key, node), "a text", node.kind());
                self.problems.add(problem.with_fix("write it in quotes"));
                None
            }
            _ => self.wrong(key, node, "a text"),
        }
    }

    /// A number or a text of one, for keys that Backstage has no reader for.
    pub(crate) fn number_or_text(&self, key: &str) -> Option<String> {
        match &self.find(key)?.value {
            Value::Number(number) => Some(number.clone()),
            _ => self.text(key),
        }
    }

    /// False if it is absent. An unset variable is a problem instead, since its value may have been true.
    pub(crate) fn flag(&self, key: &str) -> bool {
        if self.is_unset(key) {
            return false;
        }
        let Some(node) = self.find(key) else { return false };
        match &node.value {
            Value::Bool(value) => *value,
            // As Backstage reads them: variables are texts.
            Value::Text(text) | Value::Number(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "yes" | "y" | "on" | "1" => true,
                "false" | "no" | "n" | "off" | "0" => false,
                _ => self.wrong(key, node, "true or false").unwrap_or(false),
            },
            _ => self.wrong(key, node, "true or false").unwrap_or(false),
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, key: &str) -> Option<Vec<String>> {
        let node = self.find(key)?;
        match &node.value {
            Value::List(items) => self.texts_of(key, node, items),
            _ => self.wrong(key, node, "a list of texts"),
        }
    }

    /// A list of texts, for keys that Backstage has no reader for. A single text counts as a list of one, which is what a
    /// variable gives.
    pub(crate) fn text_or_texts(&self, key: &str) -> Option<Vec<String>> {
        let node = self.find(key)?;
        match &node.value {
            Value::List(items) => self.texts_of(key, node, items),
            Value::Text(_) | Value::Number(_) => self.texts_of(key, node, std::slice::from_ref(node)),
            _ => self.wrong(key, node, "a list of texts"),
        }
    }

    /// As [`text_or_texts`](Self::text_or_texts), for values without commas and white space: a single text that has one of them
    /// is a list that was written as a text.
    pub(crate) fn value_or_values(&self, key: &str) -> Option<Vec<String>> {
        let node = self.find(key)?;
        let Value::Text(text) = &node.value else { return self.text_or_texts(key) };
        if !text.contains([',', ' ', '\t', '\n']) {
            return self.text_or_texts(key);
        }
        let problem = Problem::wrong_type(self.key(key, node), "a list of texts", "one text with several values");
        self.problems.add(problem.with_fix(
            "write a list, such as [one, other]; a value that has a comma or white space itself is an element too",
        ));
        None
    }

    fn texts_of(&self, key: &str, node: &Node, items: &[Node]) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) if !text.is_empty() => texts.push(text.clone()),
                // A client id of digits.
                Value::Number(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => texts.push(number.clone()),
                Value::Unset(variable) => self.problems.add(Problem::unset_variable(self.key(key, item), variable)),
                // The list is what is wrong: of a text, of a number.
                _ if std::ptr::eq(item, node) => return self.wrong(key, node, "a list of texts"),
                _ => {
                    let expected = "a list of texts that are not empty";
                    let found = format!("a list with {} in it", item.kind());
                    self.problems.add(Problem::wrong_type(self.key(key, item), expected, &found));
                    return None;
                }
            }
        }
        Some(texts)
    }

    pub(crate) fn section(&self, key: &str) -> Option<Section<'a>> {
        let node = self.find(key)?;
        if let Some(problem) = node.hidden(&format!("{}.{key}", self.path)) {
            self.problems.add(problem);
            return None;
        }
        match &node.value {
            Value::Object(_) => Some(Section { path: self.child(key), node, problems: self.problems }),
            _ => self.wrong(key, node, "an object of settings"),
        }
    }

    /// The objects of a list.
    pub(crate) fn sections(&self, key: &str) -> Option<Vec<Section<'a>>> {
        let node = self.find(key)?;
        let Value::List(items) = &node.value else { return self.wrong(key, node, "a list") };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}[{index}]", self.child(key));
            match &item.value {
                Value::Object(_) => sections.push(Section { path, node: item, problems: self.problems }),
                _ => self.problems.add(Problem::wrong_type(KeyAt::new(path, &item.origin), "an object", item.kind())),
            }
        }
        Some(sections)
    }

    /// Reports that a key has a value of the wrong type.
    pub(crate) fn wrong<T>(&self, key: &str, node: &Node, expected: &str) -> Option<T> {
        self.problems.add(Problem::wrong_type(self.key(key, node), expected, node.kind()));
        None
    }
}
