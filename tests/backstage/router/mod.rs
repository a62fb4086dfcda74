//! Backstage's auth backend, from outside: over HTTP, as browsers and back ends ask it.

mod address;
mod audit;
mod behind;
mod configuration;
mod deny;
mod fallback;
mod guest;
mod keys;
mod mounting;
mod other_sites;
mod refusals;
mod remembered;
mod routes;
mod session;
mod site;
mod store_errors;
mod strangers;
mod trace_id;
mod user_info;
mod users;
