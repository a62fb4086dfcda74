//! One header value: from bytes to verified claims.
//!
//! The order of checks is fixed, and everything that can be refused without a key is refused before one is asked for, so that
//! a stranger causes no fetch:
//!
//! 1. size; three segments; strict base64url; a signature of 64 bytes ([`segments`]);
//! 2. the JOSE header: strict JSON, `typ`, `alg`, `kid` ([`header`]);
//! 3. signer, issuer and client, all three of one `TrustedAlb`; `exp` ([`unverified`]);
//! 4. the signature over the bytes as received;
//! 5. only then the payload: strict JSON, the claims every token must have, its own `exp`, `nbf`, `iat`, `iss` ([`payload`]).
//!
//! Wrong order does not compile: a [`UnverifiedToken`] has no way to its claims but [`UnverifiedToken::verify`].
//!
//! # What "strict" means
//! A load balancer pads its base64url, and its signature covers the padding; other signers do not pad. Each segment is
//! accepted with canonical padding or with none, and with zero trailing bits, so that one token has one spelling a
//! convention. JSON members may not repeat, at any depth, compared after unescaping; the JSON reader is serde_json's.

mod header;
mod json;
mod payload;
mod segments;
mod unverified;
mod window;

pub(crate) use self::unverified::{UnverifiedToken, VerifiedToken};
