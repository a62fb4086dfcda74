//! The emulator, by real HTTP: a browser that keeps cookies, a provider, and an application behind the layer.

mod scripted;
mod site;

mod attacks;
mod callback;
mod configuration;
mod connections;
mod containers;
mod early_close;
mod front_end;
mod hostile_provider;
mod incomplete;
mod jwt_validation;
mod keys;
mod keys_tls;
mod limits;
mod metrics;
mod paths;
mod provider_users;
mod providers;
mod proxy;
mod renewal;
mod rules;
mod rules_files;
mod rules_properties;
mod sessions;
mod sign_in;
mod smuggling;
mod tls;
