//! A private key, which never leaves the process.

use std::time::SystemTime;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::error::IssueError;
use crate::{Kid, backstage::PublicJwk};

/// A P-256 key pair, parsed once. It cannot be cloned, shown or serialized; AWS-LC wipes its memory
/// when it is dropped.
pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicJwk,
    random: SystemRandom,
}

impl SigningKey {
    /// `listed_until`: when its last token has expired, and no verifier needs it.
    pub(super) fn generate(listed_until: SystemTime) -> Result<Self, IssueError> {
        let failed = || {
            IssueError::Randomness("a signing key cannot be generated: the operating system provides no random bytes")
        };
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| failed())?;
        let kid = Kid::random().ok_or_else(failed)?.to_string();
        let public =
            PublicJwk::of_point(Some(&kid), pair.public_key().as_ref(), Some(listed_until)).map_err(|_| failed())?;
        Ok(Self { pair, public, random: SystemRandom::new() })
    }

    /// From a key in DER: PKCS #8 (RFC 5958) or SEC 1 (RFC 5915). `None` if it is not a P-256 key.
    /// Without a key id, the key's thumbprint (RFC 7638) is its id, which is the same in every
    /// replica.
    pub(super) fn from_der(der: &[u8], kid: Option<&str>) -> Option<Self> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok()?;
        let public = PublicJwk::of_point(kid, pair.public_key().as_ref(), None).ok()?;
        Some(Self { pair, public, random: SystemRandom::new() })
    }

    pub(super) fn public(&self) -> &PublicJwk {
        &self.public
    }

    /// A compact JWS (RFC 7515 section 7.1) of this header and payload, both as JSON.
    pub(super) fn sign(&self, header: &str, payload: &str) -> Result<String, IssueError> {
        let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.pair.sign(&self.random, input.as_bytes()).map_err(|_| {
            IssueError::Randomness("a token cannot be signed: the operating system provides no random bytes")
        })?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
