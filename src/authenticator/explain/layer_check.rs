//! The layer's own result for a request, by the same authenticator and with the same messages.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use http::HeaderMap;

use super::checks::{Failure, Step};
use crate::{
    alb::{Kid, OidcHeaders, PublicKey, Values},
    authenticator::{Authenticated, Decision, Refused, Snapshot},
    config::{AlbAuthConfig, Settings},
    error::AuthErrorKind,
    keys::{KeyId, Lookup},
    sync::{Clock, SharedClock},
    token::UnverifiedToken,
};

/// A configuration with keys and caches of its own, which no layer uses.
pub(super) struct LayerCheck(Arc<Snapshot>);

impl LayerCheck {
    pub(super) fn new(config: AlbAuthConfig) -> Self {
        Self(Arc::new(Snapshot::new(config)))
    }

    /// What the layer does with a request that has these headers. Fetches the key if the
    /// configuration has a key source. Records no span and counts no decision, because none is
    /// made.
    pub(super) async fn check(&self, headers: &HeaderMap) -> Result<Authenticated, Failure> {
        let decision = Snapshot::decide(&self.0, &OidcHeaders::scan(headers), None);
        let outcome = match decision {
            Decision::Made(outcome) => outcome,
            Decision::Waiting(waiting) => waiting.await,
        };
        outcome.map_err(|Refused { error, .. }| {
            let in_header = error.kind() == AuthErrorKind::DuplicateMember && self.header_has_duplicate(headers);
            Failure { step: Step::of(error.kind(), in_header), error }
        })
    }

    /// The key that the token was checked with, if one is held.
    pub(super) fn key_of(&self, headers: &HeaderMap) -> Option<Arc<PublicKey>> {
        let unverified = self.read(headers)?.ok()?;
        match self.0.keys().lookup(unverified.trusted().endpoint, unverified.kid()) {
            Lookup::Ready(key, _) => Some(key),
            Lookup::Wait(_) | Lookup::Refused(_) => None,
        }
    }

    /// Claims are read after the signature, so an error before that is one of the JOSE header.
    fn header_has_duplicate(&self, headers: &HeaderMap) -> bool {
        let error = self.read(headers).and_then(Result::err);
        error.is_some_and(|error| error.kind() == AuthErrorKind::DuplicateMember)
    }

    fn read<'t>(&self, headers: &'t HeaderMap) -> Option<Result<UnverifiedToken<'t, '_>, crate::error::AuthError>> {
        let Values::One(token) = OidcHeaders::scan(headers).data else { return None };
        let settings = self.0.settings();
        let now = settings.clock.unix_now()?;
        Some(UnverifiedToken::read(token.as_bytes(), &settings.trust, &settings.token_limits, &self.0.last_header, now))
    }
}

/// Whether the keys for access tokens are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IssuerKeys {
    Fetched,
    NotFetched,
}

/// The configuration with this key for every endpoint, and no key source.
pub(super) fn with_key(
    config: &AlbAuthConfig,
    kid: Option<Kid>,
    key: &Arc<PublicKey>,
    issuer_keys: IssuerKeys,
) -> AlbAuthConfig {
    changed(config, |settings| {
        settings.source = None;
        if issuer_keys == IssuerKeys::NotFetched {
            #[cfg(feature = "https")]
            settings.trust.fetch_no_issuer_keys();
        }
        let endpoints = settings.trust.endpoints().into_iter();
        let everywhere = endpoints.filter_map(|endpoint| Some((KeyId { endpoint, kid: kid? }, Arc::clone(key))));
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
