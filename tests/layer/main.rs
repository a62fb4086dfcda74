//! The layer and what stands beside it, in tower, axum, hyper and tonic.

#[path = "../support/mod.rs"]
mod support;

mod around;
mod audit;
mod audit_behind;
mod audit_failures;
mod audit_kept;
mod audit_reloads;
mod axum;
mod compose;
mod deny;
mod gateways;
mod header_sizes;
mod hyper;
mod listen;
mod messages;
mod metrics;
mod regressions;
mod relay;
mod require;
mod service;
mod shared_caches;
mod sign_out;
mod tonic;
mod watch;
