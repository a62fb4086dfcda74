//! Backstage's auth backend: settings, issuer, router, and the service as a process.

#[path = "../support/mod.rs"]
mod support;

mod issuer;
mod router;
mod service;
mod settings;
mod store;
