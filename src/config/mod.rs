//! Trusted load balancers, sign-in policies and limits.
//!
//! [`AlbAuthConfig::builder`] collects, [`build`](AlbAuthConfigBuilder::build) checks. It reports all mistakes at once, each as
//! a [`Problem`] that says what to change and where to find the value. A configuration is immutable and cheap to clone.
//!
//! A token must match one [`TrustedAlb`] as a whole: signer, issuer and client id of the same entry. One ARN may stand in
//! several entries, one entry may have several ARNs (a blue and a green load balancer).
//!
//! # What is refused
//! | configuration | why |
//! |---|---|
//! | no signer, no client id, no sign-in policy | if one of them is missing, tokens of others are accepted |
//! | the ARN of a listener | the signer of a token is the load balancer |
//! | a partition without documented keys, and no key endpoint | there is nowhere to fetch from |
//! | a key endpoint that is not https | keys over plain http prove nothing; only the local emulator may |
//! | account `000000000000` beside a real one | the local emulator's key is in a developer's hands |
//! | fixed keys without an endpoint where entries have several | a key signs for its own endpoint alone |
//! | an email-based policy without domains at an issuer with users of many organisations | anyone can have an account there |
//! | several issuers without a policy each in a namespace of its own | one subject at two issuers would become one user |
//! | a limit out of its range | the message names the range |

mod access_tokens;
#[cfg(feature = "app-config")]
pub(crate) mod app_config;
mod builder;
mod email_settings;
mod environment;
mod group_settings;
mod limit_settings;
mod nearest;
mod settings;
mod trust;
mod trusted_alb;
mod warnings;

use std::{fmt, sync::Arc};

#[cfg(feature = "https")]
pub(crate) use self::access_tokens::{AccessTokenRule, KeysAt, is_safe_url};
#[cfg(feature = "app-config")]
pub use self::app_config::AppConfig;
pub(crate) use self::trust::{EntryIndex, Naming, Trust, TrustMatch};
pub use self::{
    access_tokens::AccessTokens,
    builder::AlbAuthConfigBuilder,
    email_settings::EmailSettings,
    group_settings::GroupSettings,
    settings::{AlbAuthSettings, LimitSetting, SignInSettings, TrustSettings},
    trusted_alb::TrustedAlb,
};
pub use crate::settings::{Location, Problem, ProblemKind};
use crate::{
    alb::{KeyEndpoint, PublicKey},
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
    keys_from: Option<String>,
    warnings: Vec<String>,
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
    /// Collects settings.
    pub fn builder() -> AlbAuthConfigBuilder {
        AlbAuthConfigBuilder::new()
    }

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
