//! The auth backend that Backstage's own files describe: settings, then stores, then what the routes need.
//!
//! [`AuthBackend`] is what the program `backstage-auth` (feature `backstage-auth`) runs. An application that mounts the
//! routes itself needs no mapping of its own:
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, body::Body, http::Request, routing::get};
//! use tower::ServiceExt;
//! use tower_alb_auth::{
//!     BackstageIdentity,
//!     backstage::{router, service::AuthBackend},
//!     config::AppConfig,
//! };
//!
//! async fn me(user: BackstageIdentity) -> String {
//!     user.user_entity_ref().to_string()
//! }
//!
//! # let yaml = "
//! # app:
//! #   baseUrl: https://backstage.example.com
//! # backend:
//! #   baseUrl: https://backstage.example.com
//! # auth:
//! #   providers:
//! #     awsalb:
//! #       issuer: https://login.microsoftonline.com/0b6c2f3e-8f5f-4a39-a3f5-0f6e3f4f5a61/v2.0
//! #       signer: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188
//! #       clientIds: [5c1f8a0e-8a6e-4d8e-9a55-0d6f2b8f7c11]
//! #       signIn:
//! #         resolvers:
//! #           - resolver: emailLocalPartMatchingUserEntityName
//! #             allowedDomains: [example.com]
//! # ";
//! // In an application: AppConfig::load(["app-config.yaml", "app-config.production.yaml"])?
//! let files = AppConfig::from_text("app-config.yaml", yaml, |_| None)?;
//! let backend = AuthBackend::builder(&files).build()?;
//! let app: Router = Router::new()
//!     .route("/me", get(me))
//!     .layer(backend.layer().clone()) // Covers the routes above it.
//!     .nest("/api/auth", router(backend.auth().clone()));
//! let _publishing = backend.tokens().maintain_keys_in_background(); // Until it is dropped.
//!
//! let keys = Request::get("/api/auth/.well-known/jwks.json").body(Body::empty())?;
//! assert_eq!(app.clone().oneshot(keys).await?.status(), 200);
//! let anonymous = Request::get("/api/auth/awsalb/refresh").body(Body::empty())?;
//! assert_eq!(app.oneshot(anonymous).await?.status(), 401);
//! # Ok(())
//! # }
//! ```
//!
//! | keys in the files | what is built from them |
//! |---|---|
//! | `backend.database` | [`Postgres`](super::store::postgres::Postgres) for public keys and userinfo; without it they are in memory, for one replica |
//! | `auth.keyStore`, `auth.backstageTokenExpiration`, `auth.omitIdentityTokenOwnershipClaim` | the [`TokenIssuer`](super::TokenIssuer) |
//! | `discovery.endpoints`, `backend.auth.externalAccess` | the [`Catalog`](crate::sign_in::Catalog); without a static token it is queried with tokens of the plugin `auth` |
//! | `auth.providers.awsalb` | the [`AlbAuthLayer`](crate::AlbAuthLayer): trust, keys and sign-in policy |
//! | `auth.providers.guest` | guests, if `NODE_ENV` is `development` or `dangerouslyAllowOutsideDevelopment` is set |
//! | `app.baseUrl`, `backend.cors`, `signOutUrl`, `sessionCookieName`, `exposeAccessToken` | the [`BackstageAuth`](super::BackstageAuth) |

mod auth_backend;
mod sign_in;
mod stores;

pub use self::auth_backend::{AuthBackend, AuthBackendBuilder};
