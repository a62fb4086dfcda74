//! The proxy for services in any language, by real HTTP: a mock load balancer, the proxy, and a service that says what it saw.

#[path = "../support/port.rs"]
mod port;
mod site;

mod applications;
mod assertion;
mod blank_values;
mod deny_list;
mod ext_authz;
mod forward_auth;
mod gateways;
mod grpc;
mod identity;
mod mutated;
mod other_paths;
mod partly_decoded;
mod passed_on;
mod program;
mod rules;
mod settings;
mod smuggling;
mod unverified;
