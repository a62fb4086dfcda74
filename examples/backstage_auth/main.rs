//! Backstage's auth backend as a small service: the provider `awsalb` for the stock front end and stock back ends, by the
//! settings in Backstage's own files.
//!
//! ```text
//! cargo run --example backstage_auth --features backstage,postgres -- --config app-config.yaml
//! cargo run --example backstage_auth --features backstage -- check --config app-config.yaml
//! cargo run --example backstage_auth --features backstage -- --help
//! ```
//!
//! | file | its role |
//! |---|---|
//! | `arguments.rs` | the command line |
//! | `settings.rs` | what the files say |
//! | `policy.rs` | whom the load balancer may sign in, and who becomes whom |
//! | `shared.rs` | what replicas share: memory or PostgreSQL |
//! | `assemble.rs` | the parts, put together |
//! | `app.rs` | the routes, and what stands around them |
//! | `health.rs` | liveness and readiness |
//! | `front_end.rs` | a built front end |
//! | `start_lines.rs` | what is printed at the start |
//! | `serve.rs` | listening and ending |
//! | `self_check.rs` | the whole way by itself, for CI: `--check`, which needs the feature `emulator` |

mod app;
mod arguments;
mod assemble;
mod front_end;
mod health;
mod policy;
#[cfg(feature = "emulator")]
mod self_check;
mod serve;
mod settings;
mod shared;
mod start_lines;

use std::{fmt::Display, io::IsTerminal, net::SocketAddr, process::ExitCode, time::Duration};

use clap::Parser;
use tokio::net::TcpListener;
use tower_alb_auth::{backstage::settings::ListenSettings, config::AppConfig, layer::Watch};
use tracing_subscriber::EnvFilter;

use crate::{
    arguments::{Arguments, Serve, Task},
    assemble::{Assembled, assemble},
};

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { task, serve: arguments, check } = Arguments::parse();
    log(if check { "error" } else { "info" });
    let outcome = match task {
        Some(Task::Check { files }) => files.found().and_then(|paths| settings::check(&paths).map_err(sentence)),
        None if check => self_check(arguments).await,
        None => serve(arguments).await.map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("backstage_auth: {problem}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(feature = "emulator")]
async fn self_check(arguments: Serve) -> Result<bool, String> {
    self_check::walk(arguments).await.map_err(sentence)
}

#[cfg(not(feature = "emulator"))]
async fn self_check(_: Serve) -> Result<bool, String> {
    Err("--check needs the feature emulator: cargo run --features backstage,emulator".to_owned())
}

async fn serve(arguments: Serve) -> Result<(), String> {
    let paths = arguments.files.found()?;
    // Before they are read, so that a change after that is noticed.
    let watch = Watch::files(&paths).every(LOOK);
    let files = AppConfig::load(&paths).map_err(sentence)?;
    let Assembled { service, settings, layer, policy, health, shared, mut lines, tending: _tending } =
        assemble(&files, &arguments).map_err(sentence)?;
    settings.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let _watching = layer.handle().watch(watch, move || policy.read());
    let _refreshing = layer.handle().refresh_in_background();

    let listener = listen(arguments.listen, &settings.listen).await?;
    let address = listener.local_addr().map_err(sentence)?;
    lines.add("Listens at", format!("http://{address}"));
    println!(
        "backstage_auth {}: users whom the load balancer signed in, for Backstage\n\n{lines}",
        env!("CARGO_PKG_VERSION")
    );
    shared.check().await;
    let delay = Duration::from_secs(arguments.shutdown_delay.into());
    serve::until_told_to_end(listener, service, health, delay).await.map_err(sentence)
}

/// At the address of the command line, else at that of the files.
async fn listen(address: Option<SocketAddr>, files: &ListenSettings) -> Result<TcpListener, String> {
    let (host, port) = match address {
        Some(address) => (address.ip().to_string(), address.port()),
        None => (files.host.clone().unwrap_or_else(|| "0.0.0.0".to_owned()), files.port),
    };
    let failed = |error| {
        format!("it cannot listen at {host}:{port}: {error}; name another address by --listen or backend.listen")
    };
    TcpListener::bind((host.as_str(), port)).await.map_err(failed)
}

fn sentence(error: impl Display) -> String {
    error.to_string()
}

fn log(usual: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(usual));
    let to = std::io::stderr;
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(to).with_ansi(to().is_terminal()).init();
}
