//! From headers to an identity: combines tokens, keys, caches and sign-in.
//!
//! Each decision uses one immutable [`Snapshot`] of configuration and caches, and stores its
//! results in that snapshot only. A decision is synchronous if the token is cached or its key is
//! known, and the sign-in policy returns its result at once.

mod audit;
mod denial;
pub mod explain;
#[cfg(all(test, shuttle))]
mod models;
mod outcome;
mod resolve;
mod token_cache;
#[cfg(feature = "https")]
mod with_access_token;

use std::sync::{Arc, OnceLock};

use tracing::Instrument;

#[cfg(feature = "backstage")]
pub(crate) use self::outcome::sign_in_error;
pub(crate) use self::outcome::{Authenticated, Decision, DecisionFuture, Refused};
use self::{
    outcome::{Outcome, decided, key_error, refuse},
    token_cache::{Remembered, TokenCache},
};
#[cfg(feature = "https")]
use crate::access_token::AccessTokenVerifiers;
use crate::sync::{ArcSwap, Second};
use crate::{
    alb::{OidcHeaders, OwnedValues, PublicKey, TraceId, Values},
    config::{AlbAuthConfig, IdentityHeader, Settings, TrustMatch},
    deny_list::Attached,
    error::{AuthError, AuthErrorKind},
    identity::Claims,
    keys::{KeyStore, Lookup},
    sign_in::{SignInCache, address_by},
    telemetry::{self, DecisionSpan, Warnings, audit::AuditTrail},
    token::{LastHeader, UnverifiedToken, VerifiedToken},
};

/// The state that all clones of a layer share.
pub(crate) struct Authenticator {
    current: ArcSwap<Snapshot>,
    /// Beside the snapshot: a reload keeps them.
    denied: Arc<Attached>,
    /// Of reloads and deny lists.
    audit: OnceLock<AuditTrail>,
}

/// A configuration and its caches.
pub(crate) struct Snapshot {
    config: AlbAuthConfig,
    tokens: TokenCache,
    last_header: LastHeader,
    sign_ins: Arc<SignInCache>,
    keys: Arc<KeyStore>,
    #[cfg(feature = "https")]
    access_tokens: AccessTokenVerifiers,
    warnings: Warnings,
}

impl Authenticator {
    pub(crate) fn new(config: AlbAuthConfig) -> Self {
        Self { current: ArcSwap::from_pointee(Snapshot::new(config)), denied: Arc::default(), audit: OnceLock::new() }
    }

    /// The deny lists that each decision is compared with.
    pub(crate) fn denied(&self) -> &Attached {
        &self.denied
    }

    /// The current snapshot.
    pub(crate) fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Replaces configuration and caches together. Held keys of endpoints that are still trusted
    /// are kept if the key source is the same. Requests in progress finish with the snapshot that
    /// they started with.
    pub(crate) fn reload(&self, config: AlbAuthConfig) {
        #[cfg_attr(not(feature = "https"), expect(unused_mut, reason = "access tokens are verified with https"))]
        let mut next = Snapshot::new(config);
        let current = self.current();
        next.keys.adopt(&current.keys, &next.config.key_endpoints());
        #[cfg(feature = "https")]
        next.access_tokens.adopt(&current.access_tokens);
        let next = Arc::new(next);
        self.current.store(Arc::clone(&next));
        self.audit_reload(&current, &next);
    }

    /// The decision on a request without a token, with what the request shows of the reason.
    pub(crate) fn missing(&self, why: Option<String>, trace_id: TraceId<'_>) -> Decision {
        let snapshot = self.current.load();
        let span = DecisionSpan::start(snapshot.settings().record_user, trace_id);
        let kind = AuthErrorKind::Missing;
        let error = why.map_or_else(|| AuthError::from(kind), |why| AuthError::with_detail(kind, why));
        let outcome = Err(error.into());
        span.end(decided(&outcome), trace_id, &snapshot.warnings);
        Decision::Made(outcome)
    }

    /// Decides on a request by its headers.
    pub(crate) fn decide(&self, headers: &OidcHeaders<'_>) -> Decision {
        let snapshot = self.current.load();
        let span = DecisionSpan::start(snapshot.settings().record_user, headers.trace_id());
        match Snapshot::decide(&snapshot, headers, Some(&span)) {
            Decision::Made(mut outcome) => {
                snapshot.deny(&self.denied, &mut outcome);
                span.end(decided(&outcome), headers.trace_id(), &snapshot.warnings);
                Decision::Made(outcome)
            }
            Decision::Waiting(waiting) => {
                let (inside, snapshot) = (span.span().clone(), Arc::clone(&snapshot));
                let (denied, trace_id) = (Arc::clone(&self.denied), headers.trace_id().owned());
                let ended = async move {
                    let mut outcome = waiting.await;
                    // By the lists as they are after the wait.
                    snapshot.deny(&denied, &mut outcome);
                    span.end(decided(&outcome), trace_id.get(), &snapshot.warnings);
                    outcome
                };
                Decision::Waiting(Box::pin(ended.instrument(inside)))
            }
        }
    }
}

