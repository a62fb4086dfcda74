//! Repairs and reports problems in the store, in the background and at limited intervals.

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

/// Minimum interval between two repairs of the same kind.
const REPAIR_INTERVAL: Duration = Duration::from_secs(60);
/// Maximum number of kids with two keys that are remembered, so that each is reported once.
const MAX_REPORTED: usize = 64;

pub(super) struct Repairs {
    /// For messages: `user` or `plugin`.
    kind: &'static str,
    store: Arc<dyn PublicKeyStore>,
    /// How long a key is listed.
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

    /// Removes the expired rows with these kids.
    pub(super) fn remove(&self, expired: Vec<String>, now: Timestamp) {
        if expired.is_empty() || !is_time(&mut self.done.lock().removed, now) {
            return;
        }
        let store = Arc::clone(&self.store);
        // Without a runtime, a later call does it.
        let _ = spawn(async move {
            if let Err(error) = with_timeout(store.remove(expired)).await {
                tracing::warn!(target: "tower_alb_auth", "removing expired public keys failed: {error}");
            }
        });
    }

    /// Publishes keys of this process again. A store can lose them: by a failover to a database that
    /// lacks the last rows, or by a replica that considers them expired, because its clock is ahead or
    /// its token lifetime is shorter. The other replicas would then reject their signatures.
    pub(super) fn restore(&self, keys: Vec<PublicJwk>, now: Timestamp) {
        if keys.is_empty() || !is_time(&mut self.done.lock().restored, now) {
            return;
        }
        for key in &keys {
            tracing::warn!(target: "tower_alb_auth", kid = key.kid(), "the signing key for {} tokens is missing from the store; publishing it again", self.kind);
        }
        let end = now.date.checked_add(self.listed_for);
        let lost = keys.into_iter().map(move |key| {
            let end = key.expires_at().or(end);
            StoredKey::new(key, now.date, end)
        });
        let (store, lost) = (Arc::clone(&self.store), lost.collect::<Vec<_>>());
        let _ = spawn(async move {
            for key in lost {
                if let Err(error) = with_timeout(store.publish(key)).await {
                    tracing::warn!(target: "tower_alb_auth", "publishing the missing signing key again failed: {error}");
                }
            }
        });
    }

    /// Reports a kid with two keys, once.
    pub(super) fn report(&self, kid: &str) {
        let mut done = self.done.lock();
        if done.reported.len() < MAX_REPORTED && done.reported.insert(kid.to_owned()) {
            tracing::error!(
                target: "tower_alb_auth",
                "two public keys for {} tokens have the kid {}: the older one is used, the other is not listed; find out what wrote it, and remove it from the store",
                self.kind,
                quoted(kid),
            );
        }
    }

    /// Whether another log line about an unavailable store is due: anyone may request the keys.
    pub(super) fn may_report(&self, now: Timestamp) -> bool {
        is_time(&mut self.done.lock().announced, now)
    }
}

/// Whether it is due again; if so, it counts as done.
fn is_time(last: &mut Option<Instant>, now: Timestamp) -> bool {
    let since = last.map(|at| now.monotonic.saturating_duration_since(at));
    let may = since.is_none_or(|since| since >= REPAIR_INTERVAL);
    if may {
        *last = Some(now.monotonic);
    }
    may
}
