//! Keys from files, which replicas share. The first key signs.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    schedule::{Schedule, Timestamp, VERIFIER_CACHE},
    source::KeySource,
};
use crate::{
    backstage::{
        PublicJwk,
        issuer::{error::IssueError, signing_key::SigningKey, signing_keys::Entry},
        store::StoredKey,
    },
    internal::quoted,
};

pub(super) struct FromFiles {
    schedule: Schedule,
    keys: Vec<Published>,
    /// The key that signs: the first one, unless it is so new that verifiers may not know it.
    current: Option<Arc<SigningKey>>,
    /// Removed from the files, but listed until then.
    removed: Vec<(PublicJwk, Instant)>,
    /// The ids of keys that sign no more since they were last requested.
    unreported: Vec<String>,
}

struct Published {
    entry: Entry,
    /// When it was first listed.
    since: Option<Instant>,
    /// When it was last published to the store.
    announced: Option<Timestamp>,
}

impl FromFiles {
    pub(super) fn new(schedule: Schedule, keys: Vec<Entry>) -> Self {
        let keys = keys.into_iter().map(Published::new).collect();
        Self { schedule, keys, current: None, removed: Vec::new(), unreported: Vec::new() }
    }

    fn activate(&mut self, now: Timestamp) {
        self.removed.retain(|(_, until)| now.monotonic < *until);
        let Some(first) = self.keys.first() else { return };
        let Some(since) = first.since else { return };
        let wait = if self.current.is_none() { Duration::ZERO } else { VERIFIER_CACHE };
        if now.monotonic.saturating_duration_since(since) >= wait {
            let kid = |key: &Arc<SigningKey>| key.public().kid().to_owned();
            let before = std::mem::replace(&mut self.current, first.entry.private.clone());
            let signing = self.current.as_ref().map(kid);
            self.unreported.extend(before.as_ref().map(kid).filter(|before| signing.as_ref() != Some(before)));
        }
    }

    /// The first key that was never published, or published so long ago that the store may soon
    /// drop it.
    fn unannounced(&self, now: Timestamp) -> Option<&Published> {
        let again = self.schedule.lifetime();
        self.keys.iter().find(|key| key.announced.is_none_or(|announced| announced.age_at(now) >= again))
    }
}

impl Published {
    fn new(entry: Entry) -> Self {
        Self { entry, since: None, announced: None }
    }
}

impl KeySource for FromFiles {
    fn signer(&mut self, now: Timestamp) -> Option<Arc<SigningKey>> {
        self.activate(now);
        self.current.clone()
    }

    fn is_due(&mut self, now: Timestamp) -> bool {
        self.unannounced(now).is_some()
    }

    fn publication(&mut self, now: Timestamp) -> Result<Option<StoredKey>, IssueError> {
        let expires_at = now.date.checked_add(self.schedule.listed_for());
        Ok(self.unannounced(now).map(|key| StoredKey::new(key.entry.public.clone(), now.date, expires_at)))
    }

    fn published(&mut self, kid: &str, now: Timestamp) {
        for key in self.keys.iter_mut().filter(|key| key.entry.public.kid() == kid) {
            key.since.get_or_insert(now.monotonic);
            key.announced = Some(now);
        }
    }

    fn take_retired(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unreported)
    }

    fn listed(&mut self, now: Timestamp) -> Vec<PublicJwk> {
        self.activate(now);
        let keys = self.keys.iter().map(|key| &key.entry.public);
        keys.chain(self.removed.iter().map(|(key, _)| key)).cloned().collect()
    }

    fn replace(&mut self, keys: Vec<Entry>, now: Timestamp) -> Result<bool, String> {
        self.activate(now);
        let known = self.keys.iter().map(|held| &held.entry.public).chain(self.removed.iter().map(|(key, _)| key));
        for held in known {
            if let Some(new) = keys.iter().find(|new| new.public.kid() == held.kid() && new.public != *held) {
                return Err(format!(
                    "the key id {} now has another key, but verifiers still cache the old one: give the new key another id",
                    quoted(new.public.kid())
                ));
            }
        }
        let is_same = |(old, new): (&Published, &Entry)| {
            old.entry.public == new.public && old.entry.private.is_some() == new.private.is_some()
        };
        if self.keys.len() == keys.len() && self.keys.iter().zip(&keys).all(is_same) {
            return Ok(false);
        }
        let mut old = std::mem::take(&mut self.keys);
        for entry in keys {
            let known = old.iter().position(|held| held.entry.public == entry.public).map(|at| old.swap_remove(at));
            let (since, announced) = known.map(|held| (held.since, held.announced)).unwrap_or_default();
            self.keys.push(Published { entry, since, announced });
        }
        // Another replica may sign with a removed key until its new first key is known to
        // verifiers.
        let left = self.schedule.lifetime().saturating_add(VERIFIER_CACHE.saturating_mul(2));
        let until = now.monotonic.checked_add(left);
        self.removed.retain(|(key, _)| !self.keys.iter().any(|held| held.entry.public == *key));
        self.removed.extend(old.into_iter().filter_map(|held| Some((held.entry.public, until?))));
        Ok(true)
    }
}
