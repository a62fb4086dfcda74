//! How tokens are signed.

use std::{fmt, sync::Arc, time::Duration};

use super::{Inner, Keys, TokenIssuer};
use crate::{
    Clock, SystemClock,
    backstage::store::{MemoryPublicKeys, PublicKeyStore},
    config::ConfigError,
};

/// Backstage's default of `auth.backstageTokenExpiration`.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// Backstage's bounds of it.
const SHORTEST_LIFETIME: Duration = Duration::from_secs(10 * 60);
const LONGEST_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Collects settings; [`build`](Self::build) checks them. Made by [`TokenIssuer::builder`].
#[must_use = "nothing is checked before build()"]
pub struct TokenIssuerBuilder {
    issuer: String,
    lifetime: Duration,
    with_ownership: bool,
    clock: Arc<dyn Clock>,
    user_keys: Arc<dyn PublicKeyStore>,
    plugin_keys: Arc<dyn PublicKeyStore>,
}

impl TokenIssuerBuilder {
    pub(super) fn new(issuer: String) -> Self {
        Self {
            issuer,
            lifetime: DEFAULT_LIFETIME,
            with_ownership: true,
            clock: Arc::new(SystemClock),
            user_keys: Arc::new(MemoryPublicKeys::default()),
            plugin_keys: Arc::new(MemoryPublicKeys::default()),
        }
    }

    /// How long user tokens live: `auth.backstageTokenExpiration`. Default 1 h, range 10 min to 24 h.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Leaves the claim `ent` out of user tokens: `auth.omitIdentityTokenOwnershipClaim`. Back ends ask `/v1/userinfo` then.
    pub fn omit_ownership_claim(mut self) -> Self {
        self.with_ownership = false;
        self
    }

    /// Where the public keys of user tokens are shared. Default: in memory, for one replica.
    pub fn user_keys(mut self, store: impl PublicKeyStore) -> Self {
        self.user_keys = Arc::new(store);
        self
    }

    /// Where the public keys of plugin tokens are shared. Default: in memory, for one replica.
    pub fn plugin_keys(mut self, store: impl PublicKeyStore) -> Self {
        self.plugin_keys = Arc::new(store);
        self
    }

    /// Takes the time from this clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Checks everything. No key is made before the first token.
    ///
    /// # Errors
    /// All that is wrong, a sentence each.
    pub fn build(self) -> Result<TokenIssuer, ConfigError> {
        let mut problems = Vec::new();
        if !(SHORTEST_LIFETIME..=LONGEST_LIFETIME).contains(&self.lifetime) {
            problems.push(format!(
                "a token lifetime of {:?} is out of range: Backstage's user tokens live 10 minutes to 24 hours",
                self.lifetime
            ));
        }
        let issuer = self.issuer.trim_end_matches('/').to_owned();
        if !issuer.starts_with("https://") && !issuer.starts_with("http://") {
            problems.push(format!(
                "the issuer {} is no URL: it is the address of the auth backend, such as https://backstage.example.com/api/auth",
                crate::error::quoted(&issuer)
            ));
        }
        if !problems.is_empty() {
            return Err(ConfigError::new(problems));
        }
        Ok(TokenIssuer(Arc::new(Inner {
            issuer,
            lifetime: self.lifetime,
            with_ownership: self.with_ownership,
            clock: self.clock,
            user_keys: Keys::new(self.user_keys),
            plugin_keys: Keys::new(self.plugin_keys),
        })))
    }
}

impl fmt::Debug for TokenIssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuerBuilder").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
