//! The local load balancer: the load balancer's sign-in flow on this machine, for development.
//!
//! ```text
//! cargo install --locked --path . --features emulator --bin alb-emulator
//! alb-emulator --demo -- cargo run
//! alb-emulator inspect --env < value.txt
//! alb-emulator --help
//! ```
//!
//! The load balancer itself is in the library: [`tower_alb_auth::emulator`], and so is what `inspect`
//! prints: [`tower_alb_auth::explain`].
//!
//! | file | its role |
//! |---|---|
//! | `arguments.rs`, `values.rs` | the command line |
//! | `settings.rs`, `settings_file.rs` | settings from command line, environment and file |
//! | `emulate.rs` | runs the load balancer |
//! | `provider_only.rs` | runs only the demo provider |
//! | `child.rs`, `signals.rs` | the application that it starts, and the signals of both |
//! | `start_lines.rs`, `paragraphs.rs` | the text at the start, and its layout |
//! | `inspect/` | the subcommand `inspect` |
//! | `../shared/healthcheck.rs` | the subcommand `healthcheck`, for containers, shared with the services |

// Input from outside must not make the program panic. Tests may.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

mod arguments;
mod child;
mod emulate;
mod exit_kind;
#[path = "../shared/healthcheck.rs"]
mod healthcheck;
mod inspect;
mod paragraphs;
mod provider_only;
mod settings;
mod settings_file;
mod signals;
mod start_lines;
mod streams;

use std::{io, process::ExitCode};

use clap::Parser as _;
use tower_alb_auth::emulator::Emulator;

use self::{
    arguments::{Arguments, Command},
    exit_kind::ExitKind,
    streams::Streams,
};

/// Exit code for an invalid command line or configuration; the same as clap's.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    // Not locked, because other threads write the log to standard error.
    let mut streams = Streams { stdin: &mut io::stdin(), stdout: &mut io::stdout(), stderr: &mut io::stderr() };
    let Arguments { command, emulate } = Arguments::parse();
    let ended = match command {
        Some(Command::Inspect(inspect)) => inspect.run(&mut streams),
        Some(Command::Healthcheck { address }) => Ok(match healthcheck::run(address, Emulator::HEALTH_PATH) {
            Ok(_) => ExitKind::Success,
            Err(problem) => {
                let _ = writeln!(streams.stderr, "alb-emulator: {problem}");
                ExitKind::Unhealthy
            }
        }),
        None => emulate.run(&mut streams),
    };
    ExitCode::from(match ended {
        Ok(kind) => kind.code(),
        Err(problem) => {
            // If standard error is closed, there is no other place to report it.
            let _ = writeln!(streams.stderr, "alb-emulator: {problem}");
            USAGE
        }
    })
}
