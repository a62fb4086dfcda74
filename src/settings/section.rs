//! One object of settings, read key by key; what is wrong is collected.

use std::cell::RefCell;

use super::{Node, Once, Value};

/// What is wrong, a sentence each.
#[derive(Default)]
pub(crate) struct Problems(RefCell<Once>);

impl Problems {
    /// Once, however many read the same key.
    pub(crate) fn add(&self, sentence: String) {
        self.0.borrow_mut().add(sentence);
    }

    pub(crate) fn into_inner(self) -> Vec<String> {
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
    /// Every key has to be one of these, each of which has its reader, or is another part's.
    pub(crate) fn only(&self, known: &[&str]) {
        for (name, member) in self.members() {
            if known.contains(&name.as_str()) {
                continue;
            }
            self.problems.add(format!(
                "{}.{name} ({}) is no setting; there are {}",
                self.path,
                member.origin,
                known.join(", ")
            ));
        }
    }

    /// The path and the place, for a sentence.
    pub(crate) fn place(&self) -> String {
        format!("{} ({})", self.path, self.node.origin)
    }

    /// The same of a key that has a value.
    pub(crate) fn place_of(&self, key: &str) -> Option<String> {
        self.find(key).map(|node| format!("{}.{key} ({})", self.path, node.origin))
    }

    pub(crate) fn members(&self) -> &'a [(String, Node)] {
        match &self.node.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// A key that has a value; null, and a variable that is not set, count as none.
    pub(crate) fn find(&self, key: &str) -> Option<&'a Node> {
        self.node.member(key).filter(|node| !matches!(node.value, Value::Null | Value::Unset(_)))
    }

    /// Whether a key takes its value from a variable that is not set, which is then said.
    pub(crate) fn is_unset(&self, key: &str) -> bool {
        let Some(Node { value: Value::Unset(name), origin }) = self.node.member(key) else { return false };
        self.problems.add(format!(
            "{}.{key} ({origin}) takes its value from the environment variable {name}, which is not set: set it where this \
             process is started",
            self.path
        ));
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

    /// What is written, where that is a text; what else it may be is for [`text`](Self::text) to say.
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
            // YAML takes a client id of digits for a number.
            Value::Number(number) => Some(number.clone()),
            _ => self.wrong(key, node, "a text"),
        }
    }

    /// False where it is absent; but not where its variable is, since that may have said true.
    pub(crate) fn flag(&self, key: &str) -> bool {
        if self.is_unset(key) {
            return false;
        }
        let Some(node) = self.find(key) else { return false };
        match &node.value {
            Value::Bool(value) => *value,
            // As a variable gives it.
            Value::Text(text) if text == "true" => true,
            Value::Text(text) if text == "false" => false,
            _ => self.wrong(key, node, "true or false").unwrap_or(false),
        }
    }

    /// A list of texts. A single text counts as a list of one, which is what a variable gives.
    pub(crate) fn texts(&self, key: &str) -> Option<Vec<String>> {
        let node = self.find(key)?;
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            Value::Text(_) | Value::Number(_) => std::slice::from_ref(node),
            _ => return self.wrong(key, node, "a list of texts"),
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.value {
                Value::Text(text) if !text.is_empty() => texts.push(text.clone()),
                Value::Number(number) => texts.push(number.clone()),
                Value::Unset(name) => self.problems.add(format!(
                    "{}.{key} ({}) takes its value from the environment variable {name}, which is not set: set it where this \
                     process is started",
                    self.path, item.origin
                )),
                _ => return self.wrong(key, item, "a list of texts"),
            }
        }
        Some(texts)
    }

    pub(crate) fn section(&self, key: &str) -> Option<Section<'a>> {
        let node = self.find(key)?;
        match &node.value {
            Value::Object(_) => Some(Section { path: format!("{}.{key}", self.path), node, problems: self.problems }),
            _ => self.wrong(key, node, "an object of settings"),
        }
    }

    /// The objects of a list.
    pub(crate) fn sections(&self, key: &str) -> Option<Vec<Section<'a>>> {
        let node = self.find(key)?;
        let Value::List(items) = &node.value else { return self.wrong(key, node, "a list") };
        let mut sections = Vec::new();
        for (index, item) in items.iter().enumerate() {
            let path = format!("{}.{key}[{index}]", self.path);
            match &item.value {
                Value::Object(_) => sections.push(Section { path, node: item, problems: self.problems }),
                _ => self.problems.add(format!("{path} ({}) must be an object, and is {}", item.origin, item.kind())),
            }
        }
        Some(sections)
    }

    pub(crate) fn wrong<T>(&self, key: &str, node: &Node, wanted: &str) -> Option<T> {
        let found = node.kind();
        self.problems.add(format!("{}.{key} ({}) must be {wanted}, and is {found}", self.path, node.origin));
        None
    }
}
