//! From service to service: the verified header of a request goes on to the next service, which verifies it again.
//!
//! [`RelayIdentityLayer`] is a layer for clients: a tonic channel, a client of hyper-util, anything that takes an
//! [`http::Request`]. It sends `x-amzn-oidc-data` of a user whom this service has verified, and of nobody else:
//!
//! | in the outgoing request | what goes out |
//! |---|---|
//! | any `x-amzn-oidc-*` header, look-alikes included | taken off: a stranger may have sent it, and a handler copied it |
//! | a user, named by [`RelayIdentityLayer::of`], in the request's extensions, or of the [`RelayScopeLayer`] | one `x-amzn-oidc-data`, as the load balancer signed it |
//! | a user, and a request to an authority that [`RelayIdentityLayer::only_to`] does not list | no header; logged |
//! | no user | no header, so the next service answers as to anybody without one |
//!
//! `x-amzn-oidc-identity` and the access token never go on: nothing proves them.
//!
//! # What to know
//! - **A token lives 120 s.** What is sent later (a queue, a retry after minutes, a job) is refused by the next service as
//!   expired, and rightly: the user is not there any more.
//! - **The next service trusts the same load balancer**: the same signer, issuer and client id.
//! - **For services of your own alone.** Whoever gets the token can show it to each of them for as long as it lives. Put the
//!   layer on the clients of those services, never on one that calls the world, and list them by `only_to`.
//! - **Redirects.** A redirect may lead to another host. Follow them outside the layer, which looks at each request, and not in
//!   the client inside it.
//! - **HTTP/2 refuses header lists over 16 KiB** by default, in hyper and in tonic; a load balancer's token can be that long.
//!   Raise `http2_max_header_list_size` of the receiving server.

mod client;
mod scope;
mod targets;

pub use self::{
    client::{RelayIdentity, RelayIdentityLayer},
    scope::{RelayScope, RelayScopeLayer, RelayScopeResponseFuture},
};
