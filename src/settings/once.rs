//! Texts that count once, found by their hash: the time that settings take grows with their keys, not with the square.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    hash::{Hash, Hasher},
};

/// Texts in the order in which they came, each once.
#[derive(Default)]
pub(crate) struct Once {
    list: Vec<String>,
    known: HashSet<Name<'static>>,
}

impl Once {
    pub(crate) fn add(&mut self, text: String) {
        if self.known.insert(Name::owned(text.clone())) {
            self.list.push(text);
        }
    }

    pub(crate) fn into_list(self) -> Vec<String> {
        self.list
    }
}

impl FromIterator<String> for Once {
    fn from_iter<I: IntoIterator<Item = String>>(texts: I) -> Self {
        let mut once = Self::default();
        texts.into_iter().for_each(|text| once.add(text));
        once
    }
}

/// Where each text came first.
#[derive(Default)]
pub(crate) struct Positions<'t>(HashMap<Name<'t>, usize>);

impl<'t> Positions<'t> {
    /// Keeps the position that is known already.
    pub(crate) fn add(&mut self, text: impl Into<Cow<'t, str>>, position: usize) {
        self.0.entry(Name(text.into())).or_insert(position);
    }

    pub(crate) fn of(&self, text: &str) -> Option<usize> {
        self.0.get(&Name(Cow::Borrowed(text))).copied()
    }
}

/// A text whose comparisons are counted in tests.
#[derive(Eq)]
struct Name<'t>(Cow<'t, str>);

impl Name<'_> {
    fn owned(text: String) -> Name<'static> {
        Name(Cow::Owned(text))
    }
}

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(test)]
        count::add();
        self.0 == other.0
    }
}

impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// How many texts were compared on this thread.
#[cfg(test)]
pub(crate) mod count {
    use std::cell::Cell;

    thread_local! {
        static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn add() {
        COMPARED.set(COMPARED.get() + 1);
    }

    /// So many texts this compares.
    pub(crate) fn of(what: impl FnOnce()) -> usize {
        let before = COMPARED.get();
        what();
        COMPARED.get() - before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_text_counts_once_and_where_it_came_first() {
        let once: Once = ["b", "a", "b", "c", "a"].map(str::to_owned).into_iter().collect();
        assert_eq!(once.into_list(), ["b", "a", "c"]);
        let mut positions = Positions::default();
        positions.add("a", 3);
        positions.add("a".to_owned(), 1);
        assert_eq!((positions.of("a"), positions.of("b")), (Some(3), None));
    }
}
