//! From headers to an identity: the one place that knows tokens, keys, caches and sign-in.
//!
//! A decision is made on one immutable [`Snapshot`] of configuration and caches, and what it remembers goes into that
//! snapshot only. It is synchronous where nothing has to be waited for: the token was seen before, or its key is known; and
//! the sign-in policy answers at once.

mod token_cache;

use std::{pin::Pin, sync::Arc};

use arc_swap::ArcSwap;
use tracing::Instrument;

use self::token_cache::{Remembered, TokenCache};
use crate::sync::Second;
use crate::{
    alb::{OidcHeaders, PublicKey, Values},
    config::{AlbAuthConfig, IdentityHeader, Naming, Settings, TrustMatch},
    error::{AuthError, AuthErrorKind},
    identity::{BackstageIdentity, Claims},
    keys::{KeyError, KeyStore, Lookup},
    sign_in::{Asked, Resolution, SignIn, SignInCache, SignInError, SignInErrorKind},
    sync::catch_panic,
    telemetry::{self, DecisionSpan, Warnings},
    token::{Candidate, VerifiedToken},
};

/// What all clones of a layer share.
pub(crate) struct Authenticator {
    current: ArcSwap<Snapshot>,
}

/// Configuration and caches that belong together.
pub(crate) struct Snapshot {
    config: AlbAuthConfig,
    tokens: TokenCache,
    sign_ins: Arc<SignInCache>,
    keys: Arc<KeyStore>,
    warnings: Warnings,
}

/// Somebody whose token is good.
pub(crate) enum Authenticated {
    User(BackstageIdentity),
    /// Under a policy that names nobody.
    ClaimsOnly(Claims),
    /// Under a policy that names users, but not this one.
    Unnamed(Claims),
}

impl Authenticated {
    pub(crate) fn claims(&self) -> &Claims {
        match self {
            Self::User(identity) => identity.claims(),
            Self::ClaimsOnly(claims) | Self::Unnamed(claims) => claims,
        }
    }

    pub(crate) fn claims_mut(&mut self) -> &mut Claims {
        match self {
            Self::User(identity) => identity.claims_mut(),
            Self::ClaimsOnly(claims) | Self::Unnamed(claims) => claims,
        }
    }
}

type Outcome = Result<Authenticated, AuthError>;

/// A decision: made, or to be waited for.
pub(crate) enum Decision {
    Made(Outcome),
    Waiting(DecisionFuture),
}

/// A decision that waits for a key or for the sign-in policy. Owns all it needs.
pub(crate) type DecisionFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

impl Authenticator {
    pub(crate) fn new(config: AlbAuthConfig) -> Self {
        Self { current: ArcSwap::from_pointee(Snapshot::new(config)) }
    }

    /// The snapshot in use.
    pub(crate) fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Swaps configuration and caches together. Held keys of endpoints that are still trusted are kept if the source of keys
    /// is the same; requests under way end on the snapshot they began with.
    pub(crate) fn reload(&self, config: AlbAuthConfig) {
        let next = Snapshot::new(config);
        next.keys.adopt(&self.current().keys, &next.config.key_endpoints());
        self.current.store(Arc::new(next));
    }

