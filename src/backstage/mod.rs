//! Backstage's auth backend for users that the load balancer signed in (feature `backstage`): a
//! router to nest at `/api/auth`, which the stock front end and stock back ends accept unchanged.
//!
//! ```
//! # #[cfg(feature = "test-util")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use axum::{Router, body::Body};
//! use tower::ServiceExt;
//! use tower_alb_auth::{
//!     backstage::{BackstageAuth, TokenIssuer, router},
//!     test_util::{MockAlb, User},
//! };
//!
//! let alb = MockAlb::new(); // in an application: AlbAuthLayer::new(config)
//! let layer = alb.layer();
//!
//! let tokens = TokenIssuer::builder("https://backstage.example.com/api/auth").build()?;
//! let auth = BackstageAuth::builder(layer.handle(), tokens).app_base_url("https://backstage.example.com").build()?;
//! // Outside the layer: these routes need the user in the headers, which the layer removes.
//! let app: Router = Router::new().nest("/api/auth", router(auth));
//!
//! let request = alb.request("/api/auth/awsalb/refresh").user(&User::jane()).body(Body::empty());
//! let response = app.clone().oneshot(request).await?;
//! assert_eq!((response.status().as_u16(), &response.headers()["cache-control"]), (200, &"no-store".parse()?));
//!
//! let foreign = alb.request("/api/auth/awsalb/refresh").user(&User::jane()).header("origin", "https://evil.example");
//! assert_eq!(app.oneshot(foreign.body(Body::empty())).await?.status(), 403);
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "test-util"))]
//! # fn main() {}
//! ```
//!
//! | part | its role |
//! |---|---|
//! | [`router`](router()), [`router_with_fallback`] | the routes that Backstage's front end and back ends call |
//! | [`BackstageAuth`] | the state of the routes: the layer's handle, the token issuer, the stores, the allowed origins |
//! | [`TokenIssuer`] | signs user tokens and plugin tokens, publishes the keys that verify them |
//! | [`settings`] | reads all that from Backstage's own files |
//! | [`service`] | all of these parts, built from Backstage's own files |
//! | [`Upstream`] | another auth backend behind this one, for other sign-in providers |
//! | [`store`] | what replicas share: public keys and the responses of `/v1/userinfo`; never a private key |
//!
//! # Responses
//! | path | method | response |
//! |---|---|---|
//! | `/awsalb/refresh` | GET, POST | a session: `profile`, `providerInfo`, `backstageIdentity` with the token; absent members are left out |
//! | `/awsalb/logout` | POST | the response of [`SignOut`](crate::SignOut): 204 or 303, with the load balancer's cookies expired |
//! | `/awsalb/start`, `/awsalb/handler/frame` | GET | 501: the load balancer signs users in |
//! | `/.well-known/jwks.json` | GET | the public keys of user tokens, then those of an auth backend behind |
//! | `/.backstage/auth/v1/jwks.json` | GET | the public keys of plugin tokens |
//! | `/.well-known/openid-configuration` | GET | the members that a stock auth backend returns; with one behind, its document with this issuer and key set |
//! | `/v1/userinfo` | GET, with a user token or a limited one | `{"claims":{"sub","ent"}}` |
//! | `/guest/refresh` | GET, POST | 403; a guest's session with [`dangerously_allow_guest`](BackstageAuthBuilder::dangerously_allow_guest) |
//! | any other | | 404, or what [`router_with_fallback`] was given |
//!
//! A trailing slash, a query and a body make no difference; a body is not read. HEAD works wherever
//! GET does, without the body; other methods get 405 with `Allow`. Every response is `no-store`,
//! except for the two key sets and discovery, which caches may keep for 5 s and revalidate by
//! `ETag`.
//!
//! # Refusals
//! Errors have Backstage's shape,
//! `{"error":{"name","message"},"request":{"method","url"},"response":{"statusCode"}}`, where `url`
//! is the path below the mount. There is one message per status, whatever the reason; the reason is
//! logged.
//!
//! | request for a session | response |
//! |---|---|
//! | from a page of another site | 403, before anything else is checked |
//! | no token of a trusted load balancer, or an invalid one | 401 |
//! | a user that the sign-in policy does not find or does not accept, or that a [deny list](crate::deny_list) names | 403 |
//! | several users that match | 409 |
//! | keys, catalog or a store unavailable | 503 with `Retry-After` |
//! | inside an [`AlbAuthLayer`](crate::AlbAuthLayer) | 401, and an error in the log that says so |
//!
//! A [deny list](crate::deny_list) of the layer also applies to a token that was issued before: `/v1/userinfo` responds with 403 to
//! it, by the entity ref, and by the account of the last sign-in in this process, or at any replica with `BackstageAuth::share_accounts`
//! (feature `postgres`). Back ends verify such a token by themselves and do not query this service: there it is valid until it expires, which
//! [`token_lifetime`](TokenIssuerBuilder::token_lifetime) shortens.
//!
//! # Allowed origins
//! Sessions and sign-out are for the pages of [`app_base_url`](BackstageAuthBuilder::app_base_url),
//! of
//! [`allow_origin`](BackstageAuthBuilder::allow_origin) and of the issuer's own origin, by `Origin`. If a
//! browser sends none, `Sec-Fetch-Site` must be absent, `none`, `same-origin` or `same-site`. Pages
//! of those origins can read all responses (CORS, with credentials), and their preflight requests
//! succeed; an `OPTIONS` request from another origin gets 405.

mod accounts;
mod auth;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod guest;
mod issuer;
mod jwk;
mod origins;
mod own_paths;
mod profile;
mod router;
pub mod service;
pub mod settings;
pub mod store;
mod upstream;

pub use self::{
    auth::{BackstageAuth, BackstageAuthBuilder},
    guest::Guest,
    issuer::{
        IssueError, IssuedToken, IssuerReadiness, KeyFiles, SigningKeys, TokenIssuer, TokenIssuerBuilder, TokenRefused,
        VerifiedUser,
    },
    jwk::{JwkError, PublicJwk},
    profile::SessionProfile,
    router::{router, router_with_fallback},
    upstream::{Upstream, UpstreamBuilder},
};
