//! One header value: from received bytes to verified claims.
//!
//! The order of the checks is fixed. Every check that needs no key runs before a key is requested,
//! so an attacker without a trusted token causes no fetch:
//!
//! 1. Size, three segments, strict base64url, a signature of 64 bytes ([`segments`]).
//! 2. The JOSE header: strict JSON, `typ`, `alg`, `kid` ([`header`]).
//! 3. Signer, issuer and client, which must all match one `TrustedAlb`; `exp` ([`unverified`]).
//! 4. The signature over the bytes as received.
//! 5. The payload: strict JSON, the required claims, and the payload's `exp`, `nbf`, `iat` and
//!    `iss` ([`payload`]).
//!
//! The wrong order does not compile: an [`UnverifiedToken`] has no method that returns a claim.
//! [`UnverifiedToken::verify`] consumes it and returns a [`VerifiedToken`].
//!
//! # What "strict" means
//! A load balancer pads its base64url, and its signature covers the padding; other signers do not
//! pad. Each segment is accepted with canonical padding or without padding, and with zero trailing
//! bits. Each of the two forms therefore has exactly one encoding of a token. Member names in JSON
//! must be unique in their object at any depth, compared after unescaping. The JSON parser is
//! serde_json.

#[cfg(test)]
mod exhaustive;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod header;
mod json;
#[cfg(feature = "https")]
pub(crate) mod jwt;
mod large_numbers;
mod last_header;
mod payload;
mod segments;
mod unverified;
mod window;

pub(crate) use self::{
    last_header::LastHeader,
    unverified::{UnverifiedToken, VerifiedToken},
};
