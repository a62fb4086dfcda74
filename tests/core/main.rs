//! Tokens, sign-in policies and configuration, from outside.

#[path = "../support/mod.rs"]
mod support;

mod access_token;
mod app_config;
mod catalog;
mod causes;
mod config;
mod exhaustive;
mod explain;
mod serializable;
mod settings;
mod sign_in;
mod tokens;
