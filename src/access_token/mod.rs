//! Access tokens: verified beside the signed claims, where the configuration asks for it
//! ([`AccessTokens`](crate::config::AccessTokens)).
//!
//! Beside signed claims, only a request whose claims are verified gets here, so a stranger causes no
//! fetch. Bearer tokens of machines ([`MachineLayer`](crate::MachineLayer)) come from anyone: unknown
//! kids cause at most one fetch in `unknown_for`. The token's kid selects among the keys of the
//! configured issuer: neither the token nor its header names an issuer or an address.
//!
//! | access token | result |
//! |---|---|
//! | missing, or more than one | 401, `access_token_missing` |
//! | not a JWT, another algorithm, a token for Microsoft Graph | 401, `access_token_invalid`; no fetch |
//! | unknown kid, invalid signature | 401, `access_token_invalid` |
//! | of another issuer, client, audience or user; a machine's without a client; an ID token; expired | 401, `access_token_invalid` |
//! | keys unreachable and not held | 503, `access_token_keys_unavailable` |
//! | valid | its claims, beside the signed ones |
//!
//! A verified token is cached under all of its bytes. Each request checks again its key, its times and
//! its subject.

mod all;
mod fetch;
mod issuer_keys;
mod jwk;
mod rule;

use std::pin::Pin;

pub(crate) use self::all::AccessTokenVerifiers;
use self::{
    issuer_keys::{IssuerKeys, KeyFailure, KeyLookup},
    jwk::IssuerKey,
    rule::client_of,
};
use crate::{
    alb::Values,
    config::AccessTokenRule,
    error::{AuthError, AuthErrorKind, quoted},
    identity::{AccessTokenClaims, ReceivedToken, TokenBytes},
    limits::{CacheLimits, KeyLimits, TokenLimits},
    sync::{Arc, BoundedCache, HeapSize, SharedClock},
    token::jwt::{UnverifiedJwt, VerifiedJwt, invalid},
};

/// Verifies access tokens of one entry.
pub(crate) struct AccessTokenVerifier {
    rule: Arc<AccessTokenRule>,
    keys: Arc<IssuerKeys>,
    cache: Option<BoundedCache<TokenBytes, Remembered>>,
    limits: TokenLimits,
    clock: SharedClock,
}

/// What a request with a valid token gets.
#[derive(Clone)]
pub(crate) struct Accepted {
    pub(crate) claims: AccessTokenClaims,
    /// The client that the token was issued to, if it is a machine's.
    pub(crate) client: Option<Arc<str>>,
}

type Outcome = Result<Accepted, AuthError>;

/// The result, later.
pub(crate) type CheckFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// The result, at once or later.
pub(crate) enum Checked {
    Ready(Outcome),
    Waiting(CheckFuture),
}

/// Whose token it has to be.
#[derive(Debug, Clone, Copy)]
enum Owner<'s> {
    /// The user of the signed claims, by the subject.
    User(&'s str),
    /// One of the configured clients.
    Machine,
}

/// A verified token, with the key that verified it. Both clones of the claims, and the client, are references.
#[derive(Clone)]
struct Remembered {
    token: VerifiedJwt,
    accepted: Accepted,
    key: Arc<IssuerKey>,
}

impl AccessTokenVerifier {
    pub(crate) fn new(
        rule: &Arc<AccessTokenRule>,
        limits: &TokenLimits,
        keys: &KeyLimits,
        cache: &CacheLimits,
        clock: &SharedClock,
    ) -> Self {
        Self {
            rule: Arc::clone(rule),
            keys: Arc::new(IssuerKeys::new(Arc::clone(rule), keys.clone(), clock.clone())),
            cache: BoundedCache::new(cache.max_tokens, cache.max_token_cache_bytes),
            limits: limits.clone(),
            clock: clock.clone(),
        }
    }

    /// Whether the held keys can serve the other verifier.
    fn has_keys_for(&self, other: &Self) -> bool {
        self.keys.can_serve(&other.keys)
    }

    fn share_keys(&mut self, former: &Self) {
        self.keys = Arc::clone(&former.keys);
    }

    /// Verifies the access token of a request, for the user with this subject.
    pub(crate) fn check(self: &Arc<Self>, header: Values<'_>, subject: &str) -> Checked {
        let missing = |found: &str| {
            let remedy = "the load balancer sends it if the identity provider issues one; let nothing between it and this \
                          application remove it, and the security group accept traffic of the load balancer only";
            let detail = format!("found {found}; {remedy}");
            Checked::Ready(Err(AuthError::with_detail(AuthErrorKind::AccessTokenMissing, detail).after_signature()))
        };
        match header {
            Values::None => missing("none"),
            Values::Several { .. } => missing("several"),
            Values::One(value) => self.check_token(value.as_bytes(), Owner::User(subject)),
        }
    }

