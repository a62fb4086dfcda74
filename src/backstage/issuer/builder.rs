//! Builds a token issuer.

use std::{fmt, sync::Arc, time::Duration};

use super::{Inner, SigningKeys, TokenIssuer, keys::KeyRing, plugin_token, remembered::RememberedTokens};
use crate::{
    AuditTrail, Clock, ConfigError,
    backstage::store::{MemoryPublicKeys, PublicKeyStore},
    config::{Problem, ProblemKind},
    internal::SharedClock,
};

/// Backstage's default for `auth.backstageTokenExpiration`.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// Backstage's limits for it.
const MIN_LIFETIME: Duration = Duration::from_secs(10 * 60);
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// Collects settings; [`build`](Self::build) checks them. Created by [`TokenIssuer::builder`].
#[must_use = "nothing is checked before build()"]
pub struct TokenIssuerBuilder {
    issuer: String,
    lifetime: Duration,
    with_ownership: bool,
    clock: SharedClock,
    user_keys: Arc<dyn PublicKeyStore>,
    plugin_keys: Arc<dyn PublicKeyStore>,
    user_signing_keys: Option<SigningKeys>,
    plugin_signing_keys: Option<SigningKeys>,
    audit: Option<AuditTrail>,
}

impl TokenIssuerBuilder {
    pub(super) fn new(issuer: String) -> Self {
        Self {
            issuer,
            lifetime: DEFAULT_LIFETIME,
            with_ownership: false,
            clock: SharedClock::default(),
            user_keys: Arc::new(MemoryPublicKeys::default()),
            plugin_keys: Arc::new(MemoryPublicKeys::default()),
            user_signing_keys: None,
            plugin_signing_keys: None,
            audit: None,
        }
    }

    /// The lifetime of user tokens: `auth.backstageTokenExpiration`. Default 1 h, range 10 min to
    /// 24 h.
    ///
    /// Replicas on one store may differ in it: each key names how long its tokens need it.
    pub fn token_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Leaves the claim `ent` out of user tokens, as stock Backstage does since version 0.28:
    /// `auth.omitIdentityTokenOwnershipClaim`. Back ends then query `/v1/userinfo`. This is the default.
    pub fn omit_ownership_claim(mut self) -> Self {
        self.with_ownership = false;
        self
    }

    /// Keeps the claim `ent` in user tokens: `auth.omitIdentityTokenOwnershipClaim: false`. Back ends
    /// then need not query `/v1/userinfo`. A token that would become too long is issued without it.
    pub fn with_ownership_claim(mut self) -> Self {
        self.with_ownership = true;
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

    /// Signs user tokens with these keys, which replicas share as files: `auth.keyStore.provider:
    /// static`. Default: each process generates and rotates its own keys.
    pub fn user_signing_keys(mut self, keys: SigningKeys) -> Self {
        self.user_signing_keys = Some(keys);
        self
    }

    /// Signs plugin tokens with these keys: `backend.auth.pluginKeyStore.type: static`. Default: as
    /// for user tokens.
    pub fn plugin_signing_keys(mut self, keys: SigningKeys) -> Self {
        self.plugin_signing_keys = Some(keys);
        self
    }

    /// Records tokens that are issued, and keys that are published or sign no more.
    pub fn audit_trail(mut self, trail: &AuditTrail) -> Self {
        self.audit = Some(trail.clone());
        self
    }

    /// Replaces the system clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Checks everything. The first key is generated with the first token, or by key maintenance.
    ///
    /// # Errors
    /// Every problem.
    pub fn build(self) -> Result<TokenIssuer, ConfigError> {
        let mut problems = Vec::new();
        if !(MIN_LIFETIME..=MAX_LIFETIME).contains(&self.lifetime) {
            let text = format!(
                "a token lifetime of {:?} is out of range: set a value from 10 minutes to 24 hours, as Backstage does",
                self.lifetime
            );
            problems.push(Problem::sentence(ProblemKind::OutOfRange, text));
        }
        let issuer = self.issuer.trim_end_matches('/').to_owned();
        if !issuer.starts_with("https://") && !issuer.starts_with("http://") {
            let text = format!(
                "the issuer {} is not a URL: set the URL of the auth backend, such as https://backstage.example.com/api/auth",
                crate::internal::quoted(&issuer)
            );
            problems.push(Problem::invalid(text));
        }
        if !problems.is_empty() {
            return Err(ConfigError::new(problems));
        }
        let split = |keys: Option<SigningKeys>| keys.map(SigningKeys::into_parts).unzip();
        let (user_files, user_origin) = split(self.user_signing_keys);
        let (plugin_files, plugin_origin) = split(self.plugin_signing_keys);
        let ring = |kind, store, lifetime, files| {
            KeyRing::new(kind, store, self.clock.clone(), lifetime, files, self.audit.clone())
        };
        Ok(TokenIssuer(Arc::new(Inner {
            issuer_json: serde_json::json!(issuer).to_string(),
            issuer,
            lifetime: self.lifetime,
            with_ownership: self.with_ownership,
            user_keys: ring("user", self.user_keys, self.lifetime, user_files),
            plugin_keys: ring("plugin", self.plugin_keys, plugin_token::LIFETIME, plugin_files),
            remembered: RememberedTokens::new(),
            user_origin,
            plugin_origin,
            audit: self.audit.clone(),
            clock: self.clock,
        })))
    }
}

impl fmt::Debug for TokenIssuerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenIssuerBuilder").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}
