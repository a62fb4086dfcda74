//! The middleware: [`AlbAuthLayer`](crate::AlbAuthLayer), its service [`AlbAuth`], and its refusals.
//!
//! # What it does with a request
//! | request | response |
//! |---|---|
//! | a valid `x-amzn-oidc-data`, a user that the sign-in policy accepts | the inner service's; the identity is in the request's extensions |
//! | no `x-amzn-oidc-data` | 401; with [`optional`](crate::AlbAuthLayer::optional) the inner service's, without an identity |
//! | an invalid one, or more than one | 401, always: an invalid token is never treated as a missing one |
//! | a valid one, a user that the policy rejects | 403; 409 if several users match |
//! | keys or catalog unavailable | 503 with `Retry-After` |
//! | an [exempt](crate::AlbAuthLayer::exempt_path) path, GET or HEAD | the inner service's, without an identity |
//!
//! On every path, the layer removes an identity that was already in the extensions, and the
//! `x-amzn-oidc-*` headers, including look-alikes with underscores. It reads no body, neither of
//! the request nor of the response.
//!
//! # Where it stands
//! - Around the whole service: `Router::layer` in axum covers the routes added before it, so add it
//!   last.
//! - Once per request. An outer layer removes the headers, so a second one inside sees no user; it
//!   logs that as an error. Parts of an application require a user, an ownership or a claim by a
//!   [`RequireLayer`](crate::RequireLayer).
//! - Inside of CORS: a preflight request carries no header, and is rejected like any request
//!   without one.
//! - Inside or outside of other layers, such as those of tower-http. If a layer inside has a
//!   response body that cannot be made, as that of `TraceLayer`, call
//!   [`with_refusal_body`](crate::AlbAuthLayer::with_refusal_body):
//!
//! ```
//! # #[cfg(feature = "test-util")] {
//! use std::convert::Infallible;
//!
//! use http::{Request, Response};
//! use tower::{Service, ServiceBuilder, service_fn};
//! use tower_alb_auth::AlbAuthLayer;
//! use tower_http::trace::TraceLayer;
//!
//! fn service(auth: AlbAuthLayer) -> impl Service<Request<String>> {
//!     ServiceBuilder::new()
//!         .layer(auth.with_refusal_body())
//!         .layer(TraceLayer::new_for_http())
//!         .service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())))
//! }
//! # let _ = service(tower_alb_auth::test_util::MockAlb::new().layer());
//! # }
//! ```
//!
//! Without it the compiler reports "`StandardRefusal` cannot make a refusal for responses with the
//! body ..":
//!
//! ```compile_fail,E0277
//! # use std::convert::Infallible;
//! # use http::{Request, Response};
//! # use tower::{Service, ServiceBuilder};
//! # use tower_alb_auth::AlbAuthLayer;
//! # use tower_http::trace::TraceLayer;
//! fn service(auth: AlbAuthLayer) -> impl Service<Request<String>> {
//!     ServiceBuilder::new()
//!         .layer(auth)
//!         .layer(TraceLayer::new_for_http())
//!         .service_fn(async |_: Request<String>| Ok::<_, Infallible>(Response::new(String::new())))
//! }
//! ```
//!
//! The target must be reachable from the load balancer alone: see SECURITY.md.

pub(crate) mod alb_auth_layer;
pub(crate) mod extension_markers;
#[cfg(feature = "axum")]
mod extract;
mod future;
pub(crate) mod handle;
mod left_trail;
#[cfg(feature = "https")]
pub(crate) mod machines;
mod refusal;
pub(crate) mod relay;
pub(crate) mod require;
pub(crate) mod service;
mod settings;
pub(crate) mod sign_out;
pub(crate) mod signed_in;
mod trace_id;
mod watch;

#[cfg(feature = "axum")]
pub use self::extract::ExtractRejection;
#[cfg(feature = "https")]
pub use self::machines::{MachineAuth, MachineResponseFuture};
#[cfg(feature = "backstage")]
pub(crate) use self::refusal::CHALLENGE;
#[cfg(feature = "proxy")]
pub(crate) use self::refusal::GrpcForm;
#[cfg(feature = "axum")]
pub(crate) use self::refusal::refuse;
#[cfg(any(feature = "backstage", feature = "proxy"))]
pub(crate) use self::refusal::{Format, Refusal};
pub(crate) use self::{
    extension_markers::{AlbAccessToken, Anonymous, Unnamed},
    handle::AlbAuthHandle,
    service::AlbAuth,
    signed_in::SignedIn,
};
// The layers, and what handlers take, have their path at the root of the crate.
pub use self::{
    future::ResponseFuture,
    handle::{Stats, WarmUpError},
    refusal::{RefusalBody, Refuse, RefuseWith, RefusedRequest, StandardRefusal, WithRefusalBody},
    relay::{RelayIdentity, RelayScope, RelayScopeResponseFuture},
    require::{Require, RequireResponseFuture},
    trace_id::trace_id,
    watch::Watch,
};
