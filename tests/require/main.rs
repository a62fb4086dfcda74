//! Parts of an application that demand a user, an ownership or a claim, inside the layer.
#![cfg(all(feature = "axum", feature = "https", feature = "test-util"))]

#[path = "../traced/mod.rs"]
mod traced;
#[path = "../wire/mod.rs"]
mod wire;

mod demands;
mod frameworks;
mod mistakes;
mod panics;
mod readiness;
mod uniform;
