//! The emulator, its provider and its command line.

#[path = "../support/mod.rs"]
mod support;

mod cli;
mod load_balancer;
mod provider;
