//! The layer's own result for a token, by the same authenticator and with the same messages.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use http::{HeaderMap, HeaderValue};

use crate::{
    AuthError, AuthErrorKind, Clock, Kid,
    config::{AlbAuthConfig, Settings},
    internal::{Authenticated, Authenticator, DATA, Decision, OidcHeaders, PublicKey, SharedClock, UnverifiedToken},
    keys::{KeyId, Lookup},
};

/// What the layer would do with a request that carries the token.
pub(super) type LayerResult = Result<Authenticated, AuthError>;

/// An authenticator and its configuration.
pub(super) struct LayerCheck {
    config: AlbAuthConfig,
    authenticator: Authenticator,
}

impl LayerCheck {
    pub(super) fn new(config: AlbAuthConfig) -> Self {
        Self { authenticator: Authenticator::new(config.clone()), config }
    }

    /// Checks the token. Fetches the key if the configuration has a key source.
    pub(super) async fn check(&self, token: &str) -> LayerResult {
        // HTTP does not transport a text that is not a valid header value.
        let value = HeaderValue::from_str(token).map_err(|_| AuthErrorKind::Malformed)?;
        let headers = HeaderMap::from_iter([(DATA, value)]);
        match self.authenticator.decide(&OidcHeaders::scan(&headers)) {
            Decision::Made(outcome) => outcome,
            Decision::Waiting(waiting) => waiting.await,
        }
    }

    /// The key that the token was checked with, if one is held.
    pub(super) fn key_of(&self, token: &str) -> Option<Arc<PublicKey>> {
        let settings = &self.config.inner;
        let now = settings.clock.unix_now()?;
        let unverified = UnverifiedToken::read(token.as_bytes(), &settings.trust, &settings.token_limits, now).ok()?;
        let snapshot = self.authenticator.current();
        match snapshot.keys().lookup(unverified.trusted().endpoint, unverified.kid()) {
            Lookup::Ready(key, _) => Some(key),
            Lookup::Wait(_) | Lookup::Refused(_) => None,
        }
    }
}

/// The configuration with this key for every endpoint, and no key source.
pub(super) fn with_key(config: &AlbAuthConfig, kid: Option<Kid>, key: Arc<PublicKey>) -> AlbAuthConfig {
    changed(config, |settings| {
        settings.source = None;
        let endpoints = settings.trust.endpoints().into_iter();
        let everywhere = endpoints.filter_map(|endpoint| Some((KeyId { endpoint, kid: kid? }, Arc::clone(&key))));
        settings.pinned = everywhere.collect();
    })
}

/// The configuration with the clock stopped at this time.
pub(super) fn at(config: &AlbAuthConfig, unix: u64) -> AlbAuthConfig {
    changed(config, |settings| settings.clock = SharedClock::new(Stopped(unix)))
}

/// The configuration with this change.
pub(super) fn changed(config: &AlbAuthConfig, change: impl FnOnce(&mut Settings)) -> AlbAuthConfig {
    let mut settings = Settings::clone(&config.inner);
    change(&mut settings);
    AlbAuthConfig { inner: Arc::new(settings) }
}

/// A clock that stands still.
struct Stopped(u64);

impl Clock for Stopped {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(self.0)).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    fn monotonic(&self) -> Instant {
        Instant::now()
    }
}
