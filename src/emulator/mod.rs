//! The load balancer's sign-in flow on a laptop: what an Application Load Balancer with an
//! `authenticate-oidc` action does, for development.
//!
//! The program `alb-emulator` is this library with a command line.

mod action;
mod application_settings;
mod chosen_provider;
mod config;
mod counters;
mod front;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod headers;
mod health;
mod host;
mod keys;
mod listener;
mod oidc;
pub mod provider;
mod proxy;
mod rules;
mod session;
mod start;
mod suggestion;
mod unprotected;

pub use self::{
    application_settings::ApplicationSettings,
    config::{
        ClientAuthentication, ClientSecret, DemoSettings, EmulatorConfig, EmulatorSettings, Endpoints,
        IdentityProvider, OnJwtValidation, OnUnauthenticated, ReservedClaims, Rule, RuleAction, SIGNER, Target,
    },
    start::Emulator,
};
