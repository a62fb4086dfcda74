//! The command line.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use tower_alb_auth::{ConnectionLimits, config::AppConfig};

const EXAMPLES: &str = "\
Examples:
  What is in the files, key by key, and what is missing:
      backstage-auth check --config app-config.yaml --config app-config.production.yaml
  The auth backend alone, for a load balancer's rule with the path /api/auth/awsalb/*:
      backstage-auth --config app-config.yaml --config app-config.production.yaml
  In front of a whole Backstage backend, which keeps its other sign-in providers:
      backstage-auth --config app-config.yaml --upstream http://127.0.0.1:7008
  With the front end, as built by `yarn workspace app build`:
      backstage-auth --config app-config.yaml --static packages/app/dist
  On a laptop, behind a load balancer with ready users, at http://app.localhost:9000:
      backstage-auth --config app-config.yaml --listen 127.0.0.1:7007 --without-catalog
      alb-emulator --demo --target http://127.0.0.1:7007
      alb-emulator --demo --print-config app-config    # what the file has to say then

Paths:
  /api/auth/awsalb/refresh                   a session, for browsers through the load balancer
  /api/auth/awsalb/logout                    sign-out (POST)
  /api/auth/.well-known/jwks.json            public keys of user tokens, for back ends past the load balancer
  /api/auth/.well-known/openid-configuration the discovery document
  /api/auth/.backstage/auth/v1/jwks.json     public keys of plugin tokens, for back ends past the load balancer
  /api/auth/v1/userinfo                      the user and the groups of a token
  /.backstage/health/v1/readiness            for the health check of the target group
  /.backstage/health/v1/liveness             for the container's health check
  /metrics                                   at the address of --metrics only

Exit codes: 0 it ended after SIGTERM or SIGINT, or the check found nothing wrong; 1 the settings are refused, or a
port is taken; 2 the arguments are wrong.

RUST_LOG sets what is logged: RUST_LOG=tower_alb_auth=debug shows why each sign-in is refused.
docs/GUIDE.md of the package tower-alb-auth explains each step.";

/// Backstage's auth backend for users that an AWS Application Load Balancer signed in: the provider awsalb, for the stock front
/// end and stock back ends.
///
/// Reads Backstage's own files. Missing settings are printed, ready to be pasted. Trust and the sign-in policy are read again when
/// the files change; other changes need a restart.
#[derive(Debug, Parser)]
#[command(
    name = "backstage-auth",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = EXAMPLES,
)]
pub struct Arguments {
    #[command(subcommand)]
    pub task: Option<Task>,

    #[command(flatten)]
    pub serve: Serve,

    /// Runs the whole sign-in unattended behind a local load balancer, prints each step, and ends: for CI.
    #[arg(long, hide = true)]
    pub check: bool,
}

#[derive(Debug, Subcommand)]
pub enum Task {
    /// Lists each key under auth, backend and discovery with its place, and whether it is used, ignored or refused.
    Check {
        #[command(flatten)]
        files: Files,
    },
    /// Exits with 0 if the service that runs at an address responds: the health check of an image without a shell.
    Healthcheck {
        /// The address at which the service listens.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7007", value_parser = address)]
        address: SocketAddr,
    },
}

#[derive(Debug, Args)]
pub struct Files {
    /// A file of Backstage's settings; may be given several times, and later ones win [default: app-config.yaml, and
    /// app-config.local.yaml and the files of BACKSTAGE_ENV where they exist, as in Backstage].
    #[arg(long = "config", value_name = "FILE")]
    named: Vec<PathBuf>,
}

impl Files {
    pub fn paths(&self) -> Vec<PathBuf> {
        if !self.named.is_empty() {
            return self.named.clone();
        }
        let here = std::env::current_dir().unwrap_or_default();
        let found = AppConfig::default_files(&here, std::env::var("BACKSTAGE_ENV").ok().as_deref());
        // Shorter in messages.
        found.into_iter().map(|file| file.strip_prefix(&here).map(Path::to_owned).unwrap_or(file)).collect()
    }

    /// The paths. If none is named, the default file must exist.
    pub fn found(&self) -> Result<Vec<PathBuf>, String> {
        let paths = self.paths();
        let missing = paths.first().filter(|file| self.named.is_empty() && !file.exists());
        if let Some(missing) = missing {
            return Err(format!(
                "{} is not in this folder: name Backstage's files by --config <FILE>, or start the program in their folder",
                missing.display()
            ));
        }
        Ok(paths)
    }
}

