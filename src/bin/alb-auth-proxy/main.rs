//! The sidecar and forward-auth service: `alb-auth-proxy --help`, and docs/PROXY.md.
//!
//! | file | its role |
//! |---|---|
//! | `cli.rs` | the command line and its environment variables |
//! | `flags.rs` | the settings that have a flag |
//! | `check.rs` | the subcommand `check` |
//! | `serve.rs` | serving and graceful shutdown |
//! | `../shared/healthcheck.rs` | the subcommand `healthcheck`, for containers, shared with the other service |
//! | `../shared/signals.rs` | the signals that end it, shared with the other service |
//! | `../shared/audit_file.rs` | the audit file after a rotation and at the end, shared likewise |
//! | `log.rs` | where and how it logs |

// Input from outside must not make a server panic.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::arithmetic_side_effects)]

#[path = "../shared/audit_file.rs"]
mod audit_file;
mod check;
mod cli;
mod flags;
#[path = "../shared/healthcheck.rs"]
mod healthcheck;
mod log;
mod serve;
#[path = "../shared/signals.rs"]
mod signals;

use std::{net::SocketAddr, process::ExitCode};

use tower_alb_auth::auth_proxy::Settings;

use crate::cli::{Invocation, Task};

/// Exit code for an invalid command line; the same as clap's.
const USAGE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let invocation = match Invocation::parse() {
        Ok(invocation) => invocation,
        Err(problem) => {
            eprintln!("alb-auth-proxy: {problem}");
            return ExitCode::from(USAGE);
        }
    };
    let outcome = match invocation.task {
        Task::Check => check::run(&invocation),
        Task::Healthcheck { address } => is_alive(&invocation, address),
        Task::Serve => serve::run(&invocation).await.map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("alb-auth-proxy: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Whether the proxy with these settings responds, or the one at this address.
fn is_alive(invocation: &Invocation, address: Option<SocketAddr>) -> Result<bool, String> {
    let address = match address {
        Some(address) => address,
        None => {
            let settings = Settings::read(invocation.file.as_deref(), &invocation.overrides, &invocation.variables)
                .map_err(|error| error.to_string())?;
            settings.liveness_address().ok_or(
                "the health check needs a listener without TLS that responds to it, and the settings have none: set \
                 admin_listen, such as 127.0.0.1:9464",
            )?
        }
    };
    healthcheck::run(address, Settings::LIVENESS_PATH)
}
