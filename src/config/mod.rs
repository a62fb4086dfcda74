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
//! | a key endpoint that is not https | keys over plain http prove nothing; only the local emulator may, on this machine or on the one named host of a private network |
//! | a CA of an emulator's key endpoint for a real account | the certificate of AWS's endpoint is by a public CA |
//! | account `000000000000` beside a real one | the local emulator's key is in a developer's hands |
//! | fixed keys without an endpoint where entries have several | a key signs for its own endpoint alone |
//! | an email-based policy without domains at an issuer with users of many organisations | anyone can have an account there |
//! | several issuers without a policy each in a namespace of its own | one subject at two issuers would become one user |
//! | a limit out of its range | the message names the range |

mod access_tokens;
pub(crate) mod alb_auth_config;
#[cfg(feature = "app-config")]
pub(crate) mod app_config;
mod between_entries;
pub(crate) mod builder;
mod email_settings;
mod emulator_ca;
mod entry;
mod environment;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod group_settings;
mod limit_settings;
#[cfg(feature = "https")]
mod machine_tokens;
mod nearest;
mod not_null;
pub(crate) mod settings;
mod trust;
pub(crate) mod trusted_alb;
mod warnings;

#[cfg(feature = "https")]
pub(crate) use self::access_tokens::{AccessTokenRule, KeysAt, is_safe_url};
#[cfg(feature = "app-config")]
pub use self::app_config::AppConfig;
#[cfg(feature = "https")]
pub use self::machine_tokens::MachineTokens;
// These have their public path at the root of the crate.
pub use self::{
    access_tokens::AccessTokens,
    email_settings::EmailSettings,
    group_settings::GroupSettings,
    settings::{LimitSetting, SignInSettings, TrustSettings},
};
pub(crate) use self::{
    alb_auth_config::{AlbAuthConfig, IdentityHeader, Settings},
    builder::AlbAuthConfigBuilder,
    settings::AlbAuthSettings,
    trust::{EntryIndex, Naming, Trust, TrustMatch},
    trusted_alb::TrustedAlb,
};
pub use crate::settings::{Location, Problem, ProblemKind};
