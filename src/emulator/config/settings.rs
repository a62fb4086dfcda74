//! Settings from a YAML file and from the command line. Each is declared once: its type, its key in
//! the file, its flag and the flag's help.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use clap::builder::{OsStringValueParser, TypedValueParser};
use serde::{Deserialize, Deserializer};

use super::{
    ClientAuthentication, ClientSecret, EmulatorConfig, Endpoints, IdentityProvider, OnJwtValidation,
    OnUnauthenticated, ReservedClaims, Rule, Target,
    flag_values::{address, parameter, seconds},
    target::{or_targets, targets},
};
use crate::{
    ConfigError,
    config::{Location, Problem, ProblemKind},
    emulator::suggestion::not_one_of,
    internal::KeyAt,
};

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
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
pub struct EmulatorSettings {
    /// URL of the application: plain http, without a path. NAME=URL is the target of one target group of --rules; may be
    /// given several times.
    #[arg(long, value_name = "[NAME=]URL", help_heading = "Application")]
    #[serde(deserialize_with = "targets")]
    pub target: Vec<Target>,

    /// How long a request waits for an application that is not listening before the response is 502
    /// [default: 0s, with a COMMAND 60s].
    #[arg(long = "wait", value_name = "TIME", value_parser = seconds, help_heading = "Application")]
    pub wait_for_target_seconds: Option<u64>,

    /// Demo provider: its settings. It is used if neither `issuer` nor `endpoints` is set.
    #[command(flatten)]
    pub demo: Option<DemoSettings>,

    /// Your own provider, by its issuer. The endpoints come from its discovery document, unless
    /// they are given.
    #[arg(long, visible_alias = "discovery", value_name = "URL", help_heading = "Your own provider")]
    pub issuer: Option<String>,

    /// Any provider, by its endpoints.
    #[command(flatten)]
    pub endpoints: Option<Endpoints>,

    /// Where the emulator itself reaches the provider, if not at the host and port of its issuer, which browsers use: in
    /// another container.
    #[arg(long, value_name = "HOST:PORT", help_heading = "Your own provider")]
    pub provider_address: Option<String>,

    /// The client id at the provider [default: alb-emulator].
    #[arg(long, value_name = "ID", help_heading = "Your own provider")]
    pub client_id: Option<String>,

    /// The client secret. Prefer `client_secret_file`.
    #[arg(skip)]
    pub client_secret: Option<ClientSecret>,

    /// File with the client secret. Without it the variable ALB_EMULATOR_CLIENT_SECRET is read.
    /// There is no flag for the secret itself, because every process of the machine can see
    /// arguments.
    #[arg(long, value_name = "FILE", help_heading = "Your own provider")]
    pub client_secret_file: Option<PathBuf>,

    /// How the client authenticates at the token endpoint [default: basic].
    #[arg(long, value_name = "HOW", help_heading = "Your own provider")]
    pub client_authentication: Option<ClientAuthentication>,

    /// The requested scope [default: "openid profile email"].
    #[arg(long, value_name = "SCOPE", help_heading = "Your own provider")]
    pub scope: Option<String>,

