//! Signs the tokens that Backstage's back ends accept, and publishes the keys they verify by.
//!
//! | token | JOSE header `typ` | who reads it |
//! |---|---|---|
//! | user token | `vnd.backstage.user` | every back end, from the browser's `Authorization` header |
//! | limited user token | `vnd.backstage.limited-user` | made of a user token by its reader, with the signature in `uip` |
//! | plugin token | `vnd.backstage.plugin` | one plugin's back end, from another back end |
//!
//! Private keys are made here or read from files (`signing_keys`), and stay here. Public ones go to a store; when a key is
//! made, published, used and given up is told in `keys`.

mod builder;
mod keys;
mod maintenance;
mod plugin_token;
mod readiness;
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
    maintenance::KeyMaintenance,
    readiness::IssuerReadiness,
    signing_keys::{KeyFiles, SigningKeys},
    user_token::IssuedToken,
    verify::{TokenRefused, VerifiedUser},
};
use self::{keys::KeyRing, signing_keys::Origin};
use super::{PublicJwk, store::StoreError};
use crate::{Clock, EntityRef, internal::SharedClock};

/// The longest user token, in characters: Backstage's own bound.
const MAX_TOKEN_LENGTH: usize = 32_768;

/// Signs and verifies Backstage's tokens. A clone is the same issuer.
#[derive(Clone)]
pub struct TokenIssuer(Arc<Inner>);

struct Inner {
    issuer: String,
    lifetime: Duration,
    with_ownership: bool,
    clock: SharedClock,
    user_keys: Arc<KeyRing>,
    plugin_keys: Arc<KeyRing>,
    /// Where keys are read again, if they come from files.
    user_origin: Option<Origin>,
    plugin_origin: Option<Origin>,
}

impl TokenIssuer {
    /// Collects settings. `issuer` is the address of the auth backend as browsers and back ends reach it, the claim `iss`:
    /// `https://backstage.example.com/api/auth`.
    pub fn builder(issuer: impl Into<String>) -> TokenIssuerBuilder {
        TokenIssuerBuilder::new(issuer.into())
    }

    /// The address of the auth backend, the claim `iss`.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// How long user tokens live.
    pub fn token_lifetime(&self) -> Duration {
        self.0.lifetime
    }

    /// A token for this user. It goes out without the claim `ent` where that would make it longer than 32,768 characters.
    ///
    /// # Errors
    /// No key in its time is published, and the store is out of reach. The next call tries again.
    pub async fn user_token(&self, user: &EntityRef, ownership: &[EntityRef]) -> Result<IssuedToken, StoreError> {
        let key = self.0.user_keys.signing_key().await?;
        let ownership = self.0.with_ownership.then_some(ownership);
        user_token::issue(&key, &self.0.issuer, user, ownership, self.now(), self.0.lifetime)
    }

    /// A token by which the auth backend asks this plugin's back end, `catalog` for instance. It lives for an hour.
    ///
    /// # Errors
    /// No key in its time is published, and the store is out of reach. The next call tries again.
    pub async fn plugin_token(&self, plugin: &str) -> Result<String, StoreError> {
        let key = self.0.plugin_keys.signing_key().await?;
        plugin_token::issue(&key, plugin, self.now())
    }

    /// Who holds this token: a user token or a limited one, signed by a key that any replica has published.
    ///
    /// Header, type, times (30 s of leeway), audience and subject are checked as strictly as tokens are written; `iss` is
    /// not, as in stock back ends. What a stock replica on the same store has signed counts.
    ///
    /// # Errors
    /// A token that is not of this auth backend, that has expired, or of another kind; and a store that is out of reach while
    /// the token's key is not known.
    pub async fn verify(&self, token: &str) -> Result<VerifiedUser, TokenRefused> {
        let candidate = verify::Candidate::read(token, self.now())?;
        let key = self.0.user_keys.find(candidate.kid()).await.map_err(TokenRefused::Unavailable)?;
        candidate.verify(key.as_ref())
    }

    /// The public keys of user tokens, those of all replicas, each kid once. While the store is out of reach: those listed
    /// last that are within their time.
    ///
    /// # Errors
    /// The store is out of reach and has never listed any.
    pub async fn public_keys(&self) -> Result<Vec<PublicJwk>, StoreError> {
        self.0.user_keys.public_keys().await
    }

    /// The public keys of plugin tokens, likewise.
    ///
    /// # Errors
    /// The store is out of reach and has never listed any.
    pub async fn plugin_public_keys(&self) -> Result<Vec<PublicJwk>, StoreError> {
        self.0.plugin_keys.public_keys().await
    }

    /// Whether tokens can be given. Has a first key published if there is none yet, so it need only be asked again.
    pub fn readiness(&self) -> IssuerReadiness {
        let Inner { user_keys, plugin_keys, .. } = &*self.0;
        user_keys.maintain_in_background();
        let not_ready = user_keys.not_ready();
        let ready = not_ready.is_none();
        let behind = |ring: &KeyRing| ring.failure().map(|error| format!("the next signing key waits: {error}"));
        let mut problems: Vec<String> = not_ready.or_else(|| behind(user_keys)).into_iter().collect();
        problems.extend(behind(plugin_keys));
        IssuerReadiness { ready, problems }
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