#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    pub files: Files,

    /// Address to listen at [default: backend.listen of the files, which is port 7007 of every interface unless set]. The
    /// security group must admit the load balancer only.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub listen: Option<SocketAddr>,

    /// Forwards requests for all other paths to this Backstage backend: other sign-in providers, plugins, the front end.
    #[arg(long, value_name = "URL")]
    pub upstream: Option<String>,

    /// Allows plain http for --upstream on another machine. An attacker on the network path can
    /// read the users' cookies and tokens: use it only if the network itself is encrypted, such as a service mesh.
    #[arg(long, requires = "upstream")]
    pub dangerously_upstream_over_plain_http: bool,

    /// Serves a built front end from this folder.
    #[arg(long = "static", value_name = "FOLDER")]
    pub front_end: Option<PathBuf>,

    /// Queries no catalog. Every user with an address of the listed domains can then sign in, and has ownership of nothing but that user. The
    /// files must allow it by dangerouslyAllowSignInWithoutUserInCatalog.
    #[arg(long)]
    pub without_catalog: bool,

    /// Creates the tables in backend.database if they are missing. Only for a database that no stock auth backend uses, because a
    /// stock one creates its own tables and fails if they exist.
    #[arg(long)]
    pub create_tables: bool,

    /// Seconds to keep serving after SIGTERM while readiness reports "not ready", so that the load balancer deregisters it. Then
    /// it accepts no more connections, and requests in progress have 20 s [default: backend.lifecycle.serverShutdownDelay, else 0].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(..=300))]
    pub shutdown_delay: Option<u16>,

    /// Serves metrics for Prometheus at http://ADDRESS/metrics. Use a port that neither the load balancer nor users reach.
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub metrics: Option<SocketAddr>,

    /// The format of the log on standard error.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// Logs audit events, with their users: target tower_alb_auth::audit. They are sessions, refusals, sign-outs, tokens, signing
    /// keys, deny lists and reloads; docs/OPERATING.md describes them.
    #[arg(long)]
    pub audit_log: bool,

    /// Writes the same events into this file too, as one JSON object a line in the shape of OCSF. It is opened again at SIGHUP.
    #[arg(long, value_name = "FILE")]
    pub audit_file: Option<PathBuf>,

    /// Adds email and display name of users to audit events.
    #[arg(long)]
    pub audit_with_profile: bool,

    /// Shuts out the users in this file, one JSON object a line, such as {"user": "user:default/jane.doe"}. A change of the file is in
    /// force within 2 s. The format is in docs/OPERATING.md.
    #[arg(long, value_name = "FILE")]
    pub deny_list: Option<PathBuf>,

    /// Shuts out the users in the table tower_alb_auth_denied of backend.database, which all replicas read. The accounts (issuer, subject,
    /// emails) of users who hold a token are kept in tower_alb_auth_accounts. The tables are created if they are missing, whether or not
    /// a stock auth backend uses the database.
    #[arg(long)]
    pub deny_list_in_database: bool,

    #[command(flatten)]
    pub connections: Connections,

    /// The number of replicas. More than one need a shared database.
    #[arg(long, value_name = "NUMBER", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub replicas: u16,
}

/// Limits of connections.
#[derive(Debug, Args)]
pub struct Connections {
    /// Seconds for the headers of a request, from their first byte: 30 unless set. Then the connection is closed.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=3_600))]
    header_timeout: Option<u16>,

    /// Seconds until a connection without a request is closed: 75 unless set. It must be longer than the idle timeout of the load
    /// balancer, which responds 502 otherwise now and then.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(1..=4_000))]
    idle_timeout: Option<u16>,

    /// The number of connections, WebSockets of --upstream included: 10,000 unless set. Further ones wait until one is closed.
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_connections: Option<u32>,
}

impl Connections {
    pub fn limits(&self) -> ConnectionLimits {
        let seconds = |seconds: u16| Duration::from_secs(seconds.into());
        let mut limits = ConnectionLimits::new();
        if let Some(timeout) = self.header_timeout {
            limits = limits.header_timeout(seconds(timeout));
        }
        if let Some(timeout) = self.idle_timeout {
            limits = limits.idle_timeout(seconds(timeout));
        }
        if let Some(number) = self.max_connections {
            limits = limits.max_connections(usize::try_from(number).unwrap_or(usize::MAX));
        }
        limits
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Plain text.
    Text,
    /// One JSON object a line: timestamp, level, target, fields, span.
    Json,
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "write it as 127.0.0.1:7007, or 0.0.0.0:7007 for every interface")
}
