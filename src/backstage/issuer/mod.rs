//! Signs the tokens that Backstage's back ends accept, and publishes the keys that verify them.
//!
//! | token | JOSE header `typ` | who reads it |
//! |---|---|---|
//! | user token | `vnd.backstage.user` | every back end, from the browser's `Authorization` header |
//! | limited user token | `vnd.backstage.limited-user` | derived from a user token by its reader, with the signature in `uip` |
//! | plugin token | `vnd.backstage.plugin` | one plugin's back end, from another back end |
//!
//! Private keys are generated here or read from files (`signing_keys`), and never leave the
//! process. Public keys go to a store; `keys` documents when a key is generated, published, used
//! and dropped.

mod builder;
#[cfg(feature = "proxy")]
mod claims_token;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub(super) mod fuzzing;
mod keys;
mod maintenance;
mod plugin_token;
mod readiness;
mod remembered;
mod signing_key;
mod signing_keys;
mod user_token;
mod verify;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

pub use self::{
    builder::TokenIssuerBuilder,
    error::IssueError,
    readiness::IssuerReadiness,
    signing_keys::{KeyFiles, SigningKeys},
    user_token::IssuedToken,
    verify::{TokenRefused, VerifiedUser},
};
use self::{keys::KeyRing, signing_keys::Origin};
use super::{PublicJwk, store::StoreError};
use crate::{
    AuditTrail, Clock, EntityRef,
    internal::{
        SharedClock,
        telemetry::audit::{Details, Subject, What},
    },
};

/// Maximum length of a user token, in characters: Backstage's own limit.
const MAX_TOKEN_LENGTH: usize = 32_768;

/// Signs and verifies Backstage's tokens. Clones share their state.
#[derive(Clone)]
pub struct TokenIssuer(Arc<Inner>);

struct Inner {
    issuer: String,
    issuer_json: String,
    lifetime: Duration,
    with_ownership: bool,
    clock: SharedClock,
    user_keys: Arc<KeyRing>,
    plugin_keys: Arc<KeyRing>,
    remembered: remembered::RememberedTokens,
    /// Where keys are read from, if they come from files.
    user_origin: Option<Origin>,
    plugin_origin: Option<Origin>,
    audit: Option<AuditTrail>,
}

impl TokenIssuer {
    /// Collects settings. `issuer` is the URL of the auth backend as browsers and back ends reach
    /// it, which becomes the claim `iss`: `https://backstage.example.com/api/auth`.
    pub fn builder(issuer: impl Into<String>) -> TokenIssuerBuilder {
        TokenIssuerBuilder::new(issuer.into())
    }

    /// The URL of the auth backend, the claim `iss`.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The lifetime of user tokens.
    pub fn token_lifetime(&self) -> Duration {
        self.0.lifetime
    }

    /// Issues a token for this user. The claim `ent` is left out if it would make the token longer
    /// than 32,768 characters.
    ///
    /// # Errors
    /// No valid key is published, and the store is unavailable; or the system's clock or random bytes
    /// cannot be used. The next call retries.
    pub async fn user_token(&self, user: &EntityRef, ownership: &[EntityRef]) -> Result<IssuedToken, IssueError> {
        let key = self.0.user_keys.signing_key().await?;
        let ownership = self.0.with_ownership.then_some(ownership);
        let issued = user_token::issue(&key, &self.0.issuer_json, user, ownership, self.now(), self.0.lifetime)?;
        if let Some(trail) = &self.0.audit {
            trail.succeeded(What::TokenIssued, None, Subject::User(Some(user), None), || Details {
                kid: Some(key.public().kid().to_owned()),
                expires_at: Some(issued.expires_at),
                ..Details::default()
            });
        }
        Ok(issued)
    }

    /// Issues a token with which the auth backend calls this plugin's back end, `catalog` for
    /// example. It is valid for an hour.
    ///
    /// # Errors
    /// No valid key is published, and the store is unavailable; or the system's clock or random bytes
    /// cannot be used. The next call retries.
    pub async fn plugin_token(&self, plugin: &str) -> Result<String, IssueError> {
        let key = self.0.plugin_keys.signing_key().await?;
        let now = self.now();
        let token = plugin_token::issue(&key, plugin, now)?;
        if let Some(trail) = &self.0.audit {
            trail.succeeded(What::TokenIssued, Some("plugin"), Subject::Service("plugin:auth"), || Details {
                kid: Some(key.public().kid().to_owned()),
                expires_at: now.checked_add(plugin_token::LIFETIME),
                ..Details::default()
            });
        }
        Ok(token)
    }

