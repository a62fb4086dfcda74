//! The emulator beside programs that others wrote: identity providers, and a verifier of load balancers' tokens.
//!
//! `.ci/peers` installs them; `cargo test --all-features --test peers programs -- --ignored` runs these.

pub(crate) mod browser;
pub(crate) mod process;

mod providers;
mod verifier;
