//! Oracles of the fuzz targets: each takes any bytes and panics if a reader breaks its contract.
//!
//! An oracle reads the input a second time, by a library that the crate does not use for it or by the rule as it is written
//! in a standard, and compares verdict and values. `fuzz/run` runs them guided by coverage, and `fuzz/run --replay`
//! over every stored input.

mod app_config;
mod backstage_token;
mod callback;
mod cookies;
mod endpoint;
mod header;
mod json;
mod names;
mod paths;
mod postgres_url;
mod proxy_head;
mod public_key;
mod reading;
mod segments;
mod timestamp;
mod token;

/// The oracle of a target.
pub type Oracle = fn(&[u8]);

/// All targets. The names are those of the files in `fuzz_targets`, and of the folders with inputs.
pub const TARGETS: [(&str, Oracle); 15] = [
    ("app_config", app_config::run),
    ("backstage_token", backstage_token::run),
    ("callback", callback::run),
    ("cookies", cookies::run),
    ("endpoint", endpoint::run),
    ("header", header::run),
    ("json", json::run),
    ("names", names::run),
    ("paths", paths::run),
    ("postgres_url", postgres_url::run),
    ("proxy_head", proxy_head::run),
    ("public_key", public_key::run),
    ("segments", segments::run),
    ("timestamp", timestamp::run),
    ("token", token::run),
];

/// Runs the oracle of this target.
pub fn run(target: &str, data: &[u8]) {
    let oracle = TARGETS.iter().find(|(name, _)| *name == target);
    oracle.unwrap_or_else(|| panic!("there is no target {target}")).1(data);
}