    /// Verifies a user token or limited user token, signed with a key that any replica has
    /// published, and returns its user.
    ///
    /// A verified token is remembered, so the next call for it needs no signature check; its times and
    /// its key are checked each time.
    ///
    /// Header, type, times (30 s of leeway), audience and subject are checked as strictly as tokens
    /// are written; `iss` is not checked, as in stock back ends. Tokens of a stock replica on the
    /// same store are accepted.
    ///
    /// # Errors
    /// A token that is not from this auth backend, has expired, or is of another kind; or a store
    /// that is unavailable while the token's key is not known.
    pub async fn verify(&self, token: &str) -> Result<VerifiedUser, TokenRefused> {
        self.verify_with(token, std::future::ready(Vec::new())).await
    }

    /// As [`verify`](Self::verify). If the token's key is not among those that replicas are known to have published, it is looked up in
    /// `others` before the store is queried for it.
    pub(in crate::backstage) async fn verify_with(
        &self,
        token: &str,
        others: impl Future<Output = Vec<PublicJwk>>,
    ) -> Result<VerifiedUser, TokenRefused> {
        let (now, Inner { user_keys, remembered: memory, .. }) = (self.now(), &*self.0);
        let mut found = None;
        if let Some(known) = memory.find(token) {
            // Before the key is looked up, which may query the store: an expired token causes no query.
            if let Err(refused) = known.window.check(now) {
                memory.forget(token);
                return Err(refused);
            }
            let key = user_keys.find(known.key.kid()).await;
            if matches!(&key, Ok(Some(key)) if *key == known.key) {
                return Ok(known.user);
            }
            // The key was withdrawn or replaced: the token is verified like a new one.
            memory.forget(token);
            found = Some(key);
        }
        let unverified = verify::UnverifiedToken::read(token, now)?;
        let found = match found {
            Some(found) => found,
            None => {
                // Before the store is queried for a kid that no replica had listed: the budget of those queries is for kids that
                // an attacker made up, not for each token of another service.
                if !user_keys.lists(unverified.kid())
                    && let Some(key) = others.await.into_iter().find(|key| key.kid() == unverified.kid())
                {
                    return unverified.verify(&key);
                }
                user_keys.find(unverified.kid()).await
            }
        };
        let key = found.map_err(TokenRefused::Unavailable)?;
        let key = key.ok_or(TokenRefused::Invalid(verify::UNKNOWN_KEY))?;
        let window = unverified.window();
        let user = unverified.verify(&key)?;
        memory.remember(token, remembered::Remembered { user: user.clone(), window, key });
        Ok(user)
    }

    /// The public keys of user tokens, those of all replicas, each kid once. While the store is
    /// unavailable: the last list, without expired keys.
    ///
    /// # Errors
    /// The store is unavailable and has never returned a list.
    pub async fn public_keys(&self) -> Result<Vec<PublicJwk>, StoreError> {
        self.0.user_keys.public_keys().await
    }

    /// The public keys of plugin tokens, likewise.
    ///
    /// # Errors
    /// The store is unavailable and has never returned a list.
    pub async fn plugin_public_keys(&self) -> Result<Vec<PublicJwk>, StoreError> {
        self.0.plugin_keys.public_keys().await
    }

    /// Whether tokens can be issued. Publishes a first key in the background if there is none, so
    /// polling this method is enough.
    pub fn readiness(&self) -> IssuerReadiness {
        let Inner { user_keys, plugin_keys, .. } = &*self.0;
        user_keys.maintain_in_background();
        let not_ready = user_keys.not_ready();
        let ready = not_ready.is_none();
        let behind =
            |ring: &KeyRing| ring.failure().map(|error| format!("the next signing key is not published: {error}"));
        let mut problems: Vec<String> = not_ready.or_else(|| behind(user_keys)).into_iter().collect();
        problems.extend(behind(plugin_keys));
        IssuerReadiness { ready, problems, ready_in: user_keys.waits_for_verifiers() }
    }

    pub(in crate::backstage) fn now(&self) -> SystemTime {
        self.0.clock.now()
    }
}

impl fmt::Debug for TokenIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuer")
            .field("issuer", &self.0.issuer)
            .field("lifetime", &self.0.lifetime)
            .finish_non_exhaustive()
    }
}
