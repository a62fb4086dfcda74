//! What AWS documents about Application Load Balancers: ARNs, key endpoints, headers, key ids and
//! keys.

mod key_endpoint;
mod kid;
mod load_balancer_arn;
mod oidc_headers;
mod public_key;
pub(crate) mod signer;
mod trace_id;

#[cfg(any(feature = "test-util", feature = "emulator"))]
pub(crate) use self::oidc_headers::ACCESS_TOKEN;
#[cfg(any(feature = "emulator", feature = "backstage", feature = "proxy"))]
pub(crate) use self::oidc_headers::strip_oidc_headers;
#[cfg(feature = "backstage")]
pub(crate) use self::public_key::SPKI_UNCOMPRESSED;
#[cfg(test)]
pub(crate) use self::public_key::test_key;
#[cfg(any(feature = "backstage", feature = "proxy"))]
pub(crate) use self::trace_id::OwnedTraceId;
pub use self::{
    key_endpoint::KeyEndpoint,
    kid::Kid,
    load_balancer_arn::{ArnError, LoadBalancerArn},
};
pub(crate) use self::{
    key_endpoint::KeyEndpointError,
    oidc_headers::{DATA, IDENTITY, OidcHeaders, OwnedValues, TakenHeaders, Values, strip_other_identities},
    public_key::PublicKey,
    trace_id::TraceId,
};
