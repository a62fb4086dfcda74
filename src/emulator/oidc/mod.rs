//! The load balancer at the provider: an OpenID Connect client for the authorization code flow.
//!
//! | step | what is checked |
//! |---|---|
//! | discovery, where only the issuer is known | the document's issuer is the one that was asked for; its endpoints are at https, or on this machine if the issuer is |
//! | the code for tokens, by Basic or as a form | status 200, a bearer token, an ID token |
//! | the ID token | a signature by one of the provider's keys with an algorithm of that key; `iss`, `aud`, `azp`, `exp` |
//! | userinfo | an object with no member twice, whose `sub` is the ID token's (OpenID Connect Core 1.0 section 5.3.2) |
//!
//! Each answer has 5 s, as a load balancer gives it, and 64 KiB.

mod client;
mod discovery;
mod error;
mod http_client;
mod id_token;

pub(super) use self::{
    client::{OidcClient, Tokens},
    discovery::Source,
    error::{Fault, OidcError, Step},
};
