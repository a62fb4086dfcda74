//! The demo provider over real HTTP, as a browser and a client see it.
#![cfg(all(feature = "emulator", feature = "test-util"))]

mod site;
#[path = "../traced/mod.rs"]
mod traced;

mod authorize;
mod bounds;
mod builder;
mod client_auth;
mod codes;
mod hosts;
mod id_tokens;
mod login_page;
mod logs;
mod pages;
mod refresh;
mod sign_out;
mod switches;
mod userinfo;
mod users_file;
