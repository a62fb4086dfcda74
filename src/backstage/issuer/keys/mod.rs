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
//! | the row of a key of this process is missing | published again |
//! | a row of this crate that is older than the [`renewal`] allows | its time of creation is renewed until the key's last token has expired, so that a stock replica with a shorter token lifetime does not drop it |
//! | the first key, while other processes use the store | it signs at once, but the process is not ready for [`COOL_DOWN`] |
//! | the first key, with no other process on the store, or a key that was listed before | ready at once |
//! | two rows with one kid and different keys | the older one is used, the other is rejected and reported |
//!
//! No background task is required: each call does what is due.

mod from_files;
mod generated;
mod listing;
#[cfg(all(test, shuttle))]
mod models;
mod renewal;
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
    renewal::Renewal,
    repairs::Repairs,
    schedule::{COOL_DOWN, Schedule, Timestamp},
    source::KeySource,
};
use super::{error::IssueError, signing_key::SigningKey, signing_keys::Entry};
use crate::{
    AuditTrail, Clock,
    backstage::{
        PublicJwk,
        store::{PublicKeyStore, StoreError},
    },
    internal::{
        Mutex, SharedClock, SingleFlight, spawn,
        telemetry::audit::{Details, What},
    },
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
    /// Whether the keys come from files, so that they are the same after a restart.
    from_files: bool,
    store: Arc<dyn PublicKeyStore>,
    clock: SharedClock,
    source: Mutex<Box<dyn KeySource>>,
    state: Mutex<State>,
    listings: Listings,
    repairs: Repairs,
    renewal: Renewal,
    audit: Option<AuditTrail>,
    in_flight: SingleFlight<(), Result<(), IssueError>>,
}

#[derive(Default)]
struct State {
    failure: Option<Failure>,
    /// Before this time a verifier may still be in its cool-down and reject new signatures.
    known_from: Option<Instant>,
}

