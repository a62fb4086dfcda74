//! The load balancer's sign-in flow on a laptop: what an Application Load Balancer with an `authenticate-oidc` action does,
//! for development.

pub mod cli;
mod config;
mod inspect;
mod paragraphs;
pub mod provider;

pub use self::config::{
    ClientAuthentication, ClientSecret, DemoSettings, EmulatorConfig, EmulatorSettings, EndpointSettings, Endpoints,
    IdentityProvider, OnUnauthenticated, Rule, RuleAction, RuleSettings, SIGNER,
};
