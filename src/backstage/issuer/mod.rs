//! Signs the tokens that Backstage's back ends accept, and publishes the keys they verify by.
//!
//! | token | JOSE header `typ` | who reads it |
//! |---|---|---|
//! | user token | `vnd.backstage.user` | every back end, from the browser's `Authorization` header |
//! | limited user token | `vnd.backstage.limited-user` | made of a user token by its reader, with the signature in `uip` |
//! | plugin token | `vnd.backstage.plugin` | one plugin's back end, from another back end |

mod builder;
mod plugin_token;
mod signing_key;
mod user_token;
mod verify;

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use self::signing_key::SigningKey;
pub use self::{
    builder::TokenIssuerBuilder,
    user_token::IssuedToken,
    verify::{TokenRefused, VerifiedUser},
};
use super::{
    PublicJwk,
    store::{PublicKeyStore, StoreError, StoredKey},
};
use crate::{Clock, identity::EntityRef};

/// Signs and verifies Backstage's tokens. A clone is the same issuer.
#[derive(Clone)]
pub struct TokenIssuer(Arc<Inner>);

struct Inner {
    issuer: String,
    lifetime: Duration,
    with_ownership: bool,
    clock: Arc<dyn Clock>,
    user_keys: Keys,
    plugin_keys: Keys,
}

/// One kind's signing key and where its public half goes.
struct Keys {
    store: Arc<dyn PublicKeyStore>,
    current: RwLock<Option<Arc<SigningKey>>>,
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

    /// A token for this user.
    ///
    /// # Errors
    /// The key is not published yet, and the store is out of reach.
    pub async fn user_token(&self, user: &EntityRef, ownership: &[EntityRef]) -> Result<IssuedToken, StoreError> {
        let key = self.0.user_keys.signing_key(self.now()).await?;
        let ownership = self.0.with_ownership.then_some(ownership);
        user_token::issue(&key, &self.0.issuer, user, ownership, self.now(), self.0.lifetime)
    }

    /// A token by which the auth backend asks this plugin's back end, `catalog` for instance.
    ///
    /// # Errors
    /// The key is not published yet, and the store is out of reach.
    pub async fn plugin_token(&self, plugin: &str) -> Result<String, StoreError> {
        let key = self.0.plugin_keys.signing_key(self.now()).await?;
        plugin_token::issue(&key, plugin, self.now())
    }

    /// Who holds this token: a user token or a limited one, signed by a key that any replica has published.
    ///
    /// # Errors
    /// A token that is not of this auth backend, that has expired, or of another kind; and a store that is out of reach.
    pub async fn verify(&self, token: &str) -> Result<VerifiedUser, TokenRefused> {
        let keys = self.public_keys().await.map_err(TokenRefused::Unavailable)?;
        verify::verify(token, &keys, self.now())
    }

    /// The public keys of user tokens, those of all replicas.
    ///
    /// # Errors
    /// The store is out of reach.
    pub async fn public_keys(&self) -> Result<Vec<PublicJwk>, StoreError> {
        self.0.user_keys.listed().await
    }

    /// The public keys of plugin tokens, those of all replicas.
    ///
    /// # Errors
    /// The store is out of reach.
    pub async fn plugin_public_keys(&self) -> Result<Vec<PublicJwk>, StoreError> {
        self.0.plugin_keys.listed().await
    }

    pub(in crate::backstage) fn now(&self) -> SystemTime {
        self.0.clock.now()
    }
}

impl Keys {
    fn new(store: Arc<dyn PublicKeyStore>) -> Self {
        Self { store, current: RwLock::default() }
    }

    /// The key to sign by, which is published.
    async fn signing_key(&self, now: SystemTime) -> Result<Arc<SigningKey>, StoreError> {
        if let Some(key) = &*self.current.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(key));
        }
        let key = Arc::new(SigningKey::generate()?);
        self.store.publish(StoredKey::new(key.public().clone(), now, None)).await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&key));
        Ok(key)
    }

    async fn listed(&self) -> Result<Vec<PublicJwk>, StoreError> {
        Ok(self.store.list().await?.into_iter().map(|stored| stored.key).collect())
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