impl Snapshot {
    fn new(config: AlbAuthConfig) -> Self {
        let settings = &config.inner;
        let (source, pinned, clock) = (settings.source.clone(), settings.pinned.clone(), settings.clock.clone());
        let keys = Arc::new(KeyStore::new(source, pinned, settings.key_limits.clone(), clock.clone()));
        let tokens = TokenCache::new(&settings.cache_limits);
        let sign_ins = Arc::new(SignInCache::new(settings.cache_limits.clone(), clock.clone()));
        #[cfg(feature = "https")]
        let access_tokens = AccessTokenVerifiers::new(settings);
        Self {
            tokens,
            last_header: LastHeader::default(),
            sign_ins,
            keys,
            #[cfg(feature = "https")]
            access_tokens,
            warnings: Warnings::new(clock),
            config,
        }
    }

    pub(crate) fn config(&self) -> &AlbAuthConfig {
        &self.config
    }

    pub(crate) fn keys(&self) -> &Arc<KeyStore> {
        &self.keys
    }

    /// Logs a mistake of the application.
    pub(crate) fn misused(&self, message: &str, trace_id: TraceId<'_>) {
        telemetry::misused(message, trace_id, &self.warnings);
    }

    /// The number of cached tokens.
    pub(crate) fn remembered_tokens(&self) -> usize {
        self.tokens.len()
    }

    fn settings(&self) -> &Settings {
        &self.config.inner
    }

    /// Decides by this snapshot. Without a span the decision is not recorded.
    fn decide(self: &Arc<Self>, headers: &OidcHeaders<'_>, span: Option<&DecisionSpan>) -> Decision {
        let token = match headers.data {
            Values::None => return refuse(AuthErrorKind::Missing),
            Values::Several { .. } => return refuse(AuthErrorKind::DuplicateHeader),
            Values::One(value) => value.as_bytes(),
        };
        let Some(now) = self.settings().clock.unix_now() else { return refuse(AuthErrorKind::ClockUnusable) };
        if let Some(span) = span
            && let Some(decision) = self.recall(token, headers.into(), now, span)
        {
            return decision;
        }
        let settings = self.settings();
        let read = UnverifiedToken::read(token, &settings.trust, &settings.token_limits, &self.last_header, now);
        let unverified = match read {
            Ok(unverified) => unverified,
            Err(error) => return Decision::Made(Err(error.into())),
        };
        if let Some(span) = span {
            span.token(unverified.kid(), unverified.trusted().signer, "miss");
        }
        match self.keys.lookup(unverified.trusted().endpoint, unverified.kid()) {
            Lookup::Ready(key, second) => self.verify(unverified, key, second, headers.into(), now),
            Lookup::Refused(error) => Decision::Made(Err(key_error(error, &unverified).into())),
            Lookup::Wait(fetch) => {
                let beside = Beside::from(headers);
                let waiting = Waiting {
                    token: token.into(),
                    identity: beside.identity.owned(),
                    access_token: OwnedValues::of(beside.access_token),
                    snapshot: Arc::clone(self),
                };
                Decision::Waiting(Box::pin(waiting.resume(fetch)))
            }
        }
    }

    /// The decision on a cached token. `None` if the token is not cached, or has to be verified
    /// again.
    fn recall(self: &Arc<Self>, token: &[u8], beside: Beside<'_>, now: u64, span: &DecisionSpan) -> Option<Decision> {
        let remembered = self.tokens.find(token)?;
        let trusted = self.settings().trust.at(remembered.index)?;
        // Checked before the key lookup, which may start a refresh: an expired token must cause no
        // fetch.
        if let Err(error) = remembered.token.check_time(now, &self.settings().token_limits) {
            span.token(remembered.kid, trusted.signer, "hit");
            self.tokens.remove(token);
            return Some(Decision::Made(Err(error.into())));
        }
        match self.keys.lookup(trusted.endpoint, remembered.kid) {
            Lookup::Ready(key, second) if Arc::ptr_eq(&key, &remembered.key) => {
                self.keys.proven(trusted.endpoint, remembered.kid, &key, second);
            }
            // The key was replaced or dropped, or has to be fetched: verify the token like a new
            // one.
            _ => {
                self.tokens.remove(token);
                return None;
            }
        }
        span.token(remembered.kid, trusted.signer, "hit");
        Some(self.sign_in(trusted, remembered.token.into_claims(), beside))
    }

