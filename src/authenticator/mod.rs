//! From headers to an identity: combines tokens, keys, caches and sign-in.
//!
//! Each decision uses one immutable [`Snapshot`] of configuration and caches, and stores its
//! results in that snapshot only. A decision is synchronous if the token is cached or its key is
//! known, and the sign-in policy returns its result at once.

pub mod explain;
#[cfg(all(test, shuttle))]
mod models;
mod token_cache;

use std::{pin::Pin, sync::Arc};

use tracing::Instrument;

use self::token_cache::{Remembered, TokenCache};
#[cfg(feature = "https")]
use crate::access_token::{AccessTokenVerifier, AccessTokenVerifiers, Checked};
use crate::sync::{ArcSwap, Second};
use crate::{
    alb::{OidcHeaders, OwnedValues, PublicKey, Values},
    config::{AlbAuthConfig, IdentityHeader, Naming, Settings, TrustMatch},
    deny_list::{Attached, DeniedUser, Hit},
    error::{AuthError, AuthErrorKind},
    identity::{BackstageIdentity, Claims},
    keys::{KeyError, KeyStore, Lookup},
    sign_in::{CachedSignIn, Resolution, SignIn, SignInCache, SignInError, SignInErrorKind},
    sync::catch_panic,
    telemetry::{self, Decided, DecisionSpan, Warnings},
    token::{UnverifiedToken, VerifiedToken},
};

/// The state that all clones of a layer share.
pub(crate) struct Authenticator {
    current: ArcSwap<Snapshot>,
    /// Beside the snapshot: a reload keeps them.
    denied: Arc<Attached>,
}

/// A configuration and its caches.
pub(crate) struct Snapshot {
    config: AlbAuthConfig,
    tokens: TokenCache,
    sign_ins: Arc<SignInCache>,
    keys: Arc<KeyStore>,
    #[cfg(feature = "https")]
    access_tokens: AccessTokenVerifiers,
    warnings: Warnings,
}

/// The user of a verified token.
pub(crate) enum Authenticated {
    User(BackstageIdentity),
    /// The policy names no users.
    ClaimsOnly(Claims),
    /// The policy names users, but returned none for these claims.
    NoMatch(Claims),
}

impl Authenticated {
    pub(crate) fn claims(&self) -> &Claims {
        match self {
            Self::User(identity) => identity.claims(),
            Self::ClaimsOnly(claims) | Self::NoMatch(claims) => claims,
        }
    }

    pub(crate) fn claims_mut(&mut self) -> &mut Claims {
        match self {
            Self::User(identity) => identity.claims_mut(),
            Self::ClaimsOnly(claims) | Self::NoMatch(claims) => claims,
        }
    }
}

impl<'a> From<&'a Authenticated> for DeniedUser<'a> {
    fn from(authenticated: &'a Authenticated) -> Self {
        match authenticated {
            Authenticated::User(identity) => identity.into(),
            Authenticated::ClaimsOnly(claims) | Authenticated::NoMatch(claims) => claims.into(),
        }
    }
}

type Outcome = Result<Authenticated, AuthError>;

/// A decision, or a future of it.
pub(crate) enum Decision {
    Made(Outcome),
    Waiting(DecisionFuture),
}

/// A decision that waits for a key or for the sign-in policy. Borrows nothing.
pub(crate) type DecisionFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

impl Authenticator {
    pub(crate) fn new(config: AlbAuthConfig) -> Self {
        Self { current: ArcSwap::from_pointee(Snapshot::new(config)), denied: Arc::default() }
    }

    /// The deny lists that each decision is compared with.
    pub(crate) fn denied(&self) -> &Attached {
        &self.denied
    }

    /// Why this user is shut out, if a deny list names the user now.
    pub(crate) fn denial(&self, user: DeniedUser<'_>) -> Option<AuthError> {
        self.current.load().denial(&self.denied, user)
    }

    /// As [`denial`](Self::denial), by the entity ref alone.
    #[cfg(feature = "backstage")]
    pub(crate) fn denial_of(&self, user: &crate::identity::EntityRef) -> Option<AuthError> {
        let now = self.current.load().settings().clock.unix_now();
        self.denied.find_user(user, now).map(|hit| denied_by(&hit))
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
        self.current.store(Arc::new(next));
    }

    /// The decision on a request without a token, with what the request shows of the reason.
    pub(crate) fn missing(&self, why: Option<String>) -> Decision {
        let snapshot = self.current.load();
        let span = DecisionSpan::start(snapshot.settings().record_user);
        let kind = AuthErrorKind::Missing;
        let outcome = Err(why.map_or_else(|| kind.into(), |why| AuthError::with_detail(kind, why)));
        span.end(decided(&outcome), &snapshot.warnings);
        Decision::Made(outcome)
    }

