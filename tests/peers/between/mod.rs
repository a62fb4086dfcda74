//! What stands between a load balancer and an application, or between a browser and the emulator: the tables of
//! docs/BETWEEN.md, measured.
//!
//! `.ci/peers` installs the programs; `cargo test --all-features --test peers between -- --ignored` runs these.

mod caches;
mod clients;
mod programs;
mod running;
mod sizes;

use std::path::PathBuf;

/// Where `.ci/peers` put the programs of this folder.
fn installed() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peers/between");
    assert!(folder.join("installed-requirements.txt").exists(), "the peers are not installed: run .ci/peers");
    folder
}
