//! Machines: callers with their own bearer token, beside the users of a load balancer.
//!
//! A rule with ALB's action `jwt-validation` forwards the bearer token as it is. A request that reaches the target by another
//! way has passed no rule, so [`MachineLayer`] verifies the token again. It belongs inside an
//! [optional](crate::AlbAuthLayer::optional) [`AlbAuthLayer`](crate::AlbAuthLayer), or stands alone where there are no users.
//!
//! | the request has | result |
//! |---|---|
//! | a user of the outer layer, with or without a bearer token | the caller is the user; the bearer token is not read |
//! | `x-amzn-oidc-data` that no outer layer verified | 401, with a valid bearer token too: one proof is not tried in place of another |
//! | no bearer token, or several headers `authorization`, or another scheme | 401 |
//! | a valid bearer token | a [`MachineIdentity`] in the extensions, and no user |
//! | another algorithm than RS256 or ES256 by a key of the issuer; another issuer, audience or client; an ID token; expired | 401 |
//! | keys of the issuer unreachable and not held | 503 with `Retry-After` |
//!
//! The other headers `x-amzn-oidc-*` and their look-alikes are removed, unless the caller is a user: then the outer layer has
//! removed or verified them. A machine never has a [`BackstageIdentity`](crate::BackstageIdentity) or
//! [`Claims`](crate::Claims). A `MachineIdentity` that was in the extensions before is removed on every path.
//!
//! Keys are fetched and held as those of access tokens: at most one fetch for unknown kids in
//! [`KeyLimits::unknown_for`](crate::KeyLimits::unknown_for). A made-up kid spends it, so an issuer that publishes a new key
//! should wait for that time before it signs with it.
//!
//! Each decision is counted in `alb_auth_machine_decisions_total`. Refusals are lines at level DEBUG, and with
//! [`audit_trail`](MachineLayer::audit_trail) events; a machine that is accepted is an event once an hour.

mod future;
mod identity;
mod record;
mod service;

pub use self::{
    future::MachineResponseFuture,
    identity::MachineIdentity,
    service::{MachineAuth, MachineLayer},
};
