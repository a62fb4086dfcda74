//! Backstage's auth backend, from outside: over HTTP, as browsers and back ends ask it.
#![cfg(all(feature = "backstage", feature = "test-util"))]

mod configuration;
mod fallback;
mod guest;
mod keys;
mod mounting;
mod other_sites;
mod refusals;
mod routes;
mod session;
mod site;
mod strangers;
#[path = "../traced/mod.rs"]
mod traced;
mod user_info;
mod users;
#[path = "../wire/mod.rs"]
mod wire;
