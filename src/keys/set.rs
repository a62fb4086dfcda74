//! The keys that are held, as an immutable snapshot.

use std::time::Instant;

use super::{KeyId, Kid, PublicKey};
use crate::{config::KeyEndpoint, sync::Arc};

/// All keys that are held. Never changed: a writer builds the next one.
#[derive(Debug, Clone, Default)]
pub(super) struct KeySet {
    /// Few: a region has a handful. Scanning them is faster than hashing.
    keys: Vec<HeldKey>,
}

#[derive(Debug, Clone)]
pub(super) struct HeldKey {
    pub(super) id: KeyId,
    pub(super) key: Arc<PublicKey>,
    /// When it was last fetched: the start of that fetch, so that an older answer never counts as newer.
    pub(super) fetched_at: Instant,
    pub(super) refresh: RefreshState,
}

/// What became of the refreshes since the key was last fetched.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct RefreshState {
    /// Not before this time; `None` as soon as the key's age says so.
    pub(super) not_before: Option<Instant>,
    pub(super) failures: u32,
    /// Answers in a row that there is no such key, and when the first of them came.
    pub(super) refusals: u32,
    pub(super) first_refusal: Option<Instant>,
}

impl KeySet {
    pub(super) fn find(&self, endpoint: &KeyEndpoint, kid: Kid) -> Option<&HeldKey> {
        self.keys.iter().find(|held| held.id.kid == kid && held.id.endpoint == *endpoint)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &HeldKey> {
        self.keys.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// With this key, in place of what was held under its id. Over `max_keys` the one fetched longest ago goes.
    pub(super) fn with(&self, new: HeldKey, max_keys: usize) -> Self {
        let mut keys: Vec<HeldKey> = self.keys.iter().filter(|held| held.id != new.id).cloned().collect();
        while keys.len() >= max_keys.max(1) {
            let oldest = keys.iter().enumerate().min_by_key(|(_, held)| held.fetched_at).map(|(index, _)| index);
            let Some(oldest) = oldest else { break };
            keys.remove(oldest);
        }
        keys.push(new);
        Self { keys }
    }

    pub(super) fn without(&self, id: &KeyId) -> Self {
        Self { keys: self.keys.iter().filter(|held| held.id != *id).cloned().collect() }
    }

    /// The keys of endpoints that are still trusted.
    pub(super) fn only(&self, endpoints: &[KeyEndpoint]) -> Self {
        Self { keys: self.keys.iter().filter(|held| endpoints.contains(&held.id.endpoint)).cloned().collect() }
    }
}
