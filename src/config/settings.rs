//! Settings as plain data, from wherever an application keeps its own.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use serde::Deserialize;

use super::{
    AccessTokens, AlbAuthConfig, AlbAuthConfigBuilder, TrustedAlb, email_settings::EmailSettings,
    group_settings::GroupSettings, not_null, trusted_alb::EntryLocations,
};
use crate::{
    settings::KeyAt,
    sign_in::{ClaimsOnly, NamedClaim, SignInResolver, Subject},
};

/// Trust and sign-in policy as plain data: a part of the application's own settings, read by whatever reads those
/// (`config`, `figment`, serde_json, a YAML reader). Fields that are not known are refused, and so is null for those without which more
/// users are admitted or a user is another one: `deny_list_file`, `access_token`, the `sign_in` of an entry, `email_claim`, `namespace`.
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
    /// Groups from claims, for the policy above.
    pub groups: Option<GroupSettings>,
    /// See [`AlbAuthConfigBuilder::accept_missing_email_verified`].
    pub accept_missing_email_verified: bool,
    /// See [`AlbAuthConfigBuilder::dangerously_ignore_identity_header`].
    pub dangerously_ignore_identity_header: bool,
    /// A file with users that are shut out: see [`AlbAuthConfigBuilder::deny_list_file`].
    #[serde(deserialize_with = "not_null::deny_list_file")]
    pub deny_list_file: Option<PathBuf>,
    /// Limits by the name of their setter in [`TokenLimits`](crate::TokenLimits), [`KeyLimits`](crate::KeyLimits) or
    /// [`CacheLimits`](crate::CacheLimits): `{"max_lifetime": "30m", "max_tokens": 1000}`.
    pub limits: BTreeMap<String, LimitSetting>,
}

/// The value of a limit: a number, or a time such as `500ms`, `90s`, `30m` or `2h`. A time without a unit is in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitSetting(String);

impl From<String> for LimitSetting {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for LimitSetting {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for LimitSetting {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        Ok(Self(match Written::deserialize(deserializer)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        }))
    }
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
    /// See [`TrustedAlb::dangerously_fetch_keys_over_http_from`].
    pub dangerously_fetch_keys_over_http_from: Option<String>,
    /// See [`TrustedAlb::emulator_ca_file`].
    pub emulator_ca_file: Option<PathBuf>,
    /// Verifies access tokens too: see [`AccessTokens`].
    #[serde(deserialize_with = "not_null::access_token")]
    pub access_token: Option<AccessTokens>,
    /// The sign-in policy of this entry.
    #[serde(deserialize_with = "not_null::sign_in")]
    pub sign_in: Option<SignInSettings>,
    /// Groups from claims, for the policy of this entry.
    pub groups: Option<GroupSettings>,
}

/// A sign-in policy that can be named in settings. Others are given to the builder in code.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignInSettings {
    /// [`ClaimsOnly`].
    ClaimsOnly,
    /// [`EmailLocalPart`](crate::sign_in::EmailLocalPart) with these settings.
    EmailLocalPart(EmailSettings),
    /// [`WholeEmail`](crate::sign_in::WholeEmail) with these settings.
    WholeEmail(EmailSettings),
    /// [`Subject`].
    Subject {
        /// The namespace that users are named in; `default` if it is left out.
        #[serde(default, deserialize_with = "not_null::namespace")]
        namespace: Option<String>,
    },
    /// [`NamedClaim`].
    Claim {
        /// The claim.
        name: String,
        /// The namespace that users are named in; `default` if it is left out.
        #[serde(default, deserialize_with = "not_null::namespace")]
        namespace: Option<String>,
        /// See [`NamedClaim::ignoring_case`].
        #[serde(default)]
        ignore_case: bool,
    },
}

impl AlbAuthSettings {
    /// A builder with these settings, to be added to in code and built.
    pub fn to_builder(&self) -> AlbAuthConfigBuilder {
        let mut builder = AlbAuthConfig::builder().sign_in_policy(policy(self.sign_in.as_ref(), self.groups.as_ref()));
        if self.accept_missing_email_verified {
            builder = builder.accept_missing_email_verified();
        }
        if self.dangerously_ignore_identity_header {
            builder = builder.dangerously_ignore_identity_header();
        }
        if let Some(path) = &self.deny_list_file {
            builder = builder.deny_list_file(path);
        }
        for (name, LimitSetting(text)) in &self.limits {
            builder = builder.limit(KeyAt::path(format!("limits.{name}")), name, text);
        }
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
            plain_http_from: self.dangerously_fetch_keys_over_http_from.clone(),
            emulator_ca_file: self.emulator_ca_file.clone(),
            access_tokens: self.access_token.clone(),
            sign_in: policy(self.sign_in.as_ref(), self.groups.as_ref()),
            written: EntryLocations::default(),
        }
    }
}

/// The policy with its groups.
fn policy(sign_in: Option<&SignInSettings>, groups: Option<&GroupSettings>) -> Option<Arc<dyn SignInResolver>> {
    let policy = sign_in?.policy();
    Some(match groups {
        Some(groups) => groups.added_to(policy),
        None => policy,
    })
}

impl SignInSettings {
    fn policy(&self) -> Arc<dyn SignInResolver> {
        let or_default = |namespace: &Option<String>| namespace.clone().unwrap_or_else(|| "default".to_owned());
        match self {
            Self::ClaimsOnly => Arc::new(ClaimsOnly),
            Self::EmailLocalPart(settings) => Arc::new(settings.by_local_part()),
            Self::WholeEmail(settings) => Arc::new(settings.by_whole_email()),
            Self::Subject { namespace } => Arc::new(Subject::new().in_namespace(or_default(namespace))),
            Self::Claim { name, namespace, ignore_case } => {
                let policy = NamedClaim::new(name).in_namespace(or_default(namespace));
                Arc::new(if *ignore_case { policy.ignoring_case() } else { policy })
            }
        }
    }
}
