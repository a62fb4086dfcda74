//! The stores on a real PostgreSQL, beside Backstage's own auth backend on the same database.
//!
//! `.ci/peers` installs both; `cargo test --all-features --test peers postgres -- --ignored` runs these. Each test starts a server of
//! its own, in a folder that goes with it.

#[cfg(feature = "proxy")]
mod assertion_keys;
mod aws;
mod people;
mod relay;

mod denied_account;
mod denied_in_time;
mod deny;
mod lone_replica;
mod neighbours;
mod outage;
mod rds;
mod replicas;
mod rows;
mod stock;
mod tables;
mod tls;
