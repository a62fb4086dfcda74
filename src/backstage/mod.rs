//! Backstage's auth backend for users whom the load balancer signed in (feature `backstage`): a router to nest at
//! `/api/auth`, which the stock front end and stock back ends accept as it is.
//!
//! | part | its role |
//! |---|---|
//! | [`router`] | the routes, as Backstage's front end and back ends ask them |
//! | [`BackstageAuth`] | what the routes need: the layer's handle, the token issuer, the stores |
//! | [`TokenIssuer`] | signs user tokens and plugin tokens, publishes the keys they verify by |
//! | [`store`] | what replicas share: public keys and the answers of `/v1/userinfo`; never a private key |

mod auth;
mod issuer;
mod jwk;
mod router;
pub mod store;

pub use self::{
    auth::{BackstageAuth, BackstageAuthBuilder},
    issuer::{IssuedToken, TokenIssuer, TokenIssuerBuilder, TokenRefused, VerifiedUser},
    jwk::{JwkError, PublicJwk},
    router::router,
};
