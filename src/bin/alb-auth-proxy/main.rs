//! The sidecar and forward-auth service: `alb-auth-proxy --help`, and docs/PROXY.md.
//!
//! | file | its role |
//! |---|---|
//! | `cli.rs` | the command line and its environment variables |
//! | `flags.rs` | the settings that have a flag |
//! | `check.rs` | the subcommand `check` |
//! | `serve.rs` | serving and graceful shutdown |
//! | `../shared/signals.rs` | the signals that end it, shared with the other service |
//! | `../shared/rotation.rs` | the audit file after a rotation, shared likewise |
//! | `log.rs` | where and how it logs |

// Input from outside must not make a server panic.
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::arithmetic_side_effects)]

mod check;
mod cli;
mod flags;
mod log;
#[path = "../shared/rotation.rs"]
mod rotation;
mod serve;
#[path = "../shared/signals.rs"]
mod signals;

use std::process::ExitCode;

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
