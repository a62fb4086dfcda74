//! From service to service: the verified header of a request is sent to the next service, which
//! verifies it again.
//!
//! [`RelayIdentityLayer`] is a layer for clients: a tonic channel, a client of hyper-util, anything
//! that takes an [`http::Request`]. It sends the `x-amzn-oidc-data` of users that this service has
//! verified, and no other:
//!
//! | in the outgoing request | what goes out |
//! |---|---|
//! | any `x-amzn-oidc-*` header, look-alikes included | removed: an unknown client may have sent it, and a handler copied it |
//! | a user, named by [`RelayIdentityLayer::of`], in the request's extensions, or of the [`RelayScopeLayer`] | one `x-amzn-oidc-data`, as the load balancer signed it |
//! | a user, and a request to an authority that [`RelayIdentityLayer::only_to`] does not list | no header; logged |
//! | no user | no header, so the next service treats the request as one without a user |
//!
//! `x-amzn-oidc-identity` and the access token are never sent: nothing proves them.
//!
//! # What to know
//! - **A token lives 120 s.** The next service rejects what is sent later (from a queue, a retry
//!   after minutes, a job) as expired.
//! - **The next service trusts the same load balancer**: the same signer, issuer and client id.
//! - **For your own services only.** A service that gets the token can use it at each of the others
//!   until it expires. Put the layer on the clients of your own services only, and list these by
//!   `only_to`.
//! - **Redirects.** A redirect may lead to another host. Follow redirects outside of the layer,
//!   which then checks each request, and not in the client inside of it.
//! - **HTTP/2 rejects header lists over 16 KiB** by default, in hyper and in tonic; a load
//!   balancer's token can be that long. Raise `http2_max_header_list_size` of the receiving server.

mod client;
mod scope;
mod targets;

pub use self::{
    client::{RelayIdentity, RelayIdentityLayer},
    scope::{RelayScope, RelayScopeLayer, RelayScopeResponseFuture},
};
