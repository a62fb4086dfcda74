//! The settings that make an application trust the emulator: as environment, as `app-config.yaml`,
//! as Rust.
//!
//! A test reads or compiles each of the three.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{
    Emulator, EmulatorConfig,
    config::IdentityProviderKind,
    unprotected::{CA_VARIABLE, VARIABLE, unprotected_host},
};
use crate::{ConfigError, LoadBalancerArn, config::Problem, internal::KeyAt};

/// The comment above the printed settings.
const WARNING: &str = "For development only: no AWS account has this signer.";

/// The settings of an application behind the emulator.
///
/// ```
/// use tower_alb_auth::emulator::{ApplicationSettings, EmulatorConfig};
///
/// let settings = ApplicationSettings::before_start(&EmulatorConfig::new(), &["example.com".to_owned()])?;
/// assert!(settings.to_env_file().contains("ALB_AUTH_ISSUER=http://idp.localhost:9001\n"));
/// # Ok::<(), tower_alb_auth::ConfigError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ApplicationSettings {
    /// The ARN that tokens name as their signer.
    pub signer: String,
    /// The issuer.
    pub issuer: String,
    /// The client id.
    pub client_id: String,
    /// The base URL of the public keys.
    pub key_endpoint: String,
    /// The file with the CA of that address, if it is https: where the emulator has it.
    pub emulator_ca_file: Option<PathBuf>,
    /// The domains of the users' email addresses.
    pub email_domains: Vec<String>,
    /// The address for browsers. `None` before the start, if its port is chosen at the start.
    pub url: Option<String>,
}

impl ApplicationSettings {
    /// The settings for a running emulator.
    pub fn of(emulator: &Emulator, email_domains: &[String]) -> Self {
        Self {
            signer: emulator.signer().to_owned(),
            issuer: emulator.issuer().to_owned(),
            client_id: emulator.client_id().to_owned(),
            key_endpoint: emulator.key_endpoint().to_owned(),
            emulator_ca_file: emulator.emulator_ca_file().map(Path::to_owned),
            email_domains: email_domains.to_vec(),
            url: Some(emulator.url().to_owned()),
        }
    }

    /// The settings for an emulator that would run with this configuration.
    ///
    /// # Errors
    /// A port is known only after the start.
    pub fn before_start(config: &EmulatorConfig, email_domains: &[String]) -> Result<Self, ConfigError> {
        let free = |what: &str, key: &str| {
            let text = format!("{what} uses a random port; set a port to know its address beforehand");
            ConfigError::new([Problem::invalid(text).for_key(KeyAt::path(key))])
        };
        let issuer = match &config.provider.0 {
            IdentityProviderKind::Demo(demo) if demo.listen.port() == 0 => {
                return Err(free("the demo provider", "demo.listen"));
            }
            IdentityProviderKind::Demo(demo) => format!("http://{}:{}", demo.host, demo.listen.port()),
            IdentityProviderKind::Discovery(issuer) => issuer.clone(),
            IdentityProviderKind::Endpoints(endpoints) => endpoints.issuer.clone(),
        };
        if config.keys_listen.port() == 0 {
            return Err(free("the key endpoint", "keys_listen"));
        }
        Ok(Self {
            signer: config.signer.clone(),
            issuer,
            client_id: config.client_id.clone(),
            key_endpoint: config.key_endpoint(config.keys_listen.port()),
            emulator_ca_file: config.emulator_ca_file(),
            email_domains: email_domains.to_vec(),
            url: (config.listen.port() != 0).then(|| config.url(config.listen.port())),
        })
    }

