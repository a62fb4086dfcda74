//! The program `backstage-auth` as a process behind the local load balancer, and the way on to an upstream.

mod arguments;
mod audit;
mod bounded_log;
mod catalog;
mod check;
mod connections;
mod counted;
mod deny;
mod embedded;
mod ending;
mod front_end;
mod guest;
mod health;
mod healthcheck;
mod hostile;
mod observed;
mod printed;
mod settings;
mod sign_in;
mod site;
mod upstream;
mod upstream_failures;
mod upstream_headers;
mod upstream_paths;

// Backstage's own auth backend on a PostgreSQL, as tests/postgres has them.
mod stock;
mod trace_id;
