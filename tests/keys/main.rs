//! The key store, and keys over real connections.

#[path = "../support/mod.rs"]
mod support;

mod https;
mod store;
