//! Tests with the headers of a mock load balancer.
//!
//! Nothing is bypassed: [`MockAlb`] has its own key pair and signs as a load balancer does (ES256,
//! padded segments, seven JOSE header members, 120 s), and the layer under test verifies the token
//! by the same code as in production. The signer's account is `000000000000`, which no AWS customer
//! has, so a configuration made here trusts nothing real.
//!
//! | what is tested | how |
//! |---|---|
//! | a handler alone | an identity built by [`BackstageIdentity::builder`](crate::BackstageIdentity::builder) in the request's extensions |
//! | a handler of [`AccessTokenClaims`](crate::AccessTokenClaims) alone | [`AccessTokenClaims::of_user`](crate::AccessTokenClaims::of_user), or [`IdentityBuilder::access_token`] |
//! | an application that verifies access tokens | [`MockAlb::access_tokens`], and requests with [`MockRequest::access_token`] |
//! | an application with its layer | [`MockAlb::layer`] or [`MockAlb::config`], and requests by [`MockAlb::request`] |
//! | the same with keys over a connection | [`MockAlb::serve`] |
//! | time | [`TestClock`] |
//!
//! ```
//! use tower::{Layer, ServiceExt, service_fn};
//! use tower_alb_auth::{BackstageIdentity, test_util::{MockAlb, User}};
//!
//! # async fn greet(request: http::Request<String>) -> Result<http::Response<String>, std::convert::Infallible> {
//! #     let user = request.extensions().get::<BackstageIdentity>().expect("only signed-in users come here");
//! #     Ok(http::Response::new(user.user_entity_ref().to_string()))
//! # }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let alb = MockAlb::new();
//! let app = alb.layer().layer(service_fn(greet));
//! let response = app.oneshot(alb.request("/").user(&User::jane()).into()).await?;
//! assert_eq!(response.body(), "user:default/jane.doe");
//! # Ok(())
//! # }
//! ```
// Tests fail by panicking, so their utilities may panic too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod access_token;
mod identity_builder;
mod key_server;
mod mock_alb;
mod request;
mod test_clock;
mod token_builder;
mod user;

pub use self::{
    identity_builder::IdentityBuilder, key_server::KeyServerMode, mock_alb::MockAlb, request::MockRequest,
    test_clock::TestClock, token_builder::TokenBuilder, user::User,
};
