//! Parts of an application that demand more than the layer around all of it: a user, an ownership, a claim.
//!
//! They stand inside an [`AlbAuthLayer`](crate::AlbAuthLayer), required or optional, around a route or a service, and look at
//! what it left in the request's extensions. They verify nothing, and let nobody in by themselves.
//!
//! | in the request | [`RequireSignIn`] | [`RequireOwnership`] | [`RequireClaim`] |
//! |---|---|---|---|
//! | a user who has what is demanded | in | in | in |
//! | a user who has not | in | 403 | 403 |
//! | a user whom the policy did not name, though it names others | in | 403 | by the claims |
//! | nobody (optional layer, exempt path) | 401 | 401 | 401 |
//! | claims alone, of a policy that names nobody | in | 500, the application's mistake | by the claims |
//! | nothing, because no layer is around it | 500 | 500 | 500 |
//!
//! A closure of `RequireClaim::that` that panics is the application's mistake too: 500 for that request. The operator reads
//! whether a claim is missing, malformed or another one.
//!
//! Refusals have the layer's form (its text, Backstage's JSON, its closure's, gRPC's), unless the requirement has a form of its
//! own, and carry their [`AuthError`](crate::AuthError) for an outer layer.

mod claim;
mod demand;
mod future;
mod ownership;
mod service;
mod sign_in;

pub use self::{
    claim::RequireClaim,
    future::RequireFuture,
    ownership::RequireOwnership,
    service::{Require, Required},
    sign_in::RequireSignIn,
};
