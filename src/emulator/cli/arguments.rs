//! What the program is told on the command line.

use clap::{Parser, Subcommand};

use super::inspect::Inspect;

/// A load balancer for the laptop.
#[derive(Debug, Parser)]
#[command(name = "alb-emulator", version, args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) task: Option<Task>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Task {
    Inspect(Inspect),
}