struct Failure {
    error: IssueError,
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
        audit: Option<AuditTrail>,
    ) -> Arc<Self> {
        let schedule = Schedule::of(lifetime);
        let from_files = files.is_some();
        let source: Box<dyn KeySource> = match files {
            Some(keys) => Box::new(FromFiles::new(schedule, keys)),
            None => Box::new(Generated::new(schedule)),
        };
        Arc::new(Self {
            kind,
            from_files,
            store: Arc::clone(&store),
            clock: clock.clone(),
            source: Mutex::new(source),
            state: Mutex::default(),
            listings: Listings::new(Arc::clone(&store), clock.clone()),
            repairs: Repairs::new(kind, Arc::clone(&store), schedule.listed_for()),
            renewal: Renewal::new(store),
            audit,
            in_flight: SingleFlight::new(MAX_FLIGHT_WAIT, clock),
        })
    }

    /// The signing key. It is published.
    pub(super) async fn signing_key(self: &Arc<Self>) -> Result<Arc<SigningKey>, IssueError> {
        if let Some(key) = self.signer() {
            self.maintain_in_background();
            return Ok(key);
        }
        // Even if publishing the next key fails, the first one may be published.
        let maintained = self.maintain().await;
        let none = || IssueError::Clock("no signing key is valid now: the clock was changed");
        self.signer().ok_or_else(|| maintained.err().unwrap_or_else(none))
    }

    /// Does what is due, shared with all concurrent callers.
    async fn maintain(self: &Arc<Self>) -> Result<(), IssueError> {
        let ring = Arc::clone(self);
        let Ok(waiter) =
            self.in_flight.join((), || Ok::<_, std::convert::Infallible>(async move { ring.run_maintenance().await }));
        waiter.wait().await.map_err(|_| IssueError::Interrupted)?
    }

    /// The same in the background, for requests that need not wait.
    pub(super) fn maintain_in_background(self: &Arc<Self>) {
        let now = self.now();
        if self.renewal.is_due(now) {
            let ring = Arc::clone(self);
            // Without a runtime, a later call does it.
            let _ = spawn(async move { ring.renew().await });
        }
        for kid in self.source.lock().take_retired() {
            self.record(What::KeyRetired, &kid);
        }
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
        let published = self.published();
        let listing = match (self.listings.fresh().await, self.listings.last()) {
            (Ok(listing), _) => {
                self.restore_missing(published, &listing);
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

    /// Whether a key with this kid is known without a query of the store.
    pub(super) fn lists(&self, kid: &str) -> bool {
        let now = self.now();
        self.source.lock().listed(now).iter().any(|key| key.kid() == kid) || self.listings.lists(kid, now.date)
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
                "the signing key for {kind} tokens is new, and other replicas are running: back ends that have just fetched their \
                 key set do not fetch it again for 30 s and reject the new key; ready {} s after the key was published",
                COOL_DOWN.as_secs()
            )),
            _ => None,
        }
    }

    /// How long this issuer waits for verifiers to learn its first key.
    pub(super) fn waits_for_verifiers(&self) -> Option<Duration> {
        let now = self.now().monotonic;
        self.signer()?;
        let left = self.state.lock().known_from?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Why the last maintenance failed.
    pub(super) fn failure(&self) -> Option<IssueError> {
        self.state.lock().failure.as_ref().map(|failure| failure.error.clone())
    }

    fn signer(&self) -> Option<Arc<SigningKey>> {
        self.source.lock().signer(self.now())
    }

    /// Publishes keys of this process again that the store has lost.
    fn restore_missing(&self, published: Vec<PublicJwk>, listing: &Listing) {
        let now = self.now();
        let is_needed = |key: &PublicJwk| key.expires_at().is_none_or(|end| now.date < end);
        let missing = published.into_iter().filter(|key| is_needed(key) && !listing.has(key.kid()));
        self.repairs.restore(missing.collect(), now);
    }

    /// The keys of this process that the store should have.
    fn published(&self) -> Vec<PublicJwk> {
        match self.from_files {
            // The others may not have been published yet.
            true => self.signer().map(|key| key.public().clone()).into_iter().collect(),
            false => self.source.lock().listed(self.now()),
        }
    }

    /// Renews the rows of this crate, those of other processes too: they may have ended while their
    /// tokens are valid.
    async fn renew(&self) {
        let (published, listed) = (self.published(), self.source.lock().listed(self.now()));
        // An unavailable store is reported where its list is needed.
        let Ok(listing) = self.listings.fresh().await else { return };
        let now = self.now();
        self.renewal.renew(listing.to_renew(&listed, now.date), now).await;
        self.restore_missing(published, &listing);
    }

    async fn run_maintenance(self: Arc<Self>) -> Result<(), IssueError> {
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

    async fn publish_due(&self) -> Result<(), IssueError> {
        for _ in 0..MAX_AT_ONCE {
            let Some(publication) = self.source.lock().publication(self.now())? else { break };
            let signs_at_once = self.signer().is_none();
            let kid = publication.key.kid().to_owned();
            let was_known = signs_at_once && self.from_files && self.is_known_to_verifiers(&kid).await;
            with_timeout(self.store.publish(publication)).await?;
            if signs_at_once && !was_known {
                // Set before it signs; otherwise this would report ready for as long as the store
                // takes.
                self.wait_for_verifiers(&kid).await;
            }
            self.source.lock().published(&kid, self.now());
            self.record(What::KeyPublished, &kid);
            tracing::info!(target: "tower_alb_auth", kid, "published a signing key for {} tokens", self.kind);
        }
        Ok(())
    }

    /// Whether each verifier has had the time to fetch this key: a key from files, after a restart.
    async fn is_known_to_verifiers(&self, kid: &str) -> bool {
        let listing = self.listings.fresh().await;
        let now = self.now().date;
        listing.is_ok_and(|listing| listing.age(kid, now).is_some_and(|age| age >= COOL_DOWN))
    }

    /// A key that signs at once is unknown to verifiers that recently fetched the key set from
    /// another replica. If no other process uses the store, then there is no such replica: waiting
    /// would take the service away from all users at each restart, to spare those 30 s whose back
    /// end has fetched the key set in the last seconds of the previous process.
    async fn wait_for_verifiers(&self, kid: &str) {
        let now = self.now();
        let has_others = |listing: Arc<Listing>| listing.live(now.date).any(|key| key.kid() != kid);
        let has_others = self.listings.fresh().await.map_or(true, has_others);
        if has_others && with_timeout(self.store.has_other_processes()).await.unwrap_or(true) {
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

    fn record(&self, what: What, kid: &str) {
        if let Some(trail) = &self.audit {
            let entity = Some(format!("{} tokens", self.kind));
            trail.record(what, None, || Details { entity, kid: Some(kid.to_owned()), ..Details::default() });
        }
    }

    fn warn(&self, what: &str, error: &dyn std::fmt::Display) {
        tracing::warn!(target: "tower_alb_auth", "{} tokens: {what}: {error}", self.kind);
    }

    fn now(&self) -> Timestamp {
        Timestamp { date: self.clock.now(), monotonic: self.clock.monotonic() }
    }
}
