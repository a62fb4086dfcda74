//! The auth backend beside what Backstage publishes: its front ends in a browser, its back end with the catalog, its own
//! awsalb provider, and the library that reads its tokens.
//!
//! `.ci/peers` installs them; `cargo test --all-features --test stock_backstage -- --ignored` runs these. Set `SCREENSHOTS`
//! to a directory to look at the pages yourself.
#![cfg(all(feature = "backstage", feature = "emulator", feature = "test-util"))]

mod auth_backend;
mod both;
#[path = "../browser/driver.rs"]
mod driver;
#[path = "../peers/process.rs"]
mod process;
#[allow(dead_code, reason = "other tests need more of it")]
#[path = "../backstage_service/service.rs"]
mod service;
mod site;
mod stock;

mod back_end;
mod example;
mod front_ends;
mod guide;
mod side_by_side;
mod tokens;
