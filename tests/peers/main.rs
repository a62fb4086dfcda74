//! The emulator beside programs that others wrote: identity providers, and a verifier of load balancers' tokens.
//!
//! `.ci/peers` installs them; `cargo test --all-features --test peers -- --ignored` runs these.
#![cfg(all(feature = "emulator", feature = "test-util"))]

mod browser;
mod process;

mod providers;
mod verifier;