    /// The variables of [`AlbAuthConfig::from_env`](crate::AlbAuthConfig::from_env).
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("ALB_AUTH_SIGNERS", self.signer.clone()),
            ("ALB_AUTH_ISSUER", self.issuer.clone()),
            ("ALB_AUTH_CLIENT_IDS", self.client_id.clone()),
            ("ALB_AUTH_KEY_ENDPOINT", self.key_endpoint.clone()),
        ];
        if let Some(host) = unprotected_host(&self.key_endpoint) {
            variables.push((VARIABLE, host));
        }
        if let Some(file) = &self.emulator_ca_file {
            variables.push((CA_VARIABLE, file.display().to_string()));
        }
        variables.push(("ALB_AUTH_EMAIL_DOMAINS", self.email_domains.join(",")));
        variables
    }

    /// As lines that shells and readers of `.env` files accept.
    pub fn to_env_file(&self) -> String {
        let line = |(name, value): (&str, String)| format!("{name}={}\n", in_shell(&value));
        let lines: String = self.variables().into_iter().map(line).collect();
        format!("# {WARNING}\n{lines}")
    }

    /// As Backstage's settings, with which `backstage-auth` starts: the addresses and `auth.providers.awsalb`. The addresses are
    /// left out if [`url`](Self::url) is `None`.
    pub fn to_app_config(&self) -> String {
        // Every JSON string is a valid YAML string; only `${` would be read as a variable.
        let text = |text: &str| json!(text).to_string().replace("${", "$${");
        let region = self.signer.parse::<LoadBalancerArn>().map(|arn| arn.region().to_owned()).unwrap_or_default();
        let domains: Vec<String> = self.email_domains.iter().map(|domain| text(domain)).collect();
        // One origin: browsers reach the front end and the back end through the load balancer.
        let base_urls: String = match &self.url {
            Some(url) => ["app", "backend"].map(|key| format!("{key}:\n  baseUrl: {}\n", text(url))).concat(),
            None => String::new(),
        };
        let unprotected = unprotected_host(&self.key_endpoint);
        let ca_file = self.emulator_ca_file.as_ref().map(|file| file.display().to_string());
        let trusted_keys: String = [("dangerouslyFetchKeysOverHttpFrom", unprotected), ("emulatorCaFile", ca_file)]
            .into_iter()
            .filter_map(|(key, value)| Some(format!("\n      {key}: {}", text(&value?))))
            .collect();
        format!(
            "# {WARNING}
{base_urls}auth:
  providers:
    awsalb:
      issuer: {issuer}
      signer: {signer}
      region: {region}
      clientIds: [{client_id}]
      keyEndpoint: {key_endpoint}{trusted_keys}
      signIn:
        resolvers:
          - resolver: emailLocalPartMatchingUserEntityName
            allowedDomains: [{domains}]
            # With a catalog, leave this out: then users must be in it.
            dangerouslyAllowSignInWithoutUserInCatalog: true
",
            issuer = text(&self.issuer),
            signer = text(&self.signer),
            region = text(&region),
            client_id = text(&self.client_id),
            key_endpoint = text(&self.key_endpoint),
            domains = domains.join(", "),
        )
    }

    /// As a function that builds the configuration.
    pub fn to_rust(&self) -> String {
        let domains: Vec<String> = self.email_domains.iter().map(|domain| format!("{domain:?}")).collect();
        let unprotected = unprotected_host(&self.key_endpoint);
        let ca_file = self.emulator_ca_file.as_ref().map(|file| file.display().to_string());
        let trusted_keys: String =
            [("dangerously_fetch_keys_over_http_from", unprotected), ("emulator_ca_file", ca_file)]
                .into_iter()
                .filter_map(|(method, value)| Some(format!("\n    .{method}({:?})", value?)))
                .collect();
        format!(
            "// {WARNING}
use tower_alb_auth::{{AlbAuthConfig, ConfigError, TrustedAlb, sign_in::EmailLocalPart}};

pub fn alb_auth() -> Result<AlbAuthConfig, ConfigError> {{
    let emulator = TrustedAlb::new(
        {:?},
        {:?},
    )
    .client_id({:?})
    .key_endpoint({:?}){trusted_keys};
    AlbAuthConfig::builder().trust(emulator).sign_in(EmailLocalPart::in_domains([{}])).build()
}}
",
            self.signer,
            self.issuer,
            self.client_id,
            self.key_endpoint,
            domains.join(", "),
        )
    }
}

/// The text, quoted as one shell word.
fn in_shell(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,:/@%+=".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        AlbAuthSettings,
        config::{AlbAuthConfig, AppConfig},
    };

    /// Values with everything that could be mistaken for syntax.
    fn odd() -> ApplicationSettings {
        ApplicationSettings {
            signer: crate::emulator::SIGNER.to_owned(),
            issuer: "https://idp.example.com/realms/a?b=${HOME}&c='d'".to_owned(),
            client_id: "it's-${HOME}-\"one\"#f".to_owned(),
            key_endpoint: "http://127.0.0.1:9002".to_owned(),
            emulator_ca_file: None,
            email_domains: vec!["example.com".to_owned(), "example.org".to_owned()],
            url: Some("http://app.localhost:9000".to_owned()),
        }
    }

    fn expected(settings: &ApplicationSettings) -> String {
        AlbAuthSettings::from_vars(settings.variables()).unwrap().to_builder().build().unwrap().summary()
    }

    #[test]
    fn any_value_is_read_back_from_app_config() {
        let yaml = odd().to_app_config();
        let read = AppConfig::from_text("app-config.yaml", &yaml, |_| Some("replaced".to_owned())).unwrap();
        let config: AlbAuthConfig = read.alb_auth().unwrap().build().unwrap();
        assert_eq!(config.summary(), expected(&odd()));
    }

    #[test]
    fn any_value_is_read_back_by_a_shell() {
        let script = format!("{}\nprintf '%s\\n' \"$ALB_AUTH_ISSUER\" \"$ALB_AUTH_CLIENT_IDS\"", odd().to_env_file());
        let output = std::process::Command::new("sh").args(["-c", &script]).output().expect("a shell");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(printed, format!("{}\n{}\n", odd().issuer, odd().client_id));
    }
}