    fn verify(
        self: &Arc<Self>,
        unverified: UnverifiedToken<'_, '_>,
        key: Arc<PublicKey>,
        second: Second,
        beside: Beside<'_>,
        now: u64,
    ) -> Decision {
        let (received, kid, trusted) = (unverified.received(), unverified.kid(), unverified.trusted());
        let token = match unverified.verify(&key, now) {
            Ok(token) => token,
            Err(error) => return Decision::Made(Err(error.into())),
        };
        self.keys.proven(trusted.endpoint, kid, &key, second);
        let token = match address_by(&trusted.entry.policy.addresses, token.claims()) {
            Some(address) => token.map_claims(|claims| claims.with_address(address)),
            None => token,
        };
        let remembered = Remembered { token: VerifiedToken::clone(&token), kid, key, index: trusted.index };
        self.tokens.insert(received, remembered);
        self.sign_in(trusted, token.into_claims(), beside)
    }

    /// Applies the sign-in policy of the entry that the token matched, after the checks of the headers
    /// beside the token.
    fn sign_in(self: &Arc<Self>, trusted: TrustMatch<'_>, claims: Claims, beside: Beside<'_>) -> Decision {
        let identity = beside.identity;
        if self.settings().identity_header == IdentityHeader::MustMatch && !identity.is_only(claims.subject()) {
            return Decision::Made(Err(Refused::of_claims(AuthErrorKind::IdentityMismatch.into(), claims)));
        }
        if claims.has_subject_of_all_users() {
            let error = AuthError::with_detail(
                AuthErrorKind::SignInRefused,
                "the claim sub is Azure AD B2C's placeholder, which is the same for all users: configure the user flow to \
                 send the object id as sub (properties, token compatibility settings, Subject (sub) claim: ObjectID)",
            );
            return Decision::Made(Err(Refused::of_claims(error, claims)));
        }
        #[cfg(feature = "https")]
        if let Some(verifier) = self.access_tokens.of(trusted.index) {
            return self.sign_in_with_access_token(verifier, trusted, claims, beside.access_token);
        }
        self.resolve(trusted, claims)
    }
}

/// The token of a request while its key is fetched.
struct Waiting {
    token: Box<[u8]>,
    identity: Option<Box<[u8]>>,
    access_token: OwnedValues,
    snapshot: Arc<Snapshot>,
}

/// The headers beside the token that a decision reads.
#[derive(Clone, Copy)]
struct Beside<'h> {
    identity: Values<'h>,
    access_token: Values<'h>,
}

impl<'h> From<&OidcHeaders<'h>> for Beside<'h> {
    #[inline]
    fn from(headers: &OidcHeaders<'h>) -> Self {
        Self { identity: headers.identity, access_token: headers.access_token }
    }
}

impl Waiting {
    async fn resume(self, fetch: crate::keys::KeyFuture) -> Outcome {
        let fetched = fetch.await;
        let decision = {
            let settings = self.snapshot.settings();
            let now = settings.clock.unix_now().ok_or(AuthErrorKind::ClockUnusable)?;
            // Parsed again instead of kept: it takes a microsecond, and time has passed.
            let last = &self.snapshot.last_header;
            let unverified = UnverifiedToken::read(&self.token, &settings.trust, &settings.token_limits, last, now)?;
            let key = fetched.map_err(|error| key_error(error, &unverified))?;
            let identity = self.identity.as_deref().and_then(|bytes| http::HeaderValue::from_bytes(bytes).ok());
            let identity = identity.as_ref().map_or(Values::None, Values::One);
            let beside = Beside { identity, access_token: self.access_token.values() };
            let second = self.snapshot.keys.second();
            self.snapshot.verify(unverified, key, second, beside, now)
        };
        match decision {
            Decision::Made(outcome) => outcome,
            Decision::Waiting(waiting) => waiting.await,
        }
    }
}

impl Values<'_> {
    /// Whether there is no value, or all values are this text.
    fn is_only(&self, text: &str) -> bool {
        match self {
            Self::None => true,
            Self::One(value) => value.as_bytes() == text.as_bytes(),
            Self::Several { first, equal } => *equal && first.as_bytes() == text.as_bytes(),
        }
    }

    /// One value for all of them. If they differ, an empty value, which no subject equals.
    fn owned(&self) -> Option<Box<[u8]>> {
        match self {
            Self::None => None,
            Self::One(value) | Self::Several { first: value, equal: true } => Some(value.as_bytes().into()),
            Self::Several { equal: false, .. } => Some(Box::default()),
        }
    }
}