    /// Decides on a request by its headers alone.
    pub(crate) fn decide(&self, headers: &OidcHeaders<'_>) -> Decision {
        let snapshot = self.current.load();
        let span = DecisionSpan::start(snapshot.settings().record_user);
        match Snapshot::decide(&snapshot, headers, &span) {
            Decision::Made(outcome) => {
                span.end(&outcome, &snapshot.warnings);
                Decision::Made(outcome)
            }
            Decision::Waiting(waiting) => {
                let (inside, snapshot) = (span.span().clone(), Arc::clone(&snapshot));
                let ended = async move {
                    let outcome = waiting.await;
                    span.end(&outcome, &snapshot.warnings);
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
        Self { tokens, sign_ins, keys, warnings: Warnings::new(clock), config }
    }

    pub(crate) fn config(&self) -> &AlbAuthConfig {
        &self.config
    }

    pub(crate) fn keys(&self) -> &Arc<KeyStore> {
        &self.keys
    }

    /// Logs a mistake of the application.
    pub(crate) fn misused(&self, sentence: &str) {
        telemetry::misused(sentence, &self.warnings);
    }

    /// How many tokens are remembered.
    pub(crate) fn remembered_tokens(&self) -> usize {
        self.tokens.len()
    }

    fn settings(&self) -> &Settings {
        &self.config.inner
    }

    fn decide(self: &Arc<Self>, headers: &OidcHeaders<'_>, span: &DecisionSpan) -> Decision {
        let token = match headers.data {
            Values::None => return refuse(AuthErrorKind::Missing),
            Values::Several { .. } => return refuse(AuthErrorKind::DuplicateHeader),
            Values::One(value) => value.as_bytes(),
        };
        let Some(now) = self.settings().clock.unix_now() else { return refuse(AuthErrorKind::ClockUnusable) };
        if let Some(decision) = self.recall(token, headers.identity, now, span) {
            return decision;
        }
        let candidate = match Candidate::read(token, &self.settings().trust, &self.settings().token_limits, now) {
            Ok(candidate) => candidate,
            Err(error) => return Decision::Made(Err(error)),
        };
        span.token(candidate.kid(), candidate.trusted().signer, "miss");
        match self.keys.lookup(candidate.trusted().endpoint, candidate.kid()) {
            Lookup::Ready(key, second) => self.verify(candidate, key, second, headers.identity, now),
            Lookup::Refused(error) => Decision::Made(Err(key_error(error, &candidate))),
            Lookup::Wait(fetch) => {
                let waiting =
                    Waiting { token: token.into(), identity: headers.identity.owned(), snapshot: Arc::clone(self) };
                Decision::Waiting(Box::pin(waiting.resume(fetch)))
            }
        }
    }

    /// The decision on a token that was verified before, if it still stands.
    fn recall(self: &Arc<Self>, token: &[u8], identity: Values<'_>, now: u64, span: &DecisionSpan) -> Option<Decision> {
        let remembered = self.tokens.find(token)?;
        let trusted = self.settings().trust.at(remembered.place)?;
        // Before its key is asked for, which may start a refresh: a token that has ended causes no fetch.
        if let Err(error) = remembered.token.check_time(now, &self.settings().token_limits) {
            span.token(remembered.kid, trusted.signer, "hit");
            self.tokens.remove(token);
            return Some(Decision::Made(Err(error)));
        }
        match self.keys.lookup(trusted.endpoint, remembered.kid) {
            Lookup::Ready(key, second) if Arc::ptr_eq(&key, &remembered.key) => {
                self.keys.proven(trusted.endpoint, remembered.kid, &key, second);
            }
            // The key is gone, or has to be fetched again: judge the token as if it came for the first time.
            _ => {
                self.tokens.remove(token);
                return None;
            }
        }
        span.token(remembered.kid, trusted.signer, "hit");
        Some(self.sign_in(trusted, remembered.token.into_claims(), identity))
    }

    fn verify(
        self: &Arc<Self>,
        candidate: Candidate<'_, '_>,
        key: Arc<PublicKey>,
        second: Second,
        identity: Values<'_>,
        now: u64,
    ) -> Decision {
        let (kid, trusted) = (candidate.kid(), candidate.trusted());
        let token = match candidate.verify(&key, now) {
            Ok(token) => token,
            Err(error) => return Decision::Made(Err(error)),
        };
        self.keys.proven(trusted.endpoint, kid, &key, second);
        let remembered = Remembered { token: VerifiedToken::clone(&token), kid, key, place: trusted.place };
        self.tokens.insert(remembered);
        self.sign_in(trusted, token.into_claims(), identity)
    }

    /// Asks the sign-in policy of the entry that the token matched.
    fn sign_in(self: &Arc<Self>, trusted: TrustMatch<'_>, claims: Claims, identity: Values<'_>) -> Decision {
        if self.settings().identity_header == IdentityHeader::MustMatch && !identity.is_only(claims.subject()) {
            return refuse(AuthErrorKind::IdentityMismatch);
        }
        if claims.has_subject_of_all_users() {
            return Decision::Made(Err(AuthError::with_detail(
                AuthErrorKind::SignInRefused,
                "the claim sub is Azure AD B2C's placeholder, which is the same for all users: set the user flow to send the \
                 object id as sub (properties, token compatibility settings, Subject (sub) claim: ObjectID)",
            )));
        }
        let entry = trusted.entry;
        let future = match catch_panic(|| entry.sign_in.resolve(&claims)) {
            Some(Resolution::Ready(answer)) => return Decision::Made(admit(claims, answer, entry.naming())),
            Some(Resolution::Waiting(future)) => future,
            None => {
                return Decision::Made(Err(AuthError::with_detail(
                    AuthErrorKind::SignInUnavailable,
                    "the sign-in policy panicked; see the panic's own message",
                )));
            }
        };
        match self.sign_ins.ask(trusted.place.entry, &claims, entry.policy.claims_used.as_deref(), future) {
            Asked::Known(answer) => Decision::Made(admit(claims, answer, entry.naming())),
            Asked::Wait(seat) => {
                let snapshot = Arc::clone(self);
                let place = trusted.place;
                Decision::Waiting(Box::pin(async move {
                    let answer = seat.land().await.unwrap_or_else(|_aborted| {
                        Err(SignInError::unavailable("it ended without an answer; is a tokio runtime running?"))
                    });
                    let trusted = snapshot.settings().trust.at(place);
                    admit(claims, answer, trusted.ok_or(AuthErrorKind::UntrustedSigner)?.entry.naming())
                }))
            }
        }
    }
}

/// A request's token while its key is fetched.
struct Waiting {
    token: Box<[u8]>,
    identity: Option<Box<[u8]>>,
    snapshot: Arc<Snapshot>,
}

impl Waiting {
    async fn resume(self, fetch: crate::keys::KeyFuture) -> Outcome {
        let fetched = fetch.await;
        let decision = {
            let settings = self.snapshot.settings();
            let now = settings.clock.unix_now().ok_or(AuthErrorKind::ClockUnusable)?;
            // Read again rather than carried along: it costs a microsecond, and time has passed.
            let candidate = Candidate::read(&self.token, &settings.trust, &settings.token_limits, now)?;
            let key = fetched.map_err(|error| key_error(error, &candidate))?;
            let identity = self.identity.as_deref().and_then(|bytes| http::HeaderValue::from_bytes(bytes).ok());
            let identity = identity.as_ref().map_or(Values::None, Values::One);
            let second = self.snapshot.keys.second();
            self.snapshot.verify(candidate, key, second, identity, now)
        };
        match decision {
            Decision::Made(outcome) => outcome,
            Decision::Waiting(waiting) => waiting.await,
        }
    }
}

fn refuse(kind: AuthErrorKind) -> Decision {
    Decision::Made(Err(kind.into()))
}

fn admit(claims: Claims, answer: Result<SignIn, SignInError>, naming: Naming<'_>) -> Outcome {
    let SignIn { user, ownership } = answer.map_err(sign_in_error)?;
    match (user, naming) {
        (None, Naming::Nobody) => Ok(Authenticated::ClaimsOnly(claims)),
        (None, _) => Ok(Authenticated::Unnamed(claims)),
        // A policy that says it names nobody was not asked for its namespace either.
        (Some(_), Naming::Nobody) => Err(broken_word("the sign-in policy names a user, and says that it names nobody")),
        (Some(user), Naming::Only(namespace)) if namespace != user.namespace() => {
            Err(broken_word("the sign-in policy names a user outside the namespace that it says it names users in"))
        }
        (Some(user), _) => Ok(Authenticated::User(BackstageIdentity::new(claims, user, ownership))),
    }
}

/// The policy does not do what its description says, and the check of the configuration relied on that.
fn broken_word(sentence: &'static str) -> AuthError {
    AuthError::with_detail(AuthErrorKind::SignInRefused, sentence)
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

fn key_error(error: KeyError, candidate: &Candidate<'_, '_>) -> AuthError {
    let (endpoint, kid) = (candidate.trusted().endpoint, candidate.kid());
    match error {
        KeyError::Unknown => AuthError::with_detail(AuthErrorKind::UnknownKey, format!("asked for {endpoint}/{kid}")),
        KeyError::Unavailable { reason, retry_after } => {
            AuthError::with_detail(AuthErrorKind::KeysUnavailable, reason).retry_after(retry_after)
        }
        KeyError::Rejected { reason, retry_after } => {
            AuthError::with_detail(AuthErrorKind::KeyRejected, reason).retry_after(retry_after)
        }
    }
}

impl Values<'_> {
    /// Whether there is none, or all of them are this text.
    fn is_only(&self, text: &str) -> bool {
        match self {
            Self::None => true,
            Self::One(value) => value.as_bytes() == text.as_bytes(),
            Self::Several { first, equal } => *equal && first.as_bytes() == text.as_bytes(),
        }
    }

    /// One value that stands for all of them: if they differ, one that no subject equals.
    fn owned(&self) -> Option<Box<[u8]>> {
        match self {
            Self::None => None,
            Self::One(value) | Self::Several { first: value, equal: true } => Some(value.as_bytes().into()),
            Self::Several { equal: false, .. } => Some(Box::default()),
        }
    }
}
