//! The load balancer as a client of the provider: OpenID Connect with the authorization code flow.
//!
//! | step | what is checked |
//! |---|---|
//! | discovery, if only the issuer is known | the document's issuer equals the requested one; its endpoints use https, or are on this machine if the issuer is |
//! | tokens for the code, with Basic or form authentication | status 200, a bearer token, an ID token |
//! | the ID token | a signature by one of the provider's keys with an algorithm of that key; `iss`, `aud`, `azp`, `exp` |
//! | userinfo | an object without duplicate members, whose `sub` is the ID token's (OpenID Connect Core 1.0 section 5.3.2) |
//!
//! Each response may take 5 s, as at a load balancer, and have 64 KiB.

mod bearer;
mod client;
mod discovery;
mod error;
mod http_client;
mod id_token;
mod members;

pub(super) use self::{
    client::{OidcClient, Tokens},
    discovery::Source,
    error::{Fault, OidcError, Step},
    http_client::Elsewhere,
};
