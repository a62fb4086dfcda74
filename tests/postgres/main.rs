//! The stores on a real PostgreSQL, beside Backstage's own auth backend on the same database.
//!
//! `.ci/peers` installs both; `cargo test --all-features --test postgres -- --ignored` runs these. Each test starts a server of
//! its own, in a folder that goes with it.
#![cfg(all(feature = "postgres", feature = "test-util"))]

#[path = "../traced/mod.rs"]
mod traced;

mod backstage;
mod database;
mod people;
mod server;

mod outage;
mod replicas;
mod rows;
mod stock;
mod tables;
mod tls;
