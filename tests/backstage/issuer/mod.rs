//! The token issuer of Backstage's auth backend, from outside.

mod audit;
mod files;
mod lone_replica;
mod neighbours;
mod outage;
mod plugin;
mod refused;
mod remembered;
mod replicas;
mod rotation;
mod secrets;
mod site;
mod tokens;