    /// Additional parameter for the authorization endpoint; may be given several times.
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = parameter, help_heading = "Your own provider")]
    #[serde(deserialize_with = "pairs")]
    pub authorize_parameters: Vec<(String, String)>,

    /// What happens to a request without a session [default: authenticate].
    #[arg(long, value_name = "WHAT", help_heading = "Load balancer")]
    pub on_unauthenticated: Option<OnUnauthenticated>,

    /// The same for a path, with * and ? as wildcards; the action forward is for a path without an
    /// authenticate action. May be given several times; the first rule that matches applies.
    #[arg(long = "rule", value_name = "PATH=ACTION", help_heading = "Load balancer")]
    pub rules: Vec<Rule>,

    /// Reads the listener's rules from a file: JSON of `aws elbv2 describe-rules` or `describe-listeners`, or a CloudFormation
    /// template. May be given several times; all files are read as one.
    #[arg(long = "rules", value_name = "FILE", help_heading = "Load balancer")]
    pub rules_files: Vec<PathBuf>,

    /// A parameter of the templates; may be given several times.
    #[arg(long = "rules-parameter", value_name = "NAME=VALUE", value_parser = parameter, help_heading = "Load balancer")]
    #[serde(deserialize_with = "pairs")]
    pub rules_parameters: Vec<(String, String)>,

    /// The listener of the files, by ARN or logical id, if they have several ones.
    #[arg(long, value_name = "LISTENER", help_heading = "Load balancer")]
    pub rules_listener: Option<String>,

    /// What happens at a rule of a file with the action jwt-validation [default: verify].
    #[arg(long, value_name = "WHAT", help_heading = "Load balancer")]
    pub on_jwt_validation: Option<OnJwtValidation>,

    /// What happens to iss and exp of the provider's own in its userinfo response, as Dex sends them [default: replace].
    #[arg(long, value_name = "WHAT", help_heading = "Load balancer")]
    pub reserved_claims: Option<ReservedClaims>,

    /// How long a session lasts [default: 7d].
    #[arg(long = "session-timeout", value_name = "TIME", value_parser = seconds, help_heading = "Load balancer")]
    pub session_timeout_seconds: Option<u64>,

    /// The name of the session's cookies [default: AWSELBAuthSessionCookie].
    #[arg(long, value_name = "NAME", help_heading = "Load balancer")]
    pub cookie_name: Option<String>,

    /// Rotates the signing key at this interval.
    #[arg(long = "rotate-every", value_name = "TIME", value_parser = seconds, help_heading = "Load balancer")]
    pub rotate_every_seconds: Option<u64>,

    /// The ARN of the signer, with the account 000000000000.
    #[arg(skip)]
    pub signer: Option<String>,

    /// Listen address, or a port on loopback [default: 127.0.0.1:9000].
    #[arg(long, value_name = "ADDRESS", value_parser = address, help_heading = "Addresses")]
    pub listen: Option<SocketAddr>,

    /// Listen address of the public keys; loopback only, unless --keys-host is set [default: 127.0.0.1:9002].
    #[arg(long, value_name = "ADDRESS", value_parser = address, help_heading = "Addresses")]
    pub keys_listen: Option<SocketAddr>,

    /// The host of a private network by which applications in other containers fetch the public keys: the name of the
    /// emulator's service.
    #[arg(long, value_name = "HOST", help_heading = "Addresses")]
    pub keys_host: Option<String>,

    /// Serves the public keys over https, with a certificate by a CA. Both are generated once and kept in this folder; its file
    /// ca.pem is for the applications.
    #[arg(long, value_name = "FOLDER", help_heading = "Addresses")]
    pub keys_tls: Option<PathBuf>,

    /// Serves metrics for Prometheus at http://ADDRESS/metrics.
    #[arg(long, value_name = "ADDRESS", value_parser = address, help_heading = "Addresses")]
    pub metrics: Option<SocketAddr>,

    /// The host name that browsers use [default: app.localhost].
    #[arg(long, value_name = "HOST", help_heading = "Addresses")]
    pub public_host: Option<String>,

    /// Another host name that is allowed in requests, such as the name of the emulator's service; may be given several times.
    #[arg(long = "more-host", value_name = "HOST", help_heading = "Addresses")]
    pub more_hosts: Vec<String>,

    /// Serves https, with a certificate that is generated once and kept in this folder [default:
    /// ~/.local/share/alb-emulator].
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, require_equals = true, default_missing_value = "",
        value_parser = OsStringValueParser::new().map(PathBuf::from), help_heading = "Addresses")]
    pub tls: Option<PathBuf>,

    /// Paths to which the demo provider may redirect after sign-out.
    #[arg(skip)]
    pub post_logout_paths: Vec<String>,
}

/// The demo provider's settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
pub struct DemoSettings {
    /// Signs this user of the demo provider in without showing a page.
    #[arg(id = "demo.sign_in_as", long = "as", value_name = "USER", conflicts_with_all = OWN_PROVIDER, help_heading = "Users")]
    pub sign_in_as: Option<String>,

    /// Adds the users of this YAML file to the demo provider. The file is read again when it
    /// changes.
    #[arg(id = "demo.users", long = "users", value_name = "FILE", conflicts_with_all = OWN_PROVIDER, help_heading = "Users")]
    pub users: Option<PathBuf>,

    /// Adds a user with the claims of each provider: cognito, cognito-federated, okta, keycloak, dex, google, auth0, gitlab,
    /// adfs, b2c and entra [default: false].
    #[arg(id = "demo.provider_users", long = "provider-users", num_args = 0..=1, require_equals = true, default_missing_value = "true",
        value_name = "BOOL", hide_possible_values = true, conflicts_with_all = OWN_PROVIDER, help_heading = "Users")]
    pub provider_users: Option<bool>,

    /// Listen address of the demo provider [default: 127.0.0.1:9001].
    #[arg(id = "demo.listen", long = "provider-listen", value_name = "ADDRESS", value_parser = address, conflicts_with_all = OWN_PROVIDER, help_heading = "Users")]
    pub listen: Option<SocketAddr>,

    /// Lifetime of access tokens, in seconds.
    #[arg(skip)]
    pub access_token_seconds: Option<u64>,
}

