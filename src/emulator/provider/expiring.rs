//! A table of entries with the same lifetime and a maximum size.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use super::secret::Key;

/// Entries by the hash of their secret. Expired entries are not found; a new entry replaces the
/// oldest if the table is full.
pub(super) struct Expiring<V> {
    lifetime: Duration,
    capacity: usize,
    entries: HashMap<Key, Entry<V>>,
    /// Ordered by age: the numbers increase.
    order: BTreeMap<u64, Key>,
    next: u64,
}

struct Entry<V> {
    value: V,
    number: u64,
    since: Instant,
}

impl<V> Expiring<V> {
    pub(super) fn new(lifetime: Duration, capacity: usize) -> Self {
        Self { lifetime, capacity, entries: HashMap::new(), order: BTreeMap::new(), next: 0 }
    }

    /// Stores the value under this key, and replaces an existing one.
    pub(super) fn insert(&mut self, key: Key, value: V, now: Instant) {
        self.take(key, now);
        while let Some((number, oldest)) = self.order.first_key_value().map(|(number, key)| (*number, *key)) {
            if self.entries.len() < self.capacity && self.is_alive(oldest, now) {
                break;
            }
            self.order.remove(&number);
            self.entries.remove(&oldest);
        }
        self.order.insert(self.next, key);
        self.entries.insert(key, Entry { value, number: self.next, since: now });
        self.next = self.next.saturating_add(1);
    }

    pub(super) fn find(&self, key: Key, now: Instant) -> Option<&V> {
        let entry = self.entries.get(&key)?;
        self.is_young(entry, now).then_some(&entry.value)
    }

    pub(super) fn find_mut(&mut self, key: Key, now: Instant) -> Option<&mut V> {
        if !self.is_alive(key, now) {
            return None;
        }
        self.entries.get_mut(&key).map(|entry| &mut entry.value)
    }

    /// Removes and returns the value.
    pub(super) fn take(&mut self, key: Key, now: Instant) -> Option<V> {
        let entry = self.entries.remove(&key)?;
        self.order.remove(&entry.number);
        self.is_young(&entry, now).then_some(entry.value)
    }

    /// Removes the entries that do not match.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&V) -> bool) {
        self.entries.retain(|_, entry| keep(&entry.value));
        let entries = &self.entries;
        self.order.retain(|_, key| entries.contains_key(key));
    }

    fn is_alive(&self, key: Key, now: Instant) -> bool {
        self.entries.get(&key).is_some_and(|entry| self.is_young(entry, now))
    }

    fn is_young(&self, entry: &Entry<V>, now: Instant) -> bool {
        now.saturating_duration_since(entry.since) < self.lifetime
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn an_entry_ends_with_its_time() {
        let now = Instant::now();
        let mut table = Expiring::new(10 * SECOND, 8);
        let key = Key::of("a");
        table.insert(key, 1, now);
        assert_eq!(table.find(key, now + 9 * SECOND), Some(&1));
        assert_eq!(table.find(key, now + 10 * SECOND), None);
        assert_eq!(table.find_mut(key, now + 10 * SECOND), None);
        assert_eq!(table.take(key, now + 10 * SECOND), None);
    }

    #[test]
    fn the_oldest_makes_room_and_nothing_else_is_kept() {
        let now = Instant::now();
        let mut table = Expiring::new(1000 * SECOND, 8);
        for n in 0..1000_u32 {
            table.insert(Key::of(&n.to_string()), n, now);
            if n % 3 == 1 {
                table.take(Key::of(&n.to_string()), now);
            }
        }
        assert_eq!((table.entries.len(), table.order.len()), (8, 8));
        assert_eq!(table.find(Key::of("998"), now), Some(&998));
        assert_eq!(table.find(Key::of("897"), now), None);
        table.retain(|n| *n != 998);
        assert_eq!((table.entries.len(), table.order.len()), (7, 7));
        table.insert(Key::of("late"), 0, now + 1000 * SECOND);
        assert_eq!((table.entries.len(), table.order.len()), (1, 1), "an expired entry is removed at the next insert");
    }

    #[test]
    fn a_key_has_one_entry() {
        let now = Instant::now();
        let mut table = Expiring::new(10 * SECOND, 8);
        table.insert(Key::of("a"), 1, now);
        table.insert(Key::of("a"), 2, now + SECOND);
        assert_eq!((table.entries.len(), table.order.len()), (1, 1));
        assert_eq!(table.take(Key::of("a"), now + SECOND), Some(2));
    }
}
