//! The product beside programs of others. `.ci/peers` installs them; `cargo test --all-features --test peers -- --ignored --skip soak::` runs
//! these. `.ci/soak` runs the module `soak`, which takes minutes and the machine to itself.

// The example `tour`, whose files name one another by the crate.
#[path = "../../examples/tour/app.rs"]
mod app;
#[path = "../../examples/tour/pages.rs"]
mod pages;
#[path = "../../examples/tour/start.rs"]
mod start;

#[path = "../support/mod.rs"]
mod support;

mod app_config;
mod between;
mod browser;
mod containers;
mod front_end;
#[cfg(all(feature = "proxy", target_os = "linux"))]
mod memory;
mod monitoring;
#[cfg(feature = "proxy")]
mod our_programs;
mod postgres;
mod programs;
mod rules;
#[cfg(feature = "proxy")]
mod soak;
mod stock_backstage;
#[cfg(feature = "proxy")]
mod traced_programs;
mod verifiers;
