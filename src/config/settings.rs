//! Settings as plain data, from wherever an application keeps its own.

use std::sync::Arc;

use serde::Deserialize;

use super::{AlbAuthConfig, AlbAuthConfigBuilder, TrustedAlb, trusted_alb::EntryLocations};
use crate::sign_in::{ClaimsOnly, EmailLocalPart, NamedClaim, SignInResolver, Subject, WholeEmail};

/// Whom to trust and who becomes whom, as plain data: a part of the application's own settings, read by whatever reads those
/// (`config`, `figment`, serde_json, a YAML reader). Fields that are not known are refused.
///
/// Nothing is checked here: [`to_builder`](Self::to_builder) leads to the checks that every configuration passes.
///
/// ```
/// use tower_alb_auth::AlbAuthSettings;
///
/// let settings: AlbAuthSettings = serde_json::from_str(
///     r#"{
///         "trust": [{
///             "signers": ["arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188"],
///             "issuer": "https://idp.example.com",
///             "client_ids": ["my-application"]
///         }],
///         "sign_in": { "email_local_part": { "domains": ["example.com"] } }
///     }"#,
/// )?;
/// let config = settings.to_builder().build();
/// # #[cfg(feature = "https")]
/// assert!(config.is_ok());
/// # let _ = config;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AlbAuthSettings {
    /// Load balancers that are trusted, each with its issuer and client ids.
    pub trust: Vec<TrustSettings>,
    /// The sign-in policy of entries that have none of their own.
    pub sign_in: Option<SignInSettings>,
    /// See [`AlbAuthConfigBuilder::accept_missing_email_verified`].
    pub accept_missing_email_verified: bool,
}

/// One entry of trust: see [`TrustedAlb`].
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrustSettings {
    /// ARNs of load balancers, not of listeners.
    pub signers: Vec<String>,
    /// The issuer, byte for byte as in the listener rule's authenticate action.
    pub issuer: String,
    /// Client ids of the issuer.
    pub client_ids: Vec<String>,
    /// See [`TrustedAlb::dangerously_accept_any_client`].
    pub dangerously_accept_any_client: bool,
    /// Where the public keys are, instead of where AWS documents them to be.
    pub key_endpoint: Option<String>,
    /// The sign-in policy of this entry.
    pub sign_in: Option<SignInSettings>,
}

/// A sign-in policy that can be named in settings. Others are given to the builder in code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignInSettings {
    /// [`ClaimsOnly`].
    ClaimsOnly,
    /// [`EmailLocalPart`] in these domains.
    EmailLocalPart {
        /// The domains.
        domains: Vec<String>,
        /// The namespace that users are named in; `default` if it is left out.
        #[serde(default)]
        namespace: Option<String>,
        /// See [`EmailSignIn::require_verified_email`](crate::sign_in::EmailSignIn::require_verified_email).
        #[serde(default)]
        require_verified_email: bool,
    },
    /// [`WholeEmail`] in these domains.
    WholeEmail {
        /// The domains.
        domains: Vec<String>,
        /// The namespace that users are named in; `default` if it is left out.
        #[serde(default)]
        namespace: Option<String>,
        /// See [`EmailSignIn::require_verified_email`](crate::sign_in::EmailSignIn::require_verified_email).
        #[serde(default)]
        require_verified_email: bool,
    },
    /// [`Subject`].
    Subject {
        /// The namespace that users are named in; `default` if it is left out.
        #[serde(default)]
        namespace: Option<String>,
    },
    /// [`NamedClaim`].
    Claim {
        /// The claim.
        name: String,
        /// The namespace that users are named in; `default` if it is left out.
        #[serde(default)]
        namespace: Option<String>,
    },
}

impl AlbAuthSettings {
    /// A builder with these settings, to be added to in code and built.
    pub fn to_builder(&self) -> AlbAuthConfigBuilder {
        let builder = AlbAuthConfig::builder().sign_in_policy(self.sign_in.as_ref().map(SignInSettings::policy));
        let builder =
            if self.accept_missing_email_verified { builder.accept_missing_email_verified() } else { builder };
        self.trust.iter().fold(builder, |builder, entry| builder.trust(entry.to_entry()))
    }
}

impl TrustSettings {
    fn to_entry(&self) -> TrustedAlb {
        TrustedAlb {
            signers: self.signers.clone(),
            issuer: self.issuer.clone(),
            client_ids: self.client_ids.clone(),
            any_client: self.dangerously_accept_any_client,
            key_endpoint: self.key_endpoint.clone(),
            sign_in: self.sign_in.as_ref().map(SignInSettings::policy),
            written: EntryLocations::default(),
        }
    }
}

impl SignInSettings {
    fn policy(&self) -> Arc<dyn SignInResolver> {
        let or_default = |namespace: &Option<String>| namespace.clone().unwrap_or_else(|| "default".to_owned());
        match self {
            Self::ClaimsOnly => Arc::new(ClaimsOnly),
            Self::EmailLocalPart { domains, namespace, require_verified_email } => {
                let policy = EmailLocalPart::in_domains(domains).in_namespace(or_default(namespace));
                Arc::new(if *require_verified_email { policy.require_verified_email() } else { policy })
            }
            Self::WholeEmail { domains, namespace, require_verified_email } => {
                let policy = WholeEmail::in_domains(domains).in_namespace(or_default(namespace));
                Arc::new(if *require_verified_email { policy.require_verified_email() } else { policy })
            }
            Self::Subject { namespace } => Arc::new(Subject::new().in_namespace(or_default(namespace))),
            Self::Claim { name, namespace } => Arc::new(NamedClaim::new(name).in_namespace(or_default(namespace))),
        }
    }
}
