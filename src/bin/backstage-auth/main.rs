//! Backstage's auth backend as a service: the provider `awsalb` for the stock front end and stock back ends, by the settings in
//! Backstage's own files.
//!
//! ```text
//! cargo install --locked --path . --features backstage-auth
//! backstage-auth check --config app-config.yaml
//! backstage-auth --config app-config.yaml
//! backstage-auth --help
//! ```
//!
//! The mapping from files to parts is in the library: [`tower_alb_auth::backstage::service`].
//!
//! | file | its role |
//! |---|---|
//! | `cli.rs` | the command line |
//! | `audit.rs` | the audit trail |
//! | `deny_lists.rs` | the deny lists that the arguments name |
//! | `check.rs` | the subcommand `check` |
//! | `assemble.rs` | builds the service from files and arguments |
//! | `routes.rs` | the routes and the layers around them |
//! | `health.rs` | liveness and readiness |
//! | `../shared/healthcheck.rs` | the subcommand `healthcheck`, for containers |
//! | `metrics.rs` | metrics for Prometheus |
//! | `front_end.rs` | a built front end |
//! | `start_lines.rs` | the lines printed at start-up |
//! | `serve.rs` | serving and graceful shutdown |
//! | `../shared/signals.rs` | the signals that end it, shared with the other service |
//! | `../shared/audit_file.rs` | the audit file after a rotation and at the end, shared likewise |
//! | `self_check/` | `--check`, for CI: a sign-in from end to end (needs the feature `emulator`) |

// Input from outside must not make a server panic.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::arithmetic_side_effects)]

mod assemble;
mod audit;
#[path = "../shared/audit_file.rs"]
mod audit_file;
mod check;
mod cli;
mod deny_lists;
mod front_end;
mod health;
#[path = "../shared/healthcheck.rs"]
mod healthcheck;
mod metrics;
mod routes;
#[cfg(feature = "emulator")]
mod self_check;
mod serve;
#[path = "../shared/signals.rs"]
mod signals;
mod start_lines;

use std::{fmt::Display, io::IsTerminal, net::SocketAddr, process::ExitCode, time::Duration};

use clap::Parser;
use tokio::net::TcpListener;
use tower_alb_auth::{backstage::settings::ListenSettings, config::AppConfig, layer::Watch};
use tracing_subscriber::EnvFilter;

use crate::{
    assemble::{Assembled, assemble},
    cli::{Arguments, LogFormat, Serve, Task},
};

/// Interval at which the files are checked for changes.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { task, serve: arguments, check } = Arguments::parse();
    log(if check { "error" } else { "info" }, arguments.log_format);
    let outcome = match task {
        Some(Task::Check { files }) => files.found().and_then(|paths| check::run(&paths).map_err(message)),
        Some(Task::Healthcheck { address }) => healthcheck::run(address, health::LIVENESS),
        None if check => self_check(arguments).await,
        None => serve(arguments).await.map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("backstage-auth: {problem}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "emulator")]
async fn self_check(arguments: Serve) -> Result<bool, String> {
    self_check::walk(arguments).await.map_err(message)
}

#[cfg(not(feature = "emulator"))]
async fn self_check(_: Serve) -> Result<bool, String> {
    Err("--check needs the feature emulator: cargo run --bin backstage-auth --features backstage-auth,emulator"
        .to_owned())
}

async fn serve(arguments: Serve) -> Result<(), String> {
    let paths = arguments.files.found()?;
    // Before anything is counted.
    let metrics = arguments.metrics.map(|address| metrics::install().map(|metrics| (address, metrics))).transpose()?;
    let trail = audit::open(&arguments)?;
    // Before the files are read, so that no later change is missed.
    let watch = Watch::files(&paths).every(POLL_INTERVAL);
    let files = AppConfig::load(&paths).map_err(message)?;
    let Assembled { service, backend, health, mut lines, maintenance: _maintenance } =
        assemble(&files, &arguments, trail.as_ref()).map_err(message)?;
    audit::describe(&arguments, &mut lines);
    deny_lists::attach(&arguments, &backend, &mut lines).await?;
    let _watching = backend.watch(watch, move || AppConfig::load(&paths));
    let _refreshing = backend.layer().handle().refresh_in_background();

    let listener = listen(arguments.listen, &backend.settings().listen).await?;
    let address = listener.local_addr().map_err(message)?;
    if let Some((address, metrics)) = metrics {
        let address = metrics::serve(address, metrics).await?;
        lines.add("Metrics", format!("http://{address}/metrics, for Prometheus alone"));
    }
    lines.add("Listens at", format!("http://{address}"));
    println!(
        "backstage-auth {}: users that the load balancer signed in, for Backstage\n\n{lines}",
        env!("CARGO_PKG_VERSION")
    );
    // Not fatal: requests that need the database try again.
    if let Err(error) = backend.check_stores().await {
        tracing::warn!("{error}");
    }
    let delay = arguments.shutdown_delay.map(|seconds| Duration::from_secs(seconds.into()));
    let delay = delay.unwrap_or(backend.settings().shutdown_delay);
    let served =
        serve::until_stopped(listener, service, arguments.connections.limits(), health, delay).await.map_err(message);
    audit_file::flush(trail.as_ref());
    served
}

/// Listens at the address of the command line, or else at that of the files.
async fn listen(address: Option<SocketAddr>, files: &ListenSettings) -> Result<TcpListener, String> {
    let (host, port) = match address {
        Some(address) => (address.ip().to_string(), address.port()),
        None => (files.host.clone().unwrap_or_else(|| "0.0.0.0".to_owned()), files.port),
    };
    let failed = |error| {
        format!("it cannot listen at {host}:{port}: {error}; name another address by --listen or backend.listen")
    };
    tower_alb_auth::listen((host.as_str(), port)).await.map_err(failed)
}

fn message(error: impl Display) -> String {
    error.to_string()
}

fn log(default: &str, format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let to = std::io::stderr;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(to);
    match format {
        LogFormat::Text => log.with_ansi(to().is_terminal()).init(),
        LogFormat::Json => log.json().init(),
    }
}
