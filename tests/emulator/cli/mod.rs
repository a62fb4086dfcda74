//! The program `alb-emulator`, run as users run it.

mod application;
mod program;
mod rules_files;
mod running;

mod child;
mod healthcheck;
mod help;
mod inspect;
mod metrics;
mod mistakes;
mod page;
mod printed;
mod provider_only;
mod settings_file;
mod sign_in;
