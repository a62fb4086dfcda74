//! What the emulator is to do: where it listens, whom it asks, what it lets through.
//!
//! [`EmulatorConfig`] in code, [`EmulatorSettings`] from a YAML file; both lead to the same checks. Everything has a default but
//! the target, so that `EmulatorConfig::new().target("http://localhost:3000")` is a load balancer with the demo provider.

mod check;
mod client;
mod identity_provider;
mod rule;
mod settings;

use std::{
    fmt,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

pub(super) use self::{
    check::{Checked, is_on_this_machine, problem_of_address},
    identity_provider::Kind as IdentityProviderKind,
};
pub use self::{
    client::{ClientAuthentication, ClientSecret},
    identity_provider::{Endpoints, IdentityProvider},
    rule::{OnUnauthenticated, Rule, RuleAction},
    settings::{DemoSettings, EmulatorSettings},
};
use crate::{Clock, internal::SharedClock};

/// The load balancer that nobody has: account `000000000000`. Only such a signer may have its keys on plain http.
pub const SIGNER: &str =
    "arn:aws:elasticloadbalancing:eu-central-1:000000000000:loadbalancer/app/emulator/0000000000000001";

/// Where browsers find the application: an own host name, since cookies ignore ports.
const PUBLIC_HOST: &str = "app.localhost";
const PORT: u16 = 9000;
const PROVIDER_PORT: u16 = 9001;
const KEYS_PORT: u16 = 9002;

/// What the emulator is to do. Everything is checked when it starts.
#[derive(Clone)]
#[must_use = "nothing starts before Emulator::start"]
pub struct EmulatorConfig {
    pub(super) listen: SocketAddr,
    pub(super) public_host: String,
    pub(super) more_hosts: Vec<String>,
    pub(super) keys_listen: SocketAddr,
    pub(super) target: Option<String>,
    pub(super) wait_for_target: Duration,
    pub(super) provider: IdentityProvider,
    pub(super) client_id: String,
    pub(super) client_secret: Option<ClientSecret>,
    pub(super) client_authentication: ClientAuthentication,
    pub(super) scope: String,
    pub(super) authorize_parameters: Vec<(String, String)>,
    pub(super) cookie_name: String,
    pub(super) session_timeout: Duration,
    pub(super) on_unauthenticated: OnUnauthenticated,
    pub(super) rules: Vec<Rule>,
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
    /// A load balancer at `http://app.localhost:9000` with the demo provider at `http://idp.localhost:9001` and its keys at
    /// `http://127.0.0.1:9002`. Without a target so far.
    pub fn new() -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            listen: loopback(PORT),
            public_host: PUBLIC_HOST.to_owned(),
            more_hosts: Vec::new(),
            keys_listen: loopback(KEYS_PORT),
            target: None,
            wait_for_target: Duration::ZERO,
            provider: IdentityProvider::demo(loopback(PROVIDER_PORT)),
            client_id: "alb-emulator".to_owned(),
            client_secret: None,
            client_authentication: ClientAuthentication::default(),
            scope: "openid profile email".to_owned(),
            authorize_parameters: Vec::new(),
            cookie_name: "AWSELBAuthSessionCookie".to_owned(),
            session_timeout: Duration::from_secs(604_800),
            on_unauthenticated: OnUnauthenticated::default(),
            rules: Vec::new(),
            signer: SIGNER.to_owned(),
            tls: None,
            rotate_every: None,
            post_logout_paths: vec!["/".to_owned(), "/goodbye".to_owned()],
            clock: SharedClock::default(),
        }
    }

    /// The same on free ports, for tests: each emulator then has ports of its own.
    pub fn on_free_ports() -> Self {
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self { listen: anywhere, keys_listen: anywhere, provider: IdentityProvider::demo(anywhere), ..Self::new() }
    }

    /// Where requests go on to: `http://localhost:3000`. Plain http, without a path.
    pub fn target(mut self, url: impl Into<String>) -> Self {
        self.target = Some(url.into());
        self
    }

    /// How long a request waits for a target that does not listen, before it is answered 502. Default 0 s; for an application
    /// that is restarted at every change.
    pub fn wait_for_target(mut self, wait: Duration) -> Self {
        self.wait_for_target = wait;
        self
    }

    /// Where it listens. Default `127.0.0.1:9000`; port 0 takes a free one. An address that others reach is warned of.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The host name that browsers use. Default `app.localhost`, which browsers take for this machine.
    pub fn public_host(mut self, host: impl Into<String>) -> Self {
        self.public_host = host.into();
        self
    }

    /// Another host name that requests may name. Those of this machine (`localhost`, `127.0.0.1`, `[::1]`) always may; any other
    /// is refused, so that no page of the web can reach the application under a name of its own (DNS rebinding).
    pub fn also_host(mut self, host: impl Into<String>) -> Self {
        self.more_hosts.push(host.into());
        self
    }

    /// Where its public keys are, and where they are rotated. Default `127.0.0.1:9002`; loopback alone.
    pub fn keys_listen(mut self, address: SocketAddr) -> Self {
        self.keys_listen = address;
        self
    }

    /// Who signs users in. Default: the demo provider at `127.0.0.1:9001`.
    pub fn provider(mut self, provider: IdentityProvider) -> Self {
        self.provider = provider;
        self
    }

    /// The client that the load balancer is at the provider. For the demo provider there is one already.
    pub fn client(mut self, id: impl Into<String>, secret: impl Into<ClientSecret>) -> Self {
        self.client_id = id.into();
        self.client_secret = Some(secret.into());
        self
    }

    /// How the client proves itself at the token endpoint. Default: by HTTP Basic. AWS does not document which a load balancer
    /// uses.
    pub fn client_authentication(mut self, by: ClientAuthentication) -> Self {
        self.client_authentication = by;
        self
    }

    /// The scope that is asked for. Default `openid profile email`; a listener rule's own default is `openid` alone.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// One more parameter for the authorization endpoint, as `AuthenticationRequestExtraParams` of a listener rule.
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

    /// Adds a rule. The first whose path fits counts; where none does, the default rule.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// The ARN that tokens name as their signer. Its account must be `000000000000`.
    pub fn signer(mut self, arn: impl Into<String>) -> Self {
        self.signer = arn.into();
        self
    }

    /// Serves https with a certificate that is made once and kept in this folder, so that a browser has to be told to trust it
    /// only once. Cookies are `Secure` then.
    pub fn tls(mut self, folder: impl Into<PathBuf>) -> Self {
        self.tls = Some(folder.into());
        self
    }

    /// Signs with a new key after each such time.
    pub fn rotate_every(mut self, interval: Duration) -> Self {
        self.rotate_every = Some(interval);
        self
    }

    /// A path of the application where the demo provider may send a browser after sign-out. `/` and `/goodbye` always are.
    pub fn post_logout_path(mut self, path: impl Into<String>) -> Self {
        self.post_logout_paths.push(path.into());
        self
    }

    /// Another clock than the machine's, for tests.
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
