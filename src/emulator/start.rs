//! Starts and stops the emulator: listeners, provider, proxy.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use super::{
    action::{Action, CALLBACK},
    chosen_provider::{ChosenProvider, choose},
    config::{Checked, EmulatorConfig},
    counters::{self, Counters, MetricsPage},
    front::{self, TlsFiles},
    headers::LoadBalancer,
    health,
    keys::Keys,
    listener::Listener,
    oidc::{Elsewhere, OidcClient},
    provider::{DemoProvider, DemoProviderServer},
    proxy::Proxy,
    rules::Table,
    session::Sealer,
    unprotected::{self, unprotected_host},
};
use crate::{
    ConfigError,
    config::{Problem, ProblemKind, TrustedAlb},
    internal::KeyAt,
};

/// A load balancer on this machine, with its sign-in flow. Dropping it stops it.
///
/// ```
/// use tower_alb_auth::{AlbAuthConfig, emulator::{Emulator, EmulatorConfig}, sign_in::EmailLocalPart};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let emulator = Emulator::start(EmulatorConfig::on_free_ports().target("http://127.0.0.1:3000")).await?;
///
/// // The configuration of the application under test: real signatures, verified by production code.
/// let config = AlbAuthConfig::builder()
///     .trust(emulator.trusted())
///     .sign_in(EmailLocalPart::in_domains(["example.com"]))
///     .build()?;
///
/// println!("point a browser at {}", emulator.url());
/// emulator.shutdown().await;
/// # let _ = config;
/// # Ok(())
/// # }
/// ```
pub struct Emulator {
    url: String,
    address: SocketAddr,
    key_endpoint: String,
    emulator_ca_file: Option<PathBuf>,
    metrics_address: Option<SocketAddr>,
    issuer: String,
    action: Arc<Action>,
    demo: Option<DemoProviderServer>,
    stop: watch::Sender<bool>,
    front: Option<JoinHandle<()>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Emulator {
    /// The path at which the load balancer and the demo provider respond 200 to a GET, for the health check of a container. No rule
    /// applies to it, and the target does not get it.
    pub const HEALTH_PATH: &str = health::PATH;

    /// Starts it. Every listener is open when this returns.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration, or the first listener that cannot be
    /// opened.
    pub async fn start(config: EmulatorConfig) -> Result<Self, ConfigError> {
        let Checked { config, table } = Checked::new(config)?;
        for note in table.notes() {
            tracing::warn!(target: "alb_emulator", "rules: {note}");
        }
        let failed = |text: String| {
            let problem = Problem::new(ProblemKind::Unreadable, text);
            ConfigError::new([problem.for_key(KeyAt::path("tls"))])
        };
        let tls = config.tls.as_deref().map(|folder| TlsFiles::for_browsers(folder, &config.public_host)).transpose();
        let tls = tls.and_then(|files| files.map(|files| files.acceptor()).transpose()).map_err(failed)?;
        let of_keys =
            config.keys_tls.as_deref().map(|folder| front::keys_tls(folder, &config.name_of_keys())).transpose();
        let of_keys = of_keys.map_err(|text| {
            let problem = Problem::new(ProblemKind::Unreadable, text);
            ConfigError::new([problem.for_key(KeyAt::path("keys_tls"))])
        })?;
        let scheme = if tls.is_some() { "https" } else { "http" };

        let front = front::bind("the load balancer", "listen", config.listen).await?;
        let keys = front::bind("the key endpoint", "keys_listen", config.keys_listen).await?;
        let unbound =
            |error: std::io::Error| ConfigError::of(ProblemKind::System, format!("a listener has no address: {error}"));
        let (address, keys_address) = (front.local_addr().map_err(unbound)?, keys.local_addr().map_err(unbound)?);
        let metrics = match config.metrics {
            Some(address) => Some(front::bind("the server of the metrics", "metrics", address).await?),
            None => None,
        };
        let metrics_address = metrics.as_ref().map(TcpListener::local_addr).transpose().map_err(unbound)?;
        let url = config.url(address.port());

        let ChosenProvider { demo, secret, source, issuer } =
            choose(&config, &url, table.validates_bearer_tokens()).await?;
        let load_balancer =
            LoadBalancer::new(config.signer.clone(), issuer.clone(), config.client_id.clone(), config.reserved_claims);
        let elsewhere = config.provider_address.as_deref().and_then(|address| Elsewhere::new(&issuer, address));
        let keys_host = config.keys_host.clone();
        let key_endpoint = config.key_endpoint(keys_address.port());
        let emulator_ca_file = config.emulator_ca_file();
        let random = |_| ConfigError::of(ProblemKind::System, "the operating system provides no random bytes");
        let action = Arc::new(Action {
            hosts: hosts(&config, &table),
            scheme,
            table,
            sealer: Sealer::generate().map_err(random)?,
            used_states: Default::default(),
            oidc: OidcClient::new(source, config.client_id, secret, config.client_authentication, elsewhere)
                .map_err(failed)?,
            load_balancer: load_balancer.map_err(failed)?,
            counters: Counters::new(),
            clock: config.clock,
        });
        let listener = Arc::new(Listener { action: Arc::clone(&action), proxy: Proxy::new(config.wait_for_target) });
        let (stop, stopped) = watch::channel(false);
        let front = tokio::spawn(front::serve(front, tls, listener, stopped.clone()));
        let is_plain_http = of_keys.is_none();
        let served = Arc::new(Keys::new(Arc::clone(&action), keys_host.clone()));
        let mut tasks = vec![tokio::spawn(front::serve(keys, of_keys, served, stopped.clone()))];
        if let Some(metrics) = metrics {
            let page = Arc::new(MetricsPage::of(&action.counters));
            tasks.push(tokio::spawn(front::serve(metrics, None, page, stopped)));
        }
        tasks.extend(config.rotate_every.map(|every| tokio::spawn(rotate(Arc::clone(&action), every))));
        warn_if_reachable(address);
        if let (Some(host), true) = (&keys_host, is_plain_http) {
            tracing::warn!(
                target: "alb_emulator",
                "the public keys are served over plain http at {keys_address} for the host {host}: every machine on the way to an \
                 application can replace them; use a private network of containers"
            );
        }
        let front = Some(front);
        Ok(Self {
            url,
            address,
            key_endpoint,
            emulator_ca_file,
            metrics_address,
            issuer,
            action,
            demo,
            stop,
            front,
            tasks,
        })
    }

    /// The URL of the application for browsers: `http://app.localhost:9000`, without a slash at the
    /// end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The listen address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of its public keys.
    pub fn key_endpoint(&self) -> &str {
        &self.key_endpoint
    }

    /// The file with the CA of that address, if it is https.
    pub fn emulator_ca_file(&self) -> Option<&Path> {
        self.emulator_ca_file.as_deref()
    }

    /// The URL of its metrics for Prometheus, if they are served.
    pub fn metrics_url(&self) -> Option<String> {
        self.metrics_address.map(|address| format!("http://{address}{}", counters::PATH))
    }

    /// The issuer of its users.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its client id at the provider, which its tokens name.
    pub fn client_id(&self) -> &str {
        &self.action.load_balancer.client_id
    }

    /// The ARN that its tokens name as their signer.
    pub fn signer(&self) -> &str {
        &self.action.load_balancer.signer
    }

    /// The redirect URI to be registered at the provider.
    pub fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK}", self.url)
    }

    /// The entry of a configuration that trusts it.
    pub fn trusted(&self) -> TrustedAlb {
        let entry = TrustedAlb::new(self.signer(), &self.issuer).client_id(self.client_id());
        let entry = entry.key_endpoint(&self.key_endpoint);
        match (&self.emulator_ca_file, unprotected_host(&self.key_endpoint)) {
            (Some(file), _) => entry.emulator_ca_file(file),
            (None, Some(host)) => entry.dangerously_fetch_keys_over_http_from(host),
            (None, None) => entry,
        }
    }

    /// The environment of an application that is configured by
    /// [`AlbAuthConfig::from_env`](crate::AlbAuthConfig::from_env). The sign-in policy is missing:
    /// set `ALB_AUTH_EMAIL_DOMAINS` or `ALB_AUTH_SIGN_IN`.
    pub fn env(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("ALB_AUTH_SIGNERS", self.signer().to_owned()),
            ("ALB_AUTH_ISSUER", self.issuer.clone()),
            ("ALB_AUTH_CLIENT_IDS", self.client_id().to_owned()),
            ("ALB_AUTH_KEY_ENDPOINT", self.key_endpoint.clone()),
        ];
        variables.extend(unprotected_host(&self.key_endpoint).map(|host| (unprotected::VARIABLE, host)));
        variables
            .extend(self.emulator_ca_file.as_ref().map(|file| (unprotected::CA_VARIABLE, file.display().to_string())));
        variables
    }

    /// The demo provider, if it is in use.
    pub fn demo(&self) -> Option<&DemoProvider> {
        self.demo.as_deref()
    }

    /// Rotates the signing key; earlier keys are still served. Returns the new kid.
    ///
    /// # Errors
    /// The operating system provides no random bytes.
    pub fn rotate(&self) -> Result<String, ConfigError> {
        self.action.load_balancer.rotate().map_err(|text| ConfigError::of(ProblemKind::System, text))
    }

    /// The kid of the signing key.
    pub fn kid(&self) -> String {
        self.action.load_balancer.kid()
    }

    /// Stops accepting connections, and waits up to 5 s for requests in progress.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if let Some(front) = self.front.take() {
            // A panic there was reported already.
            let _ = front.await;
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // The front notices the dropped channel and ends by itself.
        self.stop.send_replace(true);
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl fmt::Debug for Emulator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator").field("url", &self.url).field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// The hosts that requests may name. Those of the rules are the user's own: another page does not have their names.
fn hosts(config: &EmulatorConfig, table: &Table) -> Vec<String> {
    let this_machine = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned);
    let mut hosts: Vec<String> = [config.public_host.clone()].into_iter().chain(this_machine).collect();
    hosts.extend(config.more_hosts.iter().cloned());
    hosts.extend(table.hosts().map(str::to_owned));
    hosts.iter_mut().for_each(|host| host.make_ascii_lowercase());
    hosts.dedup();
    hosts
}

async fn rotate(action: Arc<Action>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        match action.load_balancer.rotate() {
            Ok(kid) => tracing::info!(target: "alb_emulator", "new signing key: {kid}"),
            Err(error) => tracing::error!(target: "alb_emulator", "the signing key was not rotated: {error}"),
        }
    }
}

fn warn_if_reachable(address: SocketAddr) {
    if !address.ip().is_loopback() {
        tracing::warn!(
            target: "alb_emulator",
            "listening on {address}, which other machines can reach: this is a development tool, whose demo users need no password"
        );
    }
}
