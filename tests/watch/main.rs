//! Settings that change while requests come: files that are watched, and reloads under load.
#![cfg(all(feature = "axum", feature = "https", feature = "test-util"))]

#[path = "../support/mod.rs"]
mod support;
#[path = "../traced/mod.rs"]
mod traced;
#[path = "../wire/mod.rs"]
mod wire;

mod files;
#[cfg(feature = "app-config")]
mod includes;
mod keys;
mod load;
