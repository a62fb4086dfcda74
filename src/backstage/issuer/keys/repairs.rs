//! What is wrong in the store: mended, or told, beside the request that saw it, and not for each request anew.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{listing::with_timeout, schedule::Timestamp};
use crate::{
    backstage::{
        PublicJwk,
        store::{PublicKeyStore, StoredKey},
    },
    internal::{Mutex, quoted, spawn},
};

/// Each of them is done at most so often.
const REPAIR_INTERVAL: Duration = Duration::from_secs(60);
/// So many kids that stand for two keys are remembered, to report each once.
const MAX_REPORTED: usize = 64;

pub(super) struct Repairs {
    /// For sentences: `user` or `plugin`.
    kind: &'static str,
    store: Arc<dyn PublicKeyStore>,
    /// For so long a key is listed.
    listed_for: Duration,
    done: Mutex<Done>,
}

#[derive(Default)]
struct Done {
    removed: Option<Instant>,
    restored: Option<Instant>,
    announced: Option<Instant>,
    reported: BTreeSet<String>,
}

impl Repairs {
    pub(super) fn new(kind: &'static str, store: Arc<dyn PublicKeyStore>, listed_for: Duration) -> Self {
        Self { kind, store, listed_for, done: Mutex::default() }
    }

    /// Removes the rows of these keys, which are past their time.
    pub(super) fn remove(&self, expired: Vec<String>, now: Timestamp) {
        if expired.is_empty() || !is_time(&mut self.done.lock().removed, now) {
            return;
        }
        let store = Arc::clone(&self.store);
        // Where no runtime runs, the next one does it.
        let _ = spawn(async move {
            if let Err(error) = with_timeout(store.remove(expired)).await {
                tracing::warn!(target: "tower_alb_auth", "public keys past their time cannot be removed: {error}");
            }
        });
    }

    /// Publishes the signing key again. A store can lose it: by a fail-over to a database that lacked the last rows, by a
    /// replica whose date stands ahead and to which it is past its time. The others would then refuse what it signs.
    pub(super) fn restore(&self, key: PublicJwk, now: Timestamp) {
        if !is_time(&mut self.done.lock().restored, now) {
            return;
        }
        let (store, kid) = (Arc::clone(&self.store), key.kid().to_owned());
        let lost = StoredKey::new(key, now.date, now.date.checked_add(self.listed_for));
        tracing::warn!(target: "tower_alb_auth", kid, "the signing key for {} tokens is gone from the store: it is published again", self.kind);
        let _ = spawn(async move {
            if let Err(error) = with_timeout(store.publish(lost)).await {
                tracing::warn!(target: "tower_alb_auth", "a signing key that is gone from the store cannot be published again: {error}");
            }
        });
    }

    /// Reports a kid that stands for two keys, once.
    pub(super) fn report(&self, kid: &str) {
        let mut done = self.done.lock();
        if done.reported.len() < MAX_REPORTED && done.reported.insert(kid.to_owned()) {
            tracing::error!(
                target: "tower_alb_auth",
                "two public keys for {} tokens have the kid {}: the older one stands, the other is not listed; find out who wrote it, and remove it from the store",
                self.kind,
                quoted(kid),
            );
        }
    }

    /// Whether the log may have another line about a store that is down: whoever likes may ask for the keys.
    pub(super) fn may_report(&self, now: Timestamp) -> bool {
        is_time(&mut self.done.lock().announced, now)
    }
}

/// Whether it may be done again by now; then it counts as done.
fn is_time(last: &mut Option<Instant>, now: Timestamp) -> bool {
    let since = last.map(|at| now.monotonic.saturating_duration_since(at));
    let may = since.is_none_or(|since| since >= REPAIR_INTERVAL);
    if may {
        *last = Some(now.monotonic);
    }
    may
}
