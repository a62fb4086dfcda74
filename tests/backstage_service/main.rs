//! The example `backstage_auth` as a process behind the local load balancer, and the way on to an upstream.
//!
//! `cargo test` builds the examples beside the tests, so it is not built again here.
#![cfg(all(feature = "backstage", feature = "emulator", feature = "test-util"))]

mod arguments;
mod catalog;
mod check;
mod ending;
mod front_end;
mod guest;
mod health;
mod hostile;
mod service;
mod settings;
mod sign_in;
mod site;
#[path = "../traced/mod.rs"]
mod traced;
mod upstream;
mod upstream_failures;
mod upstream_headers;
mod upstream_paths;

// Backstage's own auth backend on a PostgreSQL, as tests/postgres has them.
#[cfg(feature = "postgres")]
#[allow(dead_code, reason = "used in part")]
#[path = "../postgres/backstage.rs"]
mod backstage;
#[cfg(feature = "postgres")]
#[allow(dead_code, reason = "used in part")]
#[path = "../postgres/database.rs"]
mod database;
#[cfg(feature = "postgres")]
#[allow(dead_code, reason = "used in part")]
#[path = "../postgres/server.rs"]
mod server;
#[cfg(feature = "postgres")]
mod stock;
