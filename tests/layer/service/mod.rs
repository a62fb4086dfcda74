//! The layer, from outside: which requests it lets through, what it does to them on the way, and what others get instead.

mod inside;

mod access_token;
mod authenticate;
mod bodies;
mod cache_control;
mod flood;
mod grpc_form;
mod hints;
mod identity_header;
mod look_alikes;
mod modes;
mod named;
mod operator;
mod paths;
mod preflight;
mod readiness;
mod refusals;
mod reload;
mod signers;
mod stale_extensions;
mod switches;
mod tokens;
mod trace_id;
mod uniform;
mod users;
