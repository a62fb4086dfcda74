//! Every key of the files, with its place.

use super::reader::Warning;
use crate::internal::{KeyAt, Node, Value};

/// A key that has no keys below it; a list of plain values is one.
#[derive(Clone)]
pub(super) struct Key<'a> {
    /// From the top down: the name, or the number in a list, and what stands there.
    steps: Vec<(Step<'a>, &'a Node)>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Name(&'a str),
    Number(usize),
}

/// All keys below these names, in the order of the files.
pub(super) fn keys_below<'a>(root: &'a Node, names: &[&str]) -> Vec<Key<'a>> {
    let mut keys = Vec::new();
    let Value::Object(members) = &root.value else { return keys };
    for (name, node) in members.iter().filter(|(name, _)| names.contains(&name.as_str())) {
        collect(&Key { steps: vec![(Step::Name(name), node)] }, node, &mut keys);
    }
    keys
}

fn collect<'a>(key: &Key<'a>, node: &'a Node, keys: &mut Vec<Key<'a>>) {
    let below = |step: Step<'a>, node: &'a Node| {
        let mut below = key.clone();
        below.steps.push((step, node));
        below
    };
    match &node.value {
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(name, node)| collect(&below(Step::Name(name), node), node, keys));
        }
        Value::List(items) if items.iter().any(|item| matches!(item.value, Value::Object(_) | Value::List(_))) => {
            items.iter().enumerate().for_each(|(number, node)| collect(&below(Step::Number(number), node), node, keys));
        }
        // Counts as absent.
        Value::Null => {}
        _ => keys.push(key.clone()),
    }
}

impl<'a> Key<'a> {
    /// `auth.keyStore.static.keys[0].keyId`
    pub(super) fn path(&self) -> String {
        self.above(usize::MAX).path
    }

    /// The names in it, numbers of lists left out.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.steps.iter().filter_map(|(step, _)| match step {
            Step::Name(name) => Some(*name),
            Step::Number(_) => None,
        })
    }

    /// What stands there.
    pub(super) fn value(&self) -> Option<&'a Value> {
        self.steps.last().map(|(_, node)| &node.value)
    }

    /// The warning that a later file takes the value from a variable that is not set, so that this value holds.
    pub(super) fn not_overridden(&self) -> Option<Warning> {
        let (_, node) = self.steps.last()?;
        let (variable, later) = node.unset.as_ref()?;
        let text = format!(
            "this value is used although {later} has another one: that takes it from the environment variable {variable}, \
             which is not set"
        );
        Some(Warning::of(self.above(usize::MAX), text))
    }

    /// Path and place of its first so many names.
    pub(super) fn above(&self, names: usize) -> KeyAt {
        let (mut path, mut location, mut left) = (String::new(), None, names);
        for (step, node) in &self.steps {
            match step {
                Step::Name(_) if left == 0 => break,
                Step::Name(name) => {
                    left = left.saturating_sub(1);
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(name);
                }
                // Belongs to the name before it, but for a group of keys the list is what counts.
                Step::Number(_) if left == 0 => break,
                Step::Number(number) => path.push_str(&format!("[{number}]")),
            }
            location = Some(node.origin.clone());
        }
        KeyAt { path, location }
    }

    /// The keys that it is below, from the top down.
    pub(super) fn parents(&self) -> Vec<KeyAt> {
        (1..self.names().count()).map(|names| self.above(names)).collect()
    }

    /// The keys whose problems concern it: itself, the list entries that it is in, and the provider's member. The key itself
    /// comes last.
    pub(super) fn subjects(&self) -> Vec<KeyAt> {
        let mut path = String::new();
        let mut subjects = Vec::new();
        let last = self.steps.len().saturating_sub(1);
        for (index, (step, node)) in self.steps.iter().enumerate() {
            match step {
                Step::Name(name) if path.is_empty() => path.push_str(name),
                Step::Name(name) => path.push_str(&format!(".{name}")),
                Step::Number(number) => path.push_str(&format!("[{number}]")),
            }
            let provider_member = index == 3 && path.starts_with("auth.providers.awsalb.");
            if index == last || provider_member || matches!(step, Step::Number(_)) {
                subjects.push(KeyAt::new(path.clone(), &node.origin));
            }
        }
        subjects
    }
}