/// The flags that name a provider of the user's own.
const OWN_PROVIDER: [&str; 2] = ["issuer", "endpoints.authorization"];

impl EmulatorSettings {
    /// Parses the text of a file with this name.
    ///
    /// # Errors
    /// The first mistake, with its line.
    pub fn from_yaml(name: &str, text: &str) -> Result<Self, ConfigError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| ConfigError::new([yaml_problem(&name.into(), &error)]))
    }

    /// These settings; what they do not set is taken from the others. Lists of both are joined,
    /// these first. A provider or a secret of these replaces that of the others.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        let has_provider = self.issuer.is_some() || self.endpoints.is_some();
        let has_secret = self.client_secret.is_some() || self.client_secret_file.is_some();
        let named = |name: &str| self.authorize_parameters.iter().any(|(held, _)| held == name);
        let parameters = others.authorize_parameters.into_iter().filter(|(name, _)| !named(name));
        let authorize_parameters = parameters.chain(self.authorize_parameters.iter().cloned()).collect();
        Self {
            target: or_targets(self.target, others.target),
            wait_for_target_seconds: self.wait_for_target_seconds.or(others.wait_for_target_seconds),
            demo: match (self.demo, others.demo) {
                (Some(demo), Some(other)) => Some(demo.or(other)),
                (demo, other) => demo.or(other),
            },
            issuer: if has_provider { self.issuer } else { others.issuer },
            endpoints: if has_provider { self.endpoints } else { others.endpoints },
            provider_address: self.provider_address.or(others.provider_address),
            client_id: self.client_id.or(others.client_id),
            client_secret: if has_secret { self.client_secret } else { others.client_secret },
            client_secret_file: if has_secret { self.client_secret_file } else { others.client_secret_file },
            client_authentication: self.client_authentication.or(others.client_authentication),
            scope: self.scope.or(others.scope),
            authorize_parameters,
            on_unauthenticated: self.on_unauthenticated.or(others.on_unauthenticated),
            rules: joined(self.rules, others.rules),
            rules_files: joined(self.rules_files, others.rules_files),
            rules_parameters: joined(others.rules_parameters, self.rules_parameters),
            rules_listener: self.rules_listener.or(others.rules_listener),
            on_jwt_validation: self.on_jwt_validation.or(others.on_jwt_validation),
            reserved_claims: self.reserved_claims.or(others.reserved_claims),
            session_timeout_seconds: self.session_timeout_seconds.or(others.session_timeout_seconds),
            cookie_name: self.cookie_name.or(others.cookie_name),
            rotate_every_seconds: self.rotate_every_seconds.or(others.rotate_every_seconds),
            signer: self.signer.or(others.signer),
            listen: self.listen.or(others.listen),
            keys_listen: self.keys_listen.or(others.keys_listen),
            keys_host: self.keys_host.or(others.keys_host),
            keys_tls: self.keys_tls.or(others.keys_tls),
            metrics: self.metrics.or(others.metrics),
            public_host: self.public_host.or(others.public_host),
            more_hosts: joined(self.more_hosts, others.more_hosts),
            tls: self.tls.or(others.tls),
            post_logout_paths: joined(self.post_logout_paths, others.post_logout_paths),
        }
    }

    /// The client secret, from the settings or from the file that they name.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read_client_secret(&self) -> Result<Option<ClientSecret>, ConfigError> {
        let Some(file) = self.client_secret_file.as_ref().filter(|_| self.client_secret.is_none()) else {
            return Ok(self.client_secret.clone());
        };
        let secret = std::fs::read_to_string(file).map_err(|error| {
            let text = format!("client_secret_file {} cannot be read: {error}", file.display());
            let problem = Problem::sentence(ProblemKind::Unreadable, text);
            ConfigError::new([problem.for_key(KeyAt::path("client_secret_file")).caused_by(error)])
        })?;
        Ok(Some(secret.trim_end().to_owned().into()))
    }

    /// The configuration that these settings describe.
    ///
    /// # Errors
    /// More than one provider is configured, or the secret file cannot be read.
    pub fn to_config(&self) -> Result<EmulatorConfig, ConfigError> {
        let mut config = EmulatorConfig::new();
        config.provider = self.provider(config.provider)?;
        config.client_secret = self.read_client_secret()?;
        for target in &self.target {
            match (&target.group, &config.target) {
                (Some(group), _) => config.target_groups.push((group.clone(), target.url.clone())),
                (None, None) => config.target = Some(target.url.clone()),
                (None, Some(_)) => {
                    let text =
                        "several targets have no name: name the target group of each, NAME=http://localhost:3000";
                    let problem = Problem::sentence(ProblemKind::Conflict, text);
                    return Err(ConfigError::new([problem.for_key(KeyAt::path("target"))]));
                }
            }
        }
        set(&mut config.wait_for_target, self.wait_for_target_seconds.map(Duration::from_secs));
        set(&mut config.listen, self.listen);
        set(&mut config.public_host, self.public_host.clone());
        set(&mut config.keys_listen, self.keys_listen);
        set(&mut config.keys_host, self.keys_host.clone().map(Some));
        set(&mut config.keys_tls, self.keys_tls.clone().map(Some));
        set(&mut config.metrics, self.metrics.map(Some));
        set(&mut config.provider_address, self.provider_address.clone().map(Some));
        set(&mut config.client_id, self.client_id.clone());
        set(&mut config.client_authentication, self.client_authentication);
        set(&mut config.scope, self.scope.clone());
        set(&mut config.cookie_name, self.cookie_name.clone());
        set(&mut config.session_timeout, self.session_timeout_seconds.map(Duration::from_secs));
        set(&mut config.on_unauthenticated, self.on_unauthenticated);
        set(&mut config.reserved_claims, self.reserved_claims);
        set(&mut config.signer, self.signer.clone());
        set(&mut config.tls, self.tls.clone().map(Some));
        set(&mut config.rotate_every, self.rotate_every_seconds.map(|seconds| Some(Duration::from_secs(seconds))));
        config.more_hosts.extend(self.more_hosts.iter().cloned());
        config.post_logout_paths.extend(self.post_logout_paths.iter().cloned());
        config.rules.extend(self.rules.iter().cloned());
        config.rules_files.extend(self.rules_files.iter().cloned());
        config.rules_parameters.extend(self.rules_parameters.iter().cloned());
        config.rules_listener = self.rules_listener.clone();
        set(&mut config.on_jwt_validation, self.on_jwt_validation);
        config.authorize_parameters.extend(self.authorize_parameters.iter().cloned());
        Ok(config)
    }

    fn provider(&self, demo: IdentityProvider) -> Result<IdentityProvider, ConfigError> {
        match (&self.demo, &self.issuer, &self.endpoints) {
            (None, Some(issuer), None) => Ok(IdentityProvider::discover(issuer)),
            (None, None, Some(endpoints)) => Ok(IdentityProvider::endpoints(endpoints.clone())),
            (demo_settings, None, None) => Ok(demo_settings.as_ref().map_or(demo, DemoSettings::to_provider)),
            _ => {
                let text =
                    "more than one provider is configured: keep one of demo, issuer (by discovery) and endpoints";
                Err(ConfigError::new([Problem::sentence(ProblemKind::Conflict, text)]))
            }
        }
    }
}

