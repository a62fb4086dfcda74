//! The verified header goes from service to service: an axum edge, and a tonic or hyper service behind it that verifies it
//! again. Over real connections.
#![cfg(all(feature = "axum", feature = "https", feature = "test-util"))]

#[path = "../wire/mod.rs"]
mod wire;

#[path = "../traced/mod.rs"]
mod traced;

mod client;
mod edge;
mod redirects;
