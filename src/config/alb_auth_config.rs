//! A configuration that is sound.

use std::{fmt, sync::Arc};

use super::Trust;
use crate::{
    alb::{KeyEndpoint, PublicKey},
    deny_list::DenyList,
    keys::{KeyId, SharedSource},
    limits::{CacheLimits, KeyLimits, TokenLimits},
    settings::FilesRead,
    sync::SharedClock,
};

/// Trusted load balancers, sign-in policies and limits. Immutable; a clone increments one reference count.
///
/// ```
/// use tower_alb_auth::{AlbAuthConfig, TrustedAlb, sign_in::EmailLocalPart};
///
/// let alb = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";
/// let issuer = "https://login.microsoftonline.com/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/v2.0";
/// let config = AlbAuthConfig::builder()
///     .trust(TrustedAlb::new(alb, issuer).client_id("5c1f8a0e-8a6e-4d8e-9a55-0d6f2b8f7c11"))
///     .sign_in(EmailLocalPart::in_domains(["example.com"]))
///     .build();
/// # #[cfg(feature = "https")]
/// assert!(config.is_ok());
/// ```
#[doc(alias("oidc", "cognito", "entra"))]
#[derive(Clone)]
pub struct AlbAuthConfig {
    pub(crate) inner: Arc<Settings>,
}

#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) trust: Trust,
    pub(crate) token_limits: TokenLimits,
    pub(crate) key_limits: KeyLimits,
    pub(crate) cache_limits: CacheLimits,
    pub(crate) source: Option<SharedSource>,
    pub(crate) pinned: Vec<(KeyId, Arc<PublicKey>)>,
    pub(crate) clock: SharedClock,
    pub(crate) identity_header: IdentityHeader,
    /// Whether spans name the user.
    pub(crate) record_user: bool,
    /// Where keys come from, if that is not where AWS documents them to be.
    pub(super) keys_from: Option<String>,
    pub(super) warnings: Vec<String>,
    /// Users that are shut out, from a file that the settings name.
    pub(crate) denied: Option<DenyList>,
    /// The files that the settings were read from.
    pub(crate) files: FilesRead,
}

/// What is done with `x-amzn-oidc-identity`, which is not signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum IdentityHeader {
    /// It must be the subject of the signed token.
    #[default]
    MustMatch,
    Ignored,
}

impl AlbAuthConfig {
    /// What is trusted, in one line, as it is logged at start-up: signers, issuers, client ids and sign-in policies, with the
    /// addresses that are allowed by name; and where keys come from, unless it is where AWS documents them to be.
    pub fn summary(&self) -> String {
        let trust = self.inner.trust.summary();
        match &self.inner.keys_from {
            Some(keys) => format!("{trust}; {keys}"),
            None => trust,
        }
    }

    /// The checks that the settings waive, one text each, as they are logged at start-up.
    pub fn warnings(&self) -> &[String] {
        &self.inner.warnings
    }

    /// Where public keys are fetched from.
    pub fn key_endpoints(&self) -> Vec<KeyEndpoint> {
        self.inner.trust.endpoints()
    }
}

impl fmt::Debug for AlbAuthConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlbAuthConfig").field("trust", &self.summary()).finish_non_exhaustive()
    }
}
