//! The signing keys for one kind of token, and the public keys of all replicas.
//!
//! | situation | what happens |
//! |---|---|
//! | no key yet | one key is generated and published, no matter how many requests wait for it; then it signs |
//! | the key ends soon | its successor is published in the background, and signs once it has been listed long enough |
//! | store unavailable, the key is valid | it keeps signing, up to the last time that the [`schedule`] allows; publishing is retried at growing intervals |
//! | store unavailable, no valid key | [`StoreError`]; the next call retries |
//! | store unavailable, a request for the public keys | the last list, without expired keys |
//! | an expired row | not listed, and removed from the store |
//! | the signing key's row is missing | published again |
//! | two rows with one kid and different keys | the older one is used, the other is rejected and reported |
//!
//! No background task is required: each call does what is due.

mod from_files;
mod generated;
mod listing;
mod repairs;
mod schedule;
mod source;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use self::{
    from_files::FromFiles,
    generated::Generated,
    listing::{Listing, Listings, with_timeout},
    repairs::Repairs,
    schedule::{COOL_DOWN, Schedule, Timestamp},
    source::KeySource,
};
use super::{signing_key::SigningKey, signing_keys::Entry};
use crate::{
    Clock,
    backstage::{
        PublicJwk,
        store::{PublicKeyStore, StoreError},
    },
    internal::{Mutex, SharedClock, SingleFlight},
};

/// Longer than the store's own timeouts allow for publishing everything that can be due.
const MAX_FLIGHT_WAIT: Duration = Duration::from_secs(60);
/// Maximum number of keys that are published in one go.
const MAX_AT_ONCE: usize = 64;
/// Delays between background retries.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const MAX_WAIT: Duration = Duration::from_secs(30);

pub(super) struct KeyRing {
    /// For messages: `user` or `plugin`.
    kind: &'static str,
    store: Arc<dyn PublicKeyStore>,
    clock: SharedClock,
    source: Mutex<Box<dyn KeySource>>,
    state: Mutex<State>,
    listings: Listings,
    repairs: Repairs,
    in_flight: SingleFlight<(), Result<(), StoreError>>,
}

#[derive(Default)]
struct State {
    failure: Option<Failure>,
    /// Before this time a verifier may still be in its cool-down and reject new signatures.
    known_from: Option<Instant>,
}

struct Failure {
    error: StoreError,
    again_at: Instant,
    wait: Duration,
}

impl KeyRing {
    /// For generated keys, or for those from files. `lifetime` is that of a token.
    pub(super) fn new(
        kind: &'static str,
        store: Arc<dyn PublicKeyStore>,
        clock: SharedClock,
        lifetime: Duration,
        files: Option<Vec<Entry>>,
    ) -> Arc<Self> {
        let schedule = Schedule::of(lifetime);
        let source: Box<dyn KeySource> = match files {
            Some(keys) => Box::new(FromFiles::new(schedule, keys)),
            None => Box::new(Generated::new(schedule)),
        };
        Arc::new(Self {
            kind,
            store: Arc::clone(&store),
            clock: clock.clone(),
            source: Mutex::new(source),
            state: Mutex::default(),
            listings: Listings::new(Arc::clone(&store), clock.clone(), schedule.listed_for()),
            repairs: Repairs::new(kind, store, schedule.listed_for()),
            in_flight: SingleFlight::new(MAX_FLIGHT_WAIT, clock),
        })
    }

    /// The signing key. It is published.
    pub(super) async fn signing_key(self: &Arc<Self>) -> Result<Arc<SigningKey>, StoreError> {
        if let Some(key) = self.signer() {
            self.maintain_in_background();
            return Ok(key);
        }
        // Even if publishing the next key fails, the first one may be published.
        let maintained = self.maintain().await;
        let none = || StoreError::new("no signing key is valid now: the clock was changed");
        self.signer().ok_or_else(|| maintained.err().unwrap_or_else(none))
    }

    /// Does what is due, shared with all concurrent callers.
    async fn maintain(self: &Arc<Self>) -> Result<(), StoreError> {
        let ring = Arc::clone(self);
        let Ok(waiter) =
            self.in_flight.join((), || Ok::<_, std::convert::Infallible>(async move { ring.run_maintenance().await }));
        let cut_short = |_| StoreError::new("publishing a signing key was interrupted: the runtime shut down");
        waiter.wait().await.map_err(cut_short)?
    }

    /// The same in the background, for requests that need not wait.
    pub(super) fn maintain_in_background(self: &Arc<Self>) {
        let now = self.now();
        let may_try = self.state.lock().failure.as_ref().is_none_or(|failure| now.monotonic >= failure.again_at);
        if may_try && self.source.lock().is_due(now) {
            let ring = Arc::clone(self);
            // Nothing waits for the result; the task runs on its own.
            let _ = self
                .in_flight
                .join((), || Ok::<_, std::convert::Infallible>(async move { ring.run_maintenance().await }));
        }
    }

