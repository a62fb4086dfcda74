//! Values that count once, found by their hash: the time that settings take grows with their keys, not with the square.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    hash::{Hash, Hasher},
};

/// Values in the order in which they came, each once.
pub(crate) struct Once<T = String> {
    list: Vec<T>,
    known: HashSet<Counted<T>>,
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self { list: Vec::new(), known: HashSet::new() }
    }
}

impl<T: Clone + Eq + Hash> Once<T> {
    pub(crate) fn add(&mut self, value: T) {
        if self.known.insert(Counted(value.clone())) {
            self.list.push(value);
        }
    }

    pub(crate) fn into_list(self) -> Vec<T> {
        self.list
    }
}

impl<T: Clone + Eq + Hash> FromIterator<T> for Once<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut once = Self::default();
        values.into_iter().for_each(|value| once.add(value));
        once
    }
}

/// Where each value came first.
pub(crate) struct Positions<'v, T: ToOwned + ?Sized>(HashMap<Counted<Cow<'v, T>>, usize>);

impl<T: ToOwned + ?Sized> Default for Positions<'_, T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<'v, T: ToOwned + Eq + Hash + ?Sized> Positions<'v, T> {
    /// Keeps the position that is known already.
    pub(crate) fn add(&mut self, value: Cow<'v, T>, position: usize) {
        self.0.entry(Counted(value)).or_insert(position);
    }

    pub(crate) fn of(&self, value: &T) -> Option<usize> {
        self.0.get(&Counted(Cow::Borrowed(value))).copied()
    }
}

/// A value whose comparisons are counted in tests.
#[derive(Eq)]
struct Counted<T>(T);

impl<T: PartialEq> PartialEq for Counted<T> {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(test)]
        count::add();
        self.0 == other.0
    }
}

impl<T: Hash> Hash for Counted<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

/// How many values were compared on this thread.
#[cfg(test)]
pub(crate) mod count {
    use std::cell::Cell;

    thread_local! {
        static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn add() {
        COMPARED.set(COMPARED.get() + 1);
    }

    /// How many values this compares.
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
    fn each_value_counts_once_and_where_it_came_first() {
        let once: Once<String> = ["b", "a", "b", "c", "a"].map(str::to_owned).into_iter().collect();
        assert_eq!(once.into_list(), ["b", "a", "c"]);
        let mut positions = Positions::<str>::default();
        positions.add("a".into(), 3);
        positions.add("a".to_owned().into(), 1);
        assert_eq!((positions.of("a"), positions.of("b")), (Some(3), None));
    }
}
