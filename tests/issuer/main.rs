//! The token issuer of Backstage's auth backend, from outside.
#![cfg(all(feature = "backstage", feature = "test-util"))]

mod files;
mod outage;
mod plugin;
mod refused;
mod replicas;
mod rotation;
mod secrets;
mod site;
mod tokens;
#[path = "../traced/mod.rs"]
mod traced;
