//! The program `alb-auth-proxy`: the verification of this crate for services in any language.
//!
//! | mode | file | for |
//! |---|---|---|
//! | reverse proxy | `reverse_proxy.rs` | a service behind the proxy, which reads the user from headers |
//! | forward auth | `forward_auth.rs` | a gateway (nginx, Caddy, Traefik) that queries it before each request |
//!
//! | Envoy's `ext_authz` | `ext_authz/` (gRPC), `forward_auth.rs` (HTTP) | Envoy, which has the request and edits its headers |
//! | assertion | `assertion.rs` | with any of them: a JWT that any library verifies |
//!
//! All modes share one authenticator: one configuration of trust, one key store, one token cache. `gate.rs`
//! removes what a client sent as an identity, verifies the token, and makes the headers of the user. A mode
//! gets admitted requests only.
//!
//! | request | admitted |
//! |---|---|
//! | a good token, a user who meets the requirements of all rules that apply | yes, with the user's headers |
//! | a good token, a claim that does not fit into a header | no: 403 |
//! | no token, a path that is optional or exempt | yes, without any identity header |
//! | anything else | no: as at the layer |
//!
//! The program's page is docs/PROXY.md.

mod assertion;
mod counters;
mod error_response;
mod ext_authz;
mod forward_auth;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod gate;
mod health;
mod identity_headers;
mod long_streams;
mod other_targets;
mod profile;
mod reverse_proxy;
mod rules;
mod serve;
mod settings;
mod start;
mod template;
mod tls_files;

pub use self::{
    settings::{Check, KEYS, LogSettings, Override, Settings},
    start::{Addresses, AuthProxy},
};