    /// Decides on a request by its headers.
    pub(crate) fn decide(&self, headers: &OidcHeaders<'_>) -> Decision {
        let snapshot = self.current.load();
        let span = DecisionSpan::start(snapshot.settings().record_user);
        match Snapshot::decide(&snapshot, headers, Some(&span)) {
            Decision::Made(mut outcome) => {
                snapshot.deny(&self.denied, &mut outcome);
                span.end(decided(&outcome), &snapshot.warnings);
                Decision::Made(outcome)
            }
            Decision::Waiting(waiting) => {
                let (inside, snapshot) = (span.span().clone(), Arc::clone(&snapshot));
                let denied = Arc::clone(&self.denied);
                let ended = async move {
                    let mut outcome = waiting.await;
                    // By the lists as they are after the wait.
                    snapshot.deny(&denied, &mut outcome);
                    span.end(decided(&outcome), &snapshot.warnings);
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
    pub(crate) fn misused(&self, message: &str) {
        telemetry::misused(message, &self.warnings);
    }

    /// The number of cached tokens.
    pub(crate) fn remembered_tokens(&self) -> usize {
        self.tokens.len()
    }

    /// Refuses a user whom a deny list names. The one place for it: each decision passes here, however it was made.
    #[inline]
    fn deny(&self, denied: &Attached, outcome: &mut Outcome) {
        let Ok(authenticated) = &*outcome else { return };
        if let Some(error) = self.denial(denied, authenticated.into()) {
            *outcome = Err(error);
        } else if let Authenticated::ClaimsOnly(_) = authenticated {
            denied.warn_of_unnamed_user();
        }
    }

    #[inline]
    fn denial(&self, denied: &Attached, user: DeniedUser<'_>) -> Option<AuthError> {
        let hit = denied.find(user, || self.settings().clock.unix_now()).or_else(|| self.find_address(denied, user))?;
        Some(denied_by(&hit))
    }

    /// An entry by email denies the user whom the sign-in policy knows by that address, in whichever claim it is.
    #[inline]
    fn find_address(&self, denied: &Attached, DeniedUser { claims, .. }: DeniedUser<'_>) -> Option<Hit> {
        if !denied.names_emails() {
            return None;
        }
        let settings = self.settings();
        settings.trust.email_claims(claims.issuer()).find_map(|claim| match claim.read(claims) {
            Ok(address) => denied.find_address(&address?, settings.clock.unix_now()),
            Err(error) => Some(Hit::AddressIsUnread(error.message().into())),
        })
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
        let unverified = match UnverifiedToken::read(token, &self.settings().trust, &self.settings().token_limits, now)
        {
            Ok(unverified) => unverified,
            Err(error) => return Decision::Made(Err(error)),
        };
        if let Some(span) = span {
            span.token(unverified.kid(), unverified.trusted().signer, "miss");
        }
        match self.keys.lookup(unverified.trusted().endpoint, unverified.kid()) {
            Lookup::Ready(key, second) => self.verify(unverified, key, second, headers.into(), now),
            Lookup::Refused(error) => Decision::Made(Err(key_error(error, &unverified))),
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
            return Some(Decision::Made(Err(error)));
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
        let (kid, trusted) = (unverified.kid(), unverified.trusted());
        let token = match unverified.verify(&key, now) {
            Ok(token) => token,
            Err(error) => return Decision::Made(Err(error)),
        };
        self.keys.proven(trusted.endpoint, kid, &key, second);
        let remembered = Remembered { token: VerifiedToken::clone(&token), kid, key, index: trusted.index };
        self.tokens.insert(remembered);
        self.sign_in(trusted, token.into_claims(), beside)
    }

    /// Applies the sign-in policy of the entry that the token matched, after the checks of the headers
    /// beside the token.
    fn sign_in(self: &Arc<Self>, trusted: TrustMatch<'_>, claims: Claims, beside: Beside<'_>) -> Decision {
        let identity = beside.identity;
        if self.settings().identity_header == IdentityHeader::MustMatch && !identity.is_only(claims.subject()) {
            return refuse(AuthErrorKind::IdentityMismatch);
        }
        if claims.has_subject_of_all_users() {
            return Decision::Made(Err(AuthError::with_detail(
                AuthErrorKind::SignInRefused,
                "the claim sub is Azure AD B2C's placeholder, which is the same for all users: configure the user flow to \
                 send the object id as sub (properties, token compatibility settings, Subject (sub) claim: ObjectID)",
            )));
        }
        #[cfg(feature = "https")]
        if let Some(verifier) = self.access_tokens.of(trusted.index) {
            return self.sign_in_with_access_token(verifier, trusted, claims, beside.access_token);
        }
        self.resolve(trusted, claims)
    }

    /// Verifies the access token before the policy is applied.
    #[cfg(feature = "https")]
    fn sign_in_with_access_token(
        self: &Arc<Self>,
        verifier: &Arc<AccessTokenVerifier>,
        trusted: TrustMatch<'_>,
        claims: Claims,
        access_token: Values<'_>,
    ) -> Decision {
        match verifier.check(access_token, claims.subject()) {
            Checked::Ready(Ok(access_token)) => self.resolve(trusted, claims.with_access_token(access_token)),
            Checked::Ready(Err(error)) => Decision::Made(Err(error)),
            Checked::Waiting(checked) => {
                let (snapshot, index) = (Arc::clone(self), trusted.index);
                Decision::Waiting(Box::pin(async move {
                    let claims = claims.with_access_token(checked.await?);
                    let decision = {
                        let trusted = snapshot.settings().trust.at(index);
                        snapshot.resolve(trusted.ok_or(AuthErrorKind::UntrustedSigner)?, claims)
                    };
                    match decision {
                        Decision::Made(outcome) => outcome,
                        Decision::Waiting(waiting) => waiting.await,
                    }
                }))
            }
        }
    }

    /// Applies the sign-in policy.
    fn resolve(self: &Arc<Self>, trusted: TrustMatch<'_>, claims: Claims) -> Decision {
        let entry = trusted.entry;
        let future = match catch_panic(|| entry.sign_in.resolve(&claims)) {
            Some(Resolution::Ready(result)) => return Decision::Made(accept(claims, result, entry.naming())),
            Some(Resolution::Waiting(future)) => future,
            None => {
                return Decision::Made(Err(AuthError::with_detail(
                    AuthErrorKind::SignInUnavailable,
                    "the sign-in policy panicked; see the panic message",
                )));
            }
        };
        match self.sign_ins.resolve(trusted.index.entry, &claims, entry.policy.claims_used.as_deref(), future) {
            CachedSignIn::Known(result) => Decision::Made(accept(claims, result, entry.naming())),
            CachedSignIn::Wait(waiter) => {
                let snapshot = Arc::clone(self);
                let index = trusted.index;
                Decision::Waiting(Box::pin(async move {
                    let result = waiter.wait().await.unwrap_or_else(|_task_lost| {
                        Err(SignInError::unavailable("the sign-in ended without a result; is a tokio runtime running?"))
                    });
                    let trusted = snapshot.settings().trust.at(index);
                    accept(claims, result, trusted.ok_or(AuthErrorKind::UntrustedSigner)?.entry.naming())
                }))
            }
        }
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
            let unverified = UnverifiedToken::read(&self.token, &settings.trust, &settings.token_limits, now)?;
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

/// The outcome as telemetry records it.
fn decided(outcome: &Outcome) -> Decided<'_> {
    match outcome {
        Ok(Authenticated::User(user)) => Decided::User(user.user_entity_ref()),
        Ok(Authenticated::ClaimsOnly(_) | Authenticated::NoMatch(_)) => Decided::Claims,
        Err(error) => Decided::Refused(error),
    }
}

fn denied_by(hit: &Hit) -> AuthError {
    AuthError::with_detail(AuthErrorKind::Denied, hit.reason())
}

fn refuse(kind: AuthErrorKind) -> Decision {
    Decision::Made(Err(kind.into()))
}

fn accept(claims: Claims, result: Result<SignIn, SignInError>, naming: Naming<'_>) -> Outcome {
    let SignIn { user, ownership } = result.map_err(sign_in_error)?;
    match (user, naming) {
        (None, Naming::NoUser) => Ok(Authenticated::ClaimsOnly(claims)),
        (None, _) => Ok(Authenticated::NoMatch(claims)),
        // The configuration did not check the namespace of a policy that is described to name no
        // users.
        (Some(_), Naming::NoUser) => Err(violated_description(
            "the sign-in policy returned a user, but its description says that it names no users",
        )),
        (Some(user), Naming::Only(namespace)) if namespace != user.namespace() => {
            Err(violated_description("the sign-in policy returned a user outside of the namespace in its description"))
        }
        (Some(user), _) => Ok(Authenticated::User(BackstageIdentity::new(claims, user, ownership))),
    }
}

/// The policy violates its description, which the check of the configuration relies on.
fn violated_description(message: &'static str) -> AuthError {
    AuthError::with_detail(AuthErrorKind::SignInRefused, message)
}

pub(crate) fn sign_in_error(error: SignInError) -> AuthError {
    let kind = match error.kind() {
        SignInErrorKind::Refused => AuthErrorKind::SignInRefused,
        SignInErrorKind::NotFound => AuthErrorKind::UserNotFound,
        SignInErrorKind::Ambiguous => AuthErrorKind::AmbiguousUser,
        SignInErrorKind::Unavailable | SignInErrorKind::Misconfigured => AuthErrorKind::SignInUnavailable,
    };
    AuthError::with_detail(kind, error.message()).caused_by(error)
}

fn key_error(error: KeyError, unverified: &UnverifiedToken<'_, '_>) -> AuthError {
    let (endpoint, kid) = (unverified.trusted().endpoint, unverified.kid());
    match error {
        KeyError::Unknown => AuthError::with_detail(AuthErrorKind::UnknownKey, format!("requested {endpoint}/{kid}")),
        KeyError::Unavailable { reason, retry_after } => {
            AuthError::with_detail(AuthErrorKind::KeysUnavailable, reason).retry_after(retry_after)
        }
        KeyError::Rejected { reason, retry_after } => {
            AuthError::with_detail(AuthErrorKind::KeyRejected, reason).retry_after(retry_after)
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
