//! A cache that is bounded by number of entries and by bytes.

use std::hash::Hash;

use quick_cache::{Equivalent, OptionsBuilder, Weighter, sync::Cache};

/// Bytes of a slot in the tables of the cache, in addition to key and value: links, state and its place in the hash table.
const SLOT_OVERHEAD_BYTES: usize = 32;

/// Slots for an entry, at most: half of one is for keys that were evicted, and growth leaves half of all slots unused.
const SLOTS: usize = 3;

/// Number of bytes that a key or a value has on the heap.
pub(crate) trait HeapSize {
    fn heap_size(&self) -> usize;
}

/// A cache with a maximum number of entries and of bytes. Entries that are used least are evicted
/// first.
pub(crate) struct BoundedCache<K, V> {
    entries: Cache<K, V, MinWeight>,
}

impl<K, V> BoundedCache<K, V>
where
    K: Hash + Eq + HeapSize,
    V: Clone + HeapSize,
{
    /// `None` if either maximum permits no entry.
    pub(crate) fn new(max_entries: usize, max_bytes: usize) -> Option<Self> {
        // Every entry weighs at least its share of the bytes, so the bound on bytes also bounds the
        // count.
        let share = max_bytes.checked_div(max_entries)?;
        let options = OptionsBuilder::new()
            .estimated_items_capacity(max_entries)
            .weight_capacity(u64::try_from(max_bytes).unwrap_or(u64::MAX))
            .build()
            .ok()?;
        let weighter = MinWeight(u64::try_from(share).unwrap_or(u64::MAX));
        Some(Self { entries: Cache::with_options(options, weighter, Default::default(), Default::default()) })
    }

    pub(crate) fn find(&self, key: &(impl Hash + Equivalent<K>)) -> Option<V> {
        self.entries.get(key)
    }

    pub(crate) fn insert(&self, key: K, value: V) {
        self.entries.insert(key, value);
    }

    pub(crate) fn remove(&self, key: &(impl Hash + Equivalent<K>)) {
        self.entries.remove(key);
    }

    pub(crate) fn clear(&self) {
        self.entries.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[derive(Debug, Clone, Copy)]
struct MinWeight(u64);

impl<K: HeapSize, V: HeapSize> Weighter<K, V> for MinWeight {
    fn weight(&self, key: &K, value: &V) -> u64 {
        let heap = key.heap_size().saturating_add(value.heap_size());
        let slot = size_of::<K>().saturating_add(size_of::<V>()).saturating_add(SLOT_OVERHEAD_BYTES);
        self.0.max(u64::try_from(heap.saturating_add(slot.saturating_mul(SLOTS))).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl HeapSize for u32 {
        fn heap_size(&self) -> usize {
            0
        }
    }

    impl HeapSize for Vec<u8> {
        fn heap_size(&self) -> usize {
            self.len()
        }
    }

    #[test]
    fn count_and_bytes_are_bounds() {
        let by_count = BoundedCache::<u32, Vec<u8>>::new(100, 1 << 20).unwrap();
        let by_bytes = BoundedCache::<u32, Vec<u8>>::new(100_000, 1 << 20).unwrap();
        for n in 0..10_000 {
            by_count.insert(n, vec![0; 10]);
            by_bytes.insert(n, vec![0; 1000]);
        }
        assert!((50..=100).contains(&by_count.len()), "{}", by_count.len());
        assert!((500..=1048).contains(&by_bytes.len()), "{}", by_bytes.len());
        assert!(BoundedCache::<u32, Vec<u8>>::new(0, 1 << 20).is_none());
    }
}
