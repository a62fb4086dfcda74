//! The stores on a real PostgreSQL, beside Backstage's own auth backend on the same database.
//!
//! `.ci/peers` installs both; `cargo test --all-features --test peers postgres -- --ignored` runs these. Each test starts a server of
//! its own, in a folder that goes with it.

mod added_tables;
#[cfg(feature = "proxy")]
mod assertion_keys;
mod aws;
mod people;
mod relay;

/// What is promised of a deny list: from the change to the first refusal, on every replica.
const BOUND: std::time::Duration = std::time::Duration::from_secs(2);
/// What a machine under load adds to it.
const LOAD: std::time::Duration = std::time::Duration::from_secs(2);

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