    /// The public keys of all replicas, as currently stored.
    pub(super) async fn public_keys(self: &Arc<Self>) -> Result<Vec<PublicJwk>, StoreError> {
        if self.signer().is_some() {
            self.maintain_in_background();
        }
        // Publish before querying the store, so that the result includes the key.
        let signer = self.signer();
        let listing = match (self.listings.fresh().await, self.listings.last()) {
            (Ok(listing), _) => {
                if let Some(key) = signer.filter(|key| !listing.has(key.public().kid())) {
                    self.repairs.restore(key.public().clone(), self.now());
                }
                listing
            }
            (Err(error), Some(last)) => {
                // Anyone may request the keys, so not every failure is logged.
                if self.repairs.may_report(self.now()) {
                    self.warn("the last listed public keys are served", &error);
                }
                last
            }
            (Err(error), None) => return Err(error),
        };
        let now = self.now();
        self.repairs.remove(listing.expired(now.date), now);
        let own = self.source.lock().listed(now);
        Ok(self.union(own, &listing, now))
    }

    /// The public key with this kid. `None` if no replica has published it.
    pub(super) async fn find(&self, kid: &str) -> Result<Option<PublicJwk>, StoreError> {
        let now = self.now();
        let own = self.source.lock().listed(now).into_iter().find(|key| key.kid() == kid);
        if own.is_some() {
            return Ok(own);
        }
        self.listings.find(kid, now.date).await
    }

    /// Replaces the keys after the key files were read again. Returns whether that changed
    /// anything, or why it is not allowed.
    pub(super) fn replace(&self, keys: Vec<Entry>) -> Result<bool, String> {
        self.source.lock().replace(keys, self.now())
    }

    /// Why this issuer is not ready to sign, or `None` if it is.
    pub(super) fn not_ready(&self) -> Option<String> {
        let (now, kind) = (self.now(), self.kind);
        let signs = self.signer().is_some();
        let state = self.state.lock();
        match (&state.failure, state.known_from) {
            (Some(failure), _) if !signs => {
                Some(format!("publishing the signing key for {kind} tokens failed: {}", failure.error))
            }
            _ if !signs => Some(format!("no signing key for {kind} tokens is published yet")),
            (_, Some(known_from)) if now.monotonic < known_from => Some(format!(
                "the signing key for {kind} tokens is so new that back ends with a recently fetched key set would reject it"
            )),
            _ => None,
        }
    }

    /// Why the last maintenance failed.
    pub(super) fn failure(&self) -> Option<StoreError> {
        self.state.lock().failure.as_ref().map(|failure| failure.error.clone())
    }

    fn signer(&self) -> Option<Arc<SigningKey>> {
        self.source.lock().signer(self.now())
    }

    async fn run_maintenance(self: Arc<Self>) -> Result<(), StoreError> {
        let result = self.publish_due().await;
        let mut state = self.state.lock();
        match &result {
            Ok(()) => state.failure = None,
            Err(error) => {
                let wait = state.failure.as_ref().map_or(FIRST_WAIT, |last| last.wait.saturating_mul(2));
                let wait = wait.min(MAX_WAIT);
                let now = self.clock.monotonic();
                let again_at = now.checked_add(wait).unwrap_or(now);
                state.failure = Some(Failure { error: error.clone(), again_at, wait });
                drop(state);
                self.warn("publishing a signing key failed", error);
            }
        }
        result
    }

    async fn publish_due(&self) -> Result<(), StoreError> {
        for _ in 0..MAX_AT_ONCE {
            let Some(publication) = self.source.lock().publication(self.now())? else { break };
            let signs_at_once = self.signer().is_none();
            let kid = publication.key.kid().to_owned();
            with_timeout(self.store.publish(publication)).await?;
            if signs_at_once {
                // Set before it signs; otherwise this would report ready for as long as the store
                // takes.
                self.wait_for_verifiers(&kid).await;
            }
            self.source.lock().published(&kid, self.now());
            tracing::info!(target: "tower_alb_auth", kid, "published a signing key for {} tokens", self.kind);
        }
        Ok(())
    }

    /// A key that signs at once is unknown to verifiers that recently fetched the key set from
    /// another replica.
    async fn wait_for_verifiers(&self, kid: &str) {
        let now = self.now();
        let has_others = |listing: Arc<Listing>| listing.live(now.date).any(|key| key.kid() != kid);
        if self.listings.fresh().await.map_or(true, has_others) {
            self.state.lock().known_from = now.monotonic.checked_add(COOL_DOWN);
        }
    }

    /// Own keys first, then those of the store, each kid once.
    fn union(&self, own: Vec<PublicJwk>, listing: &Listing, now: Timestamp) -> Vec<PublicJwk> {
        let mut keys: Vec<PublicJwk> = own;
        for key in listing.live(now.date) {
            match keys.iter().find(|held| held.kid() == key.kid()) {
                None => keys.push(key.clone()),
                Some(held) if held == key => {}
                Some(_) => self.repairs.report(key.kid()),
            }
        }
        keys
    }

    fn warn(&self, what: &str, error: &StoreError) {
        tracing::warn!(target: "tower_alb_auth", "{} tokens: {what}: {error}", self.kind);
    }

    fn now(&self) -> Timestamp {
        Timestamp { date: self.clock.now(), monotonic: self.clock.monotonic() }
    }
}
