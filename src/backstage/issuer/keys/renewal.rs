//! Keeps the rows of this crate younger than any stock replica allows.
//!
//! At each read of its key set, a stock replica drops the rows of all replicas that are older than three
//! of *its* token lifetimes, 30 min at the least. A key of this crate is needed for up to three of *our*
//! lifetimes, 72 h at the most. So the time of creation of a row is renewed as long as the key is needed.
//! A row that was deleted is not created again here: an operator may have taken the key out of use.

use std::{sync::Arc, time::Instant};

use super::{
    listing::with_timeout,
    schedule::{RENEWAL_INTERVAL, Timestamp},
};
use crate::{backstage::store::PublicKeyStore, internal::Mutex};

pub(super) struct Renewal {
    store: Arc<dyn PublicKeyStore>,
    last: Mutex<Option<Instant>>,
}

impl Renewal {
    pub(super) fn new(store: Arc<dyn PublicKeyStore>) -> Self {
        Self { store, last: Mutex::default() }
    }

    /// Whether it is time for a check; if so, it counts as done. The first one is due an interval after
    /// the first call.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        let mut last = self.last.lock();
        let since = last.get_or_insert(now.monotonic);
        let is_due = now.monotonic.saturating_duration_since(*since) >= RENEWAL_INTERVAL;
        if is_due {
            *since = now.monotonic;
        }
        is_due
    }

    pub(super) async fn renew(&self, kids: Vec<String>, now: Timestamp) {
        if kids.is_empty() {
            return;
        }
        if let Err(error) = with_timeout(self.store.renew(kids, now.date)).await {
            tracing::warn!(
                target: "tower_alb_auth",
                "the rows of signing keys cannot be renewed, so a stock replica with a short token lifetime may drop them: {error}"
            );
        }
    }
}