    /// Verifies a bearer token, as one of a machine.
    pub(crate) fn check_bearer(self: &Arc<Self>, token: &[u8]) -> Checked {
        self.check_token(token, Owner::Machine)
    }

    fn check_token(self: &Arc<Self>, token: &[u8], owner: Owner<'_>) -> Checked {
        if let Some(outcome) = self.recall(token, owner) {
            return Checked::Ready(outcome);
        }
        let unverified = match UnverifiedJwt::read(token, &self.limits) {
            Ok(unverified) => unverified,
            Err(error) => return Checked::Ready(Err(error)),
        };
        match self.keys.lookup(unverified.kid(), unverified.algorithm()) {
            KeyLookup::Ready(key) => Checked::Ready(self.verify(unverified, key, owner)),
            KeyLookup::Refused(failure) => Checked::Ready(Err(self.no_key(failure, unverified.kid()))),
            KeyLookup::Wait(fetch) => {
                let (verifier, token) = (Arc::clone(self), token.to_vec());
                let subject = match owner {
                    Owner::User(subject) => Some(subject.to_owned()),
                    Owner::Machine => None,
                };
                Checked::Waiting(Box::pin(async move {
                    let key = fetch.await;
                    verifier.resume(&token, key, subject.as_deref().map_or(Owner::Machine, Owner::User))
                }))
            }
        }
    }

    /// The result for a cached token. `None` if it is not cached or its key has to be looked up again.
    fn recall(&self, token: &[u8], owner: Owner<'_>) -> Option<Outcome> {
        let cache = self.cache.as_ref()?;
        let Remembered { token: verified, accepted, key } = cache.find(&ReceivedToken(token))?;
        match self.keys.lookup(&key.kid, key.algorithm()) {
            KeyLookup::Ready(held) if Arc::ptr_eq(&held, &key) => {}
            _ => {
                cache.remove(&ReceivedToken(token));
                return None;
            }
        }
        Some(self.accept(&verified, accepted, owner))
    }

    /// Reads the token again: time has passed.
    fn resume(&self, token: &[u8], key: Result<Arc<IssuerKey>, KeyFailure>, owner: Owner<'_>) -> Outcome {
        let unverified = UnverifiedJwt::read(token, &self.limits)?;
        match key {
            Ok(key) => self.verify(unverified, key, owner),
            Err(failure) => Err(self.no_key(failure, unverified.kid())),
        }
    }

    fn verify(&self, unverified: UnverifiedJwt<'_>, key: Arc<IssuerKey>, owner: Owner<'_>) -> Outcome {
        // The lookup compares them too: a key is used with its own algorithm only.
        if unverified.algorithm() != key.algorithm() || unverified.kid() != key.kid {
            return Err(self.no_key(KeyFailure::Unknown, unverified.kid()));
        }
        let verifies = |message: &[u8], signature: &[u8]| key.verifies(message, signature);
        let token = unverified.verify(verifies, &self.rule.issuer, &self.limits)?;
        self.rule.check_purpose(&token)?;
        let claims = AccessTokenClaims::new(token.claims.clone());
        let client = match owner {
            Owner::User(_) => None,
            Owner::Machine => client_of(&claims).map(Arc::from),
        };
        let outcome = self.accept(&token, Accepted { claims, client }, owner);
        if let (Some(cache), Ok(accepted)) = (&self.cache, &outcome) {
            let accepted = accepted.clone();
            cache.insert(TokenBytes::of(&token.claims), Remembered { token, accepted, key });
        }
        outcome
    }

    /// What is checked for each request.
    fn accept(&self, token: &VerifiedJwt, accepted: Accepted, owner: Owner<'_>) -> Outcome {
        let now = self.clock.unix_now().ok_or(AuthErrorKind::ClockUnusable)?;
        match owner {
            Owner::User(subject) => {
                token.check_time(now, &self.limits)?;
                self.rule.check_subject(&accepted.claims, subject)?;
            }
            Owner::Machine => {
                token.check_bearer_time(now, &self.limits)?;
                if accepted.client.is_none() {
                    return Err(invalid("it names no client: client_id, azp, cid or appid"));
                }
            }
        }
        Ok(accepted)
    }

    fn no_key(&self, failure: KeyFailure, kid: &str) -> AuthError {
        match failure {
            KeyFailure::Unknown => invalid(format!(
                "the issuer {} has no key of its kid {} for its alg; is it a token of another issuer?",
                self.rule.issuer,
                quoted(kid)
            )),
            KeyFailure::Unavailable { reason, retry_after } => {
                AuthError::with_detail(AuthErrorKind::AccessTokenKeysUnavailable, &*reason).retry_after(retry_after)
            }
        }
    }
}

impl HeapSize for Remembered {
    fn heap_size(&self) -> usize {
        let client = self.accepted.client.as_ref().map_or(0, |client| client.len());
        self.token.claims.weight().saturating_add(client)
    }
}
