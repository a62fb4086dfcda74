//! The load balancer's sign-in flow on a laptop: what an Application Load Balancer with an
//! `authenticate-oidc` action does, for development.

mod action;
mod child;
mod chosen_provider;
pub mod cli;
mod config;
mod front;
mod headers;
mod host;
mod inspect;
mod keys;
mod listener;
mod oidc;
mod paragraphs;
mod print_config;
pub mod provider;
mod proxy;
mod session;
mod start;

pub use self::config::{
    ClientAuthentication, ClientSecret, DemoSettings, EmulatorConfig, EmulatorSettings, Endpoints, IdentityProvider,
    OnUnauthenticated, Rule, RuleAction, SIGNER,
};
pub use self::start::Emulator;
