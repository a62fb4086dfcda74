//! The proxy for services in any language, by real HTTP: a mock load balancer, the proxy, and a service that returns what it saw.

#[path = "../support/audited.rs"]
mod audited;
#[allow(dead_code, reason = "each test binary uses a part of it")]
#[path = "../support/https"]
mod https {
    pub mod certificates;
    pub mod server;
}
#[path = "../support/port.rs"]
mod port;
#[path = "../support/process.rs"]
mod process;
mod site;
#[path = "../support/traced.rs"]
mod traced;

mod address;
mod application_servers;
mod applications;
mod assertion;
mod assertion_database;
mod assertion_service;
mod audit;
mod blank_values;
mod check;
mod counted;
mod deny_list;
mod emulator_ca;
mod ext_authz;
mod forgotten;
mod forward_auth;
mod fragments;
mod framing;
mod gateways;
mod grpc;
mod header_sizes;
mod healthcheck;
mod hosts;
mod identity;
mod issuers;
mod jupyterhub;
mod layer_settings;
mod left_responses;
mod listeners;
mod long_streams;
#[cfg(target_os = "linux")]
mod memory;
mod mutated;
mod other_hosts;
mod other_paths;
mod other_readings;
mod passed_on;
mod peer;
mod profiles;
mod program;
mod refused_streams;
mod replaced_files;
mod resent;
mod reused_connections;
mod rules;
mod settings;
mod smuggling;
mod trace_id;
mod unverified;
mod uploads;
mod uploads_after_response;
