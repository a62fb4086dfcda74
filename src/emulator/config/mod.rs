//! The configuration of the emulator.
//!
//! [`EmulatorConfig`] in code, [`EmulatorSettings`] from a YAML file; both have the same checks.
//! Everything except the target has a default, so
//! `EmulatorConfig::new().target("http://localhost:3000")` is a load balancer with the demo
//! provider.

mod check;
mod client;
mod flag_values;
mod identity_provider;
mod provider_url;
mod reserved_claims;
mod rule;
mod settings;
mod target;

use std::{
    collections::BTreeMap,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

pub(super) use self::{
    check::Checked,
    identity_provider::Kind as IdentityProviderKind,
    provider_url::{is_on_this_machine, problem_of_address},
};
pub use self::{
    client::{ClientAuthentication, ClientSecret},
    identity_provider::{Endpoints, IdentityProvider},
    reserved_claims::ReservedClaims,
    rule::{OnJwtValidation, OnUnauthenticated, Rule, RuleAction},
    settings::{DemoSettings, EmulatorSettings},
    target::Target,
};
use super::front::CA_FILE;
use crate::{Clock, ConfigError, internal::SharedClock};

/// The default signer. Its account `000000000000` belongs to no AWS customer; only such a signer
/// may serve its keys over plain http.
pub const SIGNER: &str =
    "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/emulator/0000000000000001";

/// Host name of the application. It differs from the provider's, because cookies ignore ports.
const PUBLIC_HOST: &str = "app.localhost";
const PORT: u16 = 9000;
const PROVIDER_PORT: u16 = 9001;
const KEYS_PORT: u16 = 9002;

/// The configuration of an emulator. It is checked when the emulator starts.
#[derive(Clone)]
#[must_use = "nothing starts before Emulator::start"]
pub struct EmulatorConfig {
    pub(super) listen: SocketAddr,
    pub(super) public_host: String,
    pub(super) more_hosts: Vec<String>,
    pub(super) keys_listen: SocketAddr,
    pub(super) keys_host: Option<String>,
    pub(super) keys_tls: Option<PathBuf>,
    pub(super) metrics: Option<SocketAddr>,
    pub(super) target: Option<String>,
    pub(super) target_groups: Vec<(String, String)>,
    pub(super) wait_for_target: Duration,
    pub(super) provider: IdentityProvider,
    pub(super) provider_address: Option<String>,
    pub(super) client_id: String,
    pub(super) client_secret: Option<ClientSecret>,
    pub(super) client_authentication: ClientAuthentication,
    pub(super) scope: String,
    pub(super) authorize_parameters: Vec<(String, String)>,
    pub(super) cookie_name: String,
    pub(super) session_timeout: Duration,
    pub(super) on_unauthenticated: OnUnauthenticated,
    pub(super) rules: Vec<Rule>,
    pub(super) rules_files: Vec<PathBuf>,
    pub(super) rules_parameters: BTreeMap<String, String>,
    pub(super) rules_listener: Option<String>,
    pub(super) on_jwt_validation: OnJwtValidation,
    pub(super) reserved_claims: ReservedClaims,
    pub(super) signer: String,
    pub(super) tls: Option<PathBuf>,
    pub(super) rotate_every: Option<Duration>,
    pub(super) post_logout_paths: Vec<String>,
    pub(super) clock: SharedClock,
}

impl Default for EmulatorConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl EmulatorConfig {
    /// A load balancer at `http://app.localhost:9000` with the demo provider at
    /// `http://idp.localhost:9001` and its keys at `http://127.0.0.1:9002`, still without a target.
    pub fn new() -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            listen: loopback(PORT),
            public_host: PUBLIC_HOST.to_owned(),
            more_hosts: Vec::new(),
            keys_listen: loopback(KEYS_PORT),
            keys_host: None,
            keys_tls: None,
            metrics: None,
            target: None,
            target_groups: Vec::new(),
            wait_for_target: Duration::ZERO,
            provider: IdentityProvider::demo(loopback(PROVIDER_PORT)),
            provider_address: None,
            client_id: "alb-emulator".to_owned(),
            client_secret: None,
            client_authentication: ClientAuthentication::default(),
            scope: "openid profile email".to_owned(),
            authorize_parameters: Vec::new(),
            cookie_name: "AWSELBAuthSessionCookie".to_owned(),
            session_timeout: Duration::from_secs(604_800),
            on_unauthenticated: OnUnauthenticated::default(),
            rules: Vec::new(),
            rules_files: Vec::new(),
            rules_parameters: BTreeMap::new(),
            rules_listener: None,
            on_jwt_validation: OnJwtValidation::default(),
            reserved_claims: ReservedClaims::default(),
            signer: SIGNER.to_owned(),
            tls: None,
            rotate_every: None,
            post_logout_paths: vec!["/".to_owned(), "/goodbye".to_owned()],
            clock: SharedClock::default(),
        }
    }

    /// The same on free ports, for tests: several emulators can run at once.
    pub fn on_free_ports() -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { listen: anywhere, keys_listen: anywhere, provider: IdentityProvider::demo(anywhere), ..Self::new() }
    }

    /// The address for browsers, if the load balancer listens at this port.
    pub(super) fn url(&self, port: u16) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://{}:{port}", self.public_host)
    }

    /// The base URL of the public keys, if they are served at this port.
    pub(super) fn key_endpoint(&self, port: u16) -> String {
        let scheme = if self.keys_tls.is_some() { "https" } else { "http" };
        match &self.keys_host {
            Some(host) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{}", SocketAddr::from((self.keys_listen.ip(), port))),
        }
    }

    /// The name or the address of the key endpoint that its certificate is for.
    pub(super) fn name_of_keys(&self) -> String {
        match &self.keys_host {
            Some(host) => host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase(),
            None => self.keys_listen.ip().to_string(),
        }
    }

    /// The file with the CA of the key endpoint, if it is https.
    pub(super) fn emulator_ca_file(&self) -> Option<PathBuf> {
        let file = self.keys_tls.as_ref()?.join(CA_FILE);
        // An application may start in another folder.
        Some(std::path::absolute(&file).unwrap_or(file))
    }

    /// The target of requests: `http://localhost:3000`. Plain http, without a path.
    pub fn target(mut self, url: impl Into<String>) -> Self {
        self.target = Some(url.into());
        self
    }

    /// The target of a target group that the rules of [`rules_file`](Self::rules_file) name, by its
    /// name or by its logical id in a template.
    pub fn target_group(mut self, name: impl Into<String>, url: impl Into<String>) -> Self {
        self.target_groups.push((name.into(), url.into()));
        self
    }

    /// How long a request waits for a target that is not listening before the response is 502.
    /// Default 0 s. Useful for an application that is restarted at every change.
    pub fn wait_for_target(mut self, wait: Duration) -> Self {
        self.wait_for_target = wait;
        self
    }

    /// The listen address. Default `127.0.0.1:9000`; port 0 selects a free one. An address that
    /// other machines can reach is logged as a warning.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The host name that browsers use. Default `app.localhost`, which browsers resolve to this
    /// machine.
    pub fn public_host(mut self, host: impl Into<String>) -> Self {
        self.public_host = host.into();
        self
    }

    /// Allows another host name in requests. Those of this machine (`localhost`, `127.0.0.1`,
    /// `[::1]`) are always allowed; any other is refused, so that a web page cannot reach the
    /// application by a host name that resolves to this machine (DNS rebinding).
    pub fn also_host(mut self, host: impl Into<String>) -> Self {
        self.more_hosts.push(host.into());
        self
    }

    /// The listen address for public keys and their rotation. Default `127.0.0.1:9002`; loopback
    /// only, unless [`keys_host`](Self::keys_host) is set.
    pub fn keys_listen(mut self, address: SocketAddr) -> Self {
        self.keys_listen = address;
        self
    }

    /// The host of a private network by which applications in other containers fetch the public
    /// keys: a private IP address, a name without a dot, or one that no public name server has. Without
    /// [`keys_tls`](Self::keys_tls), that is over plain http, and each application has to name the host too, by
    /// [`TrustedAlb::dangerously_fetch_keys_over_http_from`](crate::TrustedAlb::dangerously_fetch_keys_over_http_from).
    pub fn keys_host(mut self, host: impl Into<String>) -> Self {
        self.keys_host = Some(host.into());
        self
    }

    /// Serves the public keys over https, with a certificate by a CA that is generated once. Both are kept in this folder; its file
    /// `ca.pem` is for the applications, which name it by
    /// [`TrustedAlb::emulator_ca_file`](crate::TrustedAlb::emulator_ca_file). The private key of the CA is not kept.
    pub fn keys_tls(mut self, folder: impl Into<PathBuf>) -> Self {
        self.keys_tls = Some(folder.into());
        self
    }

    /// Serves metrics for Prometheus at this address, under `/metrics`. Not served by default; port 0 selects a free one.
    pub fn metrics(mut self, address: SocketAddr) -> Self {
        self.metrics = Some(address);
        self
    }

    /// Where the emulator itself reaches the provider, as `host:port`, if not at the host and port of
    /// its issuer, which browsers use. Requests for the issuer's host and port are sent there, with
    /// the issuer's `Host` and TLS name.
    pub fn provider_address(mut self, address: impl Into<String>) -> Self {
        self.provider_address = Some(address.into());
        self
    }

    /// The provider that signs users in. Default: the demo provider at `127.0.0.1:9001`.
    pub fn provider(mut self, provider: IdentityProvider) -> Self {
        self.provider = provider;
        self
    }

    /// The load balancer's client at the provider. Not needed for the demo provider.
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<ClientSecret>) -> Self {
        self.client_id = id.into();
        self.client_secret = Some(secret.into());
        self
    }

    /// How the client authenticates at the token endpoint. Default: HTTP Basic. AWS does not
    /// document which one a load balancer uses.
    pub fn client_authentication(mut self, method: ClientAuthentication) -> Self {
        self.client_authentication = method;
        self
    }

    /// The requested scope. Default `openid profile email`; the default of a listener rule is
    /// `openid`.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// Adds a parameter for the authorization endpoint, like `AuthenticationRequestExtraParams` of
    /// a listener rule.
    pub fn authorize_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.authorize_parameters.push((name.into(), value.into()));
        self
    }

    /// `SessionCookieName` of the listener rule. Default `AWSELBAuthSessionCookie`.
    pub fn cookie_name(mut self, name: impl Into<String>) -> Self {
        self.cookie_name = name.into();
        self
    }

    /// `SessionTimeout` of the listener rule. Default 604,800 s (7 days), at least 1 s.
    pub fn session_timeout(mut self, timeout: Duration) -> Self {
        self.session_timeout = timeout;
        self
    }

    /// `OnUnauthenticatedRequest` of the listener's default rule. Default: authenticate.
    pub fn on_unauthenticated(mut self, what: OnUnauthenticated) -> Self {
        self.on_unauthenticated = what;
        self
    }

    /// Adds a rule. The first rule whose path matches applies, otherwise the default rule.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Reads rules from a file: what `aws elbv2 describe-rules` or `describe-listeners` prints as
    /// JSON, or a CloudFormation template. They apply by priority, after those of
    /// [`rule`](Self::rule). Several files are read as one.
    pub fn rules_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.rules_files.push(file.into());
        self
    }

    /// The value of a parameter of the templates.
    pub fn rules_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.rules_parameters.insert(name.into(), value.into());
        self
    }

    /// The listener to emulate, by ARN or logical id, if the files have several ones.
    pub fn rules_listener(mut self, name: impl Into<String>) -> Self {
        self.rules_listener = Some(name.into());
        self
    }

    /// Whether the bearer token of a request is verified at a rule with `jwt-validation`, or the request gets 501.
    pub fn on_jwt_validation(mut self, what: OnJwtValidation) -> Self {
        self.on_jwt_validation = what;
        self
    }

    /// The rules in the order in which they apply, as a text for people.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration. A target group without a target is no
    /// mistake here.
    pub fn describe_rules(&self) -> Result<String, ConfigError> {
        Ok(check::Checked::without_targets(self.clone())?.table.to_string())
    }

    /// The ARN that tokens name as their signer. Its account must be `000000000000`.
    pub fn signer(mut self, arn: impl Into<String>) -> Self {
        self.signer = arn.into();
        self
    }

    /// Serves https with a certificate that is generated once and kept in this folder, so that a
    /// browser needs to trust it only once. Cookies are then `Secure`.
    pub fn tls(mut self, folder: impl Into<PathBuf>) -> Self {
        self.tls = Some(folder.into());
        self
    }

    /// What happens to `iss` and `exp` of the provider's own in its userinfo response.
    pub fn reserved_claims(mut self, claims: ReservedClaims) -> Self {
        self.reserved_claims = claims;
        self
    }

    /// Rotates the signing key at this interval.
    pub fn rotate_every(mut self, interval: Duration) -> Self {
        self.rotate_every = Some(interval);
        self
    }

    /// Allows the demo provider to redirect to this path of the application after sign-out. `/` and
    /// `/goodbye` are always allowed.
    pub fn post_logout_path(mut self, path: impl Into<String>) -> Self {
        self.post_logout_paths.push(path.into());
        self
    }

    /// Replaces the system clock, for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }
}

impl fmt::Debug for EmulatorConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmulatorConfig")
            .field("listen", &self.listen)
            .field("target", &self.target)
            .field("provider", &self.provider)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}
