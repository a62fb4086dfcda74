//! Parts of an application that require more than the layer around all of it: a user, an ownership,
//! a claim.
//!
//! A [`RequireLayer`] stands inside an [`AlbAuthLayer`](crate::AlbAuthLayer), required or optional,
//! around a route or a service. It reads what the outer layer left in the request's extensions. It
//! verifies no token, and admits no request that the outer layer would reject.
//!
//! | in the request | [`signed_in`](RequireLayer::signed_in) | [`owner_of_any`](RequireLayer::owner_of_any), [`owner_of_all`](RequireLayer::owner_of_all) | [`claim_equals`](RequireLayer::claim_equals) and the others of claims |
//! |---|---|---|---|
//! | a user who meets the requirement | accepted | accepted | accepted |
//! | a user who does not | accepted | 403 | 403 |
//! | a user without an identity, under a policy that gives others one | accepted | 403 | by the claims |
//! | no user (optional layer, exempt path) | 401 | 401 | 401 |
//! | claims alone, of a policy that gives no identities | accepted | 500, the application's mistake | by the claims |
//! | nothing, because no layer is around it | 500 | 500 | 500 |
//!
//! A closure of [`claims_match`](RequireLayer::claims_match) that panics is the application's
//! mistake too: 500 for that request. The operator's log says whether a claim is missing, malformed
//! or has a different value.
//!
//! Refusals have the form of the outer layer (its text, Backstage's JSON, its closure's, gRPC's),
//! unless the requirement has a form of its own. They carry their [`AuthError`](crate::AuthError)
//! for an outer layer.

mod claim;
mod future;
mod layer;
mod ownership;
mod requirement;

pub use self::{
    future::RequireResponseFuture,
    layer::{Require, RequireLayer},
};
