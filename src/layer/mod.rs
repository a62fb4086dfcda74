//! The middleware: [`AlbAuthLayer`], [`AlbAuth`], what it refuses with.
//!
//! # What it does with a request
//! | request | answer |
//! |---|---|
//! | a good `x-amzn-oidc-data`, a user the sign-in policy lets in | the inner service, with the identity in the extensions |
//! | no `x-amzn-oidc-data` | 401; with [`optional`](AlbAuthLayer::optional) the inner service, without an identity |
//! | a bad one, or more than one | 401, always: nothing makes a bad token an absent one |
//! | a good one, a user the policy does not let in | 403; 409 where several users match |
//! | keys or catalog out of reach | 503 with `Retry-After` |
//! | an [exempt](AlbAuthLayer::exempt_path) path, GET or HEAD | the inner service, without an identity |
//!
//! On every path: an identity that stood in the extensions before is removed, and the `x-amzn-oidc-*` headers, look-alikes
//! with underscores included, are taken off. The body is not touched, neither the request's nor the response's.
//!
//! # What it needs around it
//! - It wraps the whole service: `Router::layer` in axum covers the routes added before it, so add it last.
//! - One layer a request: the headers are gone for a second one inside, which therefore sees nobody; it logs an error that
//!   says so. Parts of an application require a user, an ownership or a claim by a [`RequireLayer`].
//! - CORS stands outside: a preflight request carries no header, and is refused like any request without one.
//! - The target must be reachable from the load balancer alone: see SECURITY.md.

mod alb_auth_layer;
#[cfg(feature = "axum")]
pub mod extract;
mod future;
mod handle;
mod marks;
mod refusal;
mod relay;
mod require;
mod service;
mod settings;
mod sign_out;
mod signed_in;
mod watch;

pub(crate) use self::marks::{Anonymous, Unnamed};
#[cfg(feature = "axum")]
pub(crate) use self::refusal::refuse;
#[cfg(feature = "backstage")]
pub(crate) use self::refusal::{CHALLENGE, Format, Refusal};
pub use self::{
    alb_auth_layer::AlbAuthLayer,
    future::ResponseFuture,
    handle::{AlbAuthHandle, Stats, WarmUpError},
    marks::AlbAccessToken,
    refusal::{RefusalBody, Refuse, RefuseWith, RefusedRequest, StandardRefusal, WithRefusalBody},
    relay::{RelayIdentity, RelayIdentityLayer, RelayScope, RelayScopeLayer, RelayScopeResponseFuture},
    require::{Require, RequireLayer, RequireResponseFuture},
    service::AlbAuth,
    sign_out::{SignOut, SignOutBuilder},
    signed_in::SignedIn,
    watch::Watch,
};
