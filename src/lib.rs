//! Verifies what an AWS Application Load Balancer says about the signed-in user.
//!
//! A load balancer with an `authenticate-oidc` action signs users in at Entra ID, Okta, Cognito or any other OpenID Connect
//! provider, and adds `x-amzn-oidc-data` to each request: the user's claims, signed. [`AlbAuthLayer`] is a [`tower`] layer
//! that verifies that header and hands every axum, tonic or hyper handler a typed [`BackstageIdentity`], or the [`Claims`]
//! alone.
//!
//! [`tower`]: https://docs.rs/tower
#![cfg_attr(feature = "axum", doc = "```")]
#![cfg_attr(not(feature = "axum"), doc = "```ignore")]
//! use axum::{Router, routing::get};
//! use tower_alb_auth::{AlbAuthConfig, AlbAuthLayer, BackstageIdentity, TrustedAlb, sign_in::EmailLocalPart};
//!
//! async fn me(user: BackstageIdentity) -> String {
//!     format!("{} ({:?})", user.user_entity_ref(), user.profile().email())
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let alb = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";
//! let issuer = "https://login.microsoftonline.com/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/v2.0";
//! let config = AlbAuthConfig::builder()
//!     .trust(TrustedAlb::new(alb, issuer).client_id("5c1f8a0e-8a6e-4d8e-9a55-0d6f2b8f7c11"))
//!     .sign_in(EmailLocalPart::in_domains(["example.com"]))
//!     .build()?;
//!
//! let app: Router = Router::new().route("/me", get(me)).layer(AlbAuthLayer::new(config));
//! # let _ = app;
//! # Ok(())
//! # }
//! ```
//!
//! # Where to read on
//! - [`layer`]: what is let through, what is refused, what has to stand around it.
//! - [`config`]: trusted load balancers, and what a configuration must have.
//! - [`sign_in`]: the policies that name users.
//! - [`explain`]: what the layer does with a request, check by check, and why.
//! - [`deny_list`]: who is shut out now.
//! - [`keys`]: how public keys are fetched, kept and given up.
#![cfg_attr(feature = "test-util", doc = "- [`test_util`]: tests with the headers of a mock load balancer.")]
//!
//! # Features
//! | feature | default | what it adds |
//! |---|---|---|
//! | `https` | yes | the key source that fetches over HTTPS |
//! | `axum` | no | extractors for axum handlers, refusals with a text in axum's body |
//! | `app-config` | no | settings from Backstage's `app-config.yaml` |
//! | `backstage` | no | Backstage's auth backend: the router for `/api/auth`, its token issuer |
//! | `postgres` | no | what replicas of it share, in Backstage's tables on PostgreSQL |
//! | `rds` | no | connections to Amazon RDS and Aurora with tokens of IAM in place of a password |
//! | `backstage-auth` | no | the program `backstage-auth`, that auth backend as a service |
//! | `proxy` | no | the program `alb-auth-proxy`: the same verification for services in any language |
//! | `metrics` | no | numbers for the metrics facade |
//! | `test-util` | no | `MockAlb`, `TestClock`, a builder of identities: for tests |

#![cfg_attr(docsrs, feature(doc_cfg))]
// What comes from outside must not make a server panic. Tests may.
#![warn(unreachable_pub)]
#![deny(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects
    )
)]

#[cfg(feature = "https")]
mod access_token;
mod alb;
#[cfg(feature = "proxy")]
pub mod auth_proxy;
mod authenticator;
#[cfg(feature = "backstage")]
pub mod backstage;
pub mod config;
pub mod deny_list;
#[cfg(doc)]
pub mod docs;
#[cfg(feature = "emulator")]
pub mod emulator;
mod error;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
#[cfg(any(feature = "backstage", feature = "emulator", feature = "proxy", feature = "test-util"))]
mod internal;
pub mod keys;
pub mod layer;
mod limits;
mod net;
#[cfg(any(feature = "backstage-auth", feature = "proxy"))]
mod server;
mod settings;
pub mod sign_in;
mod sync;
mod telemetry;
#[cfg(feature = "test-util")]
pub mod test_util;
mod token;

#[cfg(feature = "https")]
#[doc(inline)]
pub use self::layer::machines::{MachineIdentity, MachineLayer};
#[cfg(any(feature = "backstage-auth", feature = "emulator", feature = "proxy", feature = "test-util"))]
pub use self::net::listen;
#[cfg(any(feature = "backstage-auth", feature = "proxy"))]
#[doc(inline)]
pub use self::server::{ConnectionLimits, serve};
#[doc(inline)]
pub use self::{
    alb::{ArnError, KeyEndpoint, Kid, LoadBalancerArn},
    authenticator::explain,
    config::{
        alb_auth_config::AlbAuthConfig, builder::AlbAuthConfigBuilder, settings::AlbAuthSettings,
        trusted_alb::TrustedAlb,
    },
    error::{AuthError, AuthErrorKind, Fault},
    identity::{
        AccessTokenClaims, BackstageIdentity, ClaimError, Claims, EntityRef, EntityRefError, Profile,
        SerializableClaims, SerializableIdentity, StableId,
    },
    layer::{
        alb_auth_layer::AlbAuthLayer,
        extension_markers::AlbAccessToken,
        handle::AlbAuthHandle,
        relay::{RelayIdentityLayer, RelayScopeLayer},
        require::RequireLayer,
        service::AlbAuth,
        sign_out::{SignOut, SignOutBuilder},
        signed_in::SignedIn,
    },
    limits::{CacheLimits, KeyLimits, TokenLimits},
    settings::ConfigError,
    sync::{BackgroundTask, Clock, SystemClock},
    telemetry::audit::{AuditTrail, AuditTrailBuilder},
};

/// The README's code is compiled and run with the documentation's.
#[cfg(all(doctest, feature = "axum", feature = "test-util", feature = "https"))]
#[doc = include_str!("../README.md")]
struct Readme;
