//! Settings from a YAML file.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use serde::Deserialize;

use super::{ClientAuthentication, ClientSecret, EmulatorConfig, Endpoints, IdentityProvider, OnUnauthenticated, Rule};
use crate::ConfigError;

/// The emulator's settings as plain data, as a YAML file contains them. Unknown keys are rejected
/// with their line.
///
/// ```
/// use tower_alb_auth::emulator::EmulatorSettings;
///
/// let settings = EmulatorSettings::from_yaml("emulator.yaml", "
/// target: http://localhost:3000
/// rules:
///   - { path: /api/*, action: deny }
/// ")?;
/// assert_eq!(settings.rules.len(), 1);
///
/// let typo = EmulatorSettings::from_yaml("emulator.yaml", "targt: http://localhost:3000").unwrap_err();
/// assert!(typo.to_string().contains("emulator.yaml:1"));
/// # Ok::<(), tower_alb_auth::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EmulatorSettings {
    /// The target of requests: `http://localhost:3000`.
    pub target: Option<String>,
    /// How long a request waits for a target that is not listening, in seconds.
    pub wait_for_target_seconds: Option<u64>,
    /// The listen address: `127.0.0.1:9000`.
    pub listen: Option<SocketAddr>,
    /// The host name that browsers use: `app.localhost`.
    pub public_host: Option<String>,
    /// More host names that are allowed in requests.
    pub more_hosts: Vec<String>,
    /// The listen address of the public keys: `127.0.0.1:9002`.
    pub keys_listen: Option<SocketAddr>,
    /// The demo provider's settings. It is used if neither `issuer` nor `endpoints` is set.
    pub demo: Option<DemoSettings>,
    /// Any provider, by its issuer's discovery document.
    pub issuer: Option<String>,
    /// Any provider, by its endpoints.
    pub endpoints: Option<Endpoints>,
    /// The client id at the provider.
    pub client_id: Option<String>,
    /// The client secret. Prefer `client_secret_file`.
    pub client_secret: Option<ClientSecret>,
    /// A file with the client secret.
    pub client_secret_file: Option<PathBuf>,
    /// `basic` or `form`.
    pub client_authentication: Option<ClientAuthentication>,
    /// The requested scope: `openid profile email`.
    pub scope: Option<String>,
    /// More parameters for the authorization endpoint.
    pub authorize_parameters: std::collections::BTreeMap<String, String>,
    /// `AWSELBAuthSessionCookie`.
    pub cookie_name: Option<String>,
    /// In seconds: 604800.
    pub session_timeout_seconds: Option<u64>,
    /// `authenticate`, `allow` or `deny`.
    pub on_unauthenticated: Option<OnUnauthenticated>,
    /// Rules by path; the first that matches applies.
    pub rules: Vec<Rule>,
    /// The ARN of the signer, with the account 000000000000.
    pub signer: Option<String>,
    /// A folder for the certificate, to serve https.
    pub tls: Option<PathBuf>,
    /// Interval at which the signing key is rotated, in seconds.
    pub rotate_every_seconds: Option<u64>,
    /// Paths to which the demo provider may redirect after sign-out.
    pub post_logout_paths: Vec<String>,
}

/// The demo provider's settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemoSettings {
    /// The listen address: `127.0.0.1:9001`.
    pub listen: Option<SocketAddr>,
    /// A YAML file with users.
    pub users: Option<PathBuf>,
    /// Signs this user in without a page.
    pub sign_in_as: Option<String>,
    /// Lifetime of access tokens, in seconds.
    pub access_token_seconds: Option<u64>,
}

impl EmulatorSettings {
    /// Parses the text of a file with this name.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn from_yaml(name: &str, text: &str) -> Result<Self, ConfigError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| {
            let line = error.location().map_or(String::new(), |location| format!(":{}", location.line()));
            let reason = error.without_snippet().to_string();
            ConfigError::message(format!("{name}{line}: {}", reason.lines().next().unwrap_or_default()))
        })
    }

    /// The configuration that these settings describe.
    ///
    /// # Errors
    /// More than one provider is configured, or the secret file cannot be read.
    pub fn to_config(&self) -> Result<EmulatorConfig, ConfigError> {
        let mut config = EmulatorConfig::new();
        config.provider = self.provider(config.provider)?;
        if let Some(file) = &self.client_secret_file {
            let secret = std::fs::read_to_string(file).map_err(|error| {
                ConfigError::message(format!("client_secret_file {} cannot be read: {error}", file.display()))
            })?;
            config.client_secret = Some(secret.trim_end().to_owned().into());
        }
        set(&mut config.client_secret, self.client_secret.clone().map(Some));
        set(&mut config.target, self.target.clone().map(Some));
        set(&mut config.wait_for_target, self.wait_for_target_seconds.map(Duration::from_secs));
        set(&mut config.listen, self.listen);
        set(&mut config.public_host, self.public_host.clone());
        set(&mut config.keys_listen, self.keys_listen);
        set(&mut config.client_id, self.client_id.clone());
        set(&mut config.client_authentication, self.client_authentication);
        set(&mut config.scope, self.scope.clone());
        set(&mut config.cookie_name, self.cookie_name.clone());
        set(&mut config.session_timeout, self.session_timeout_seconds.map(Duration::from_secs));
        set(&mut config.on_unauthenticated, self.on_unauthenticated);
        set(&mut config.signer, self.signer.clone());
        set(&mut config.tls, self.tls.clone().map(Some));
        set(&mut config.rotate_every, self.rotate_every_seconds.map(|seconds| Some(Duration::from_secs(seconds))));
        config.more_hosts.extend(self.more_hosts.iter().cloned());
        config.post_logout_paths.extend(self.post_logout_paths.iter().cloned());
        config.rules.extend(self.rules.iter().cloned());
        let parameters = self.authorize_parameters.iter().map(|(name, value)| (name.clone(), value.clone()));
        config.authorize_parameters.extend(parameters);
        Ok(config)
    }

    fn provider(&self, demo: IdentityProvider) -> Result<IdentityProvider, ConfigError> {
        match (&self.demo, &self.issuer, &self.endpoints) {
            (None, Some(issuer), None) => Ok(IdentityProvider::discover(issuer)),
            (None, None, Some(endpoints)) => Ok(IdentityProvider::endpoints(endpoints.clone())),
            (demo_settings, None, None) => Ok(demo_settings.as_ref().map_or(demo, DemoSettings::to_provider)),
            _ => Err(ConfigError::message(
                "more than one provider is configured: keep one of demo, issuer (by discovery) and endpoints",
            )),
        }
    }
}

impl DemoSettings {
    fn to_provider(&self) -> IdentityProvider {
        let listen = self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], super::PROVIDER_PORT)));
        let mut provider = IdentityProvider::demo(listen);
        if let Some(users) = &self.users {
            provider = provider.users_file(users);
        }
        if let Some(user) = &self.sign_in_as {
            provider = provider.sign_in_as(user);
        }
        if let Some(seconds) = self.access_token_seconds {
            provider = provider.access_token_lifetime(Duration::from_secs(seconds));
        }
        provider
    }
}

fn set<T>(to: &mut T, from: Option<T>) {
    if let Some(from) = from {
        *to = from;
    }
}
