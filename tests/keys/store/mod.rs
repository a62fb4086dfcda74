//! The key store, seen through the layer: what is fetched, what is kept, what is given up, and what the user gets meanwhile.
//!
//! Keys come from memory here. Connections, TLS and HTTP have tests of their own.

mod background;
mod beyond_lifetime;
mod clocks;
mod cold;
mod eviction;
mod existing_kids;
mod fixed;
mod flood;
mod held;
mod outage;
mod readiness;
mod reload;
mod replaced;
mod revocation;
mod rotation;
mod runtimes;
mod setup;
mod single_flight;
mod source;
mod stand_still;
mod stress;
mod wrong_keys;