impl DemoSettings {
    fn or(self, others: Self) -> Self {
        Self {
            sign_in_as: self.sign_in_as.or(others.sign_in_as),
            users: self.users.or(others.users),
            provider_users: self.provider_users.or(others.provider_users),
            listen: self.listen.or(others.listen),
            access_token_seconds: self.access_token_seconds.or(others.access_token_seconds),
        }
    }

    fn to_provider(&self) -> IdentityProvider {
        let listen = self.listen.unwrap_or(SocketAddr::from(([127, 0, 0, 1], super::PROVIDER_PORT)));
        let mut provider = IdentityProvider::demo(listen);
        if self.provider_users == Some(true) {
            provider = provider.provider_users();
        }
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

/// A problem of a YAML file, with its line.
fn yaml_problem(file: &Arc<str>, error: &serde_saphyr::Error) -> Problem {
    let line = error.location().map_or(0, |location| location.line());
    let location = Location::new(file, line);
    match error.without_snippet() {
        serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => {
            Problem::unknown_key(KeyAt::new(field, &location), expected.iter().copied())
        }
        serde_saphyr::Error::SerdeUnknownVariant { variant, expected, .. } => {
            let text = not_one_of(variant, expected);
            Problem::at(ProblemKind::UnknownValue, location, text)
        }
        other => {
            let reason = other.to_string();
            Problem::at(ProblemKind::Syntax, location, reason.lines().next().unwrap_or_default())
        }
    }
}

/// A mapping, in the order of its keys.
fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    let mapping = std::collections::BTreeMap::<String, String>::deserialize(deserializer)?;
    Ok(mapping.into_iter().collect())
}

fn joined<T>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
    first.into_iter().chain(second).collect()
}

fn set<T>(to: &mut T, from: Option<T>) {
    if let Some(from) = from {
        *to = from;
    }
}
