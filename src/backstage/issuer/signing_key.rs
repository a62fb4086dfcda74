//! A private key, which never leaves the process.

use std::time::SystemTime;

use aws_lc_rs::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::json;

use super::error::IssueError;
use crate::{Kid, backstage::PublicJwk};

/// Size of an ES256 signature in bytes (RFC 7518 section 3.4).
const SIGNATURE_BYTES: usize = 64;

/// A P-256 key pair, parsed once. It cannot be cloned, shown or serialized; AWS-LC wipes its memory
/// when it is dropped.
pub(super) struct SigningKey {
    pair: EcdsaKeyPair,
    public: PublicJwk,
    /// Its id as JSON.
    kid: String,
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
        Ok(Self::new(pair, public))
    }

    /// From a key in DER: PKCS #8 (RFC 5958) or SEC 1 (RFC 5915). `None` if it is not a P-256 key.
    /// Without a key id, the key's thumbprint (RFC 7638) is its id, which is the same in every
    /// replica.
    pub(super) fn from_der(der: &[u8], kid: Option<&str>) -> Option<Self> {
        let pair = EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok()?;
        let public = PublicJwk::of_point(kid, pair.public_key().as_ref(), None).ok()?;
        Some(Self::new(pair, public))
    }

    fn new(pair: EcdsaKeyPair, public: PublicJwk) -> Self {
        let kid = json!(public.kid()).to_string();
        Self { pair, public, kid, random: SystemRandom::new() }
    }

    pub(super) fn public(&self) -> &PublicJwk {
        &self.public
    }

    /// A compact JWS (RFC 7515 section 7.1) of this type, which needs no escape in JSON, and of this payload, which is JSON.
    pub(super) fn sign(&self, typ: &str, payload: &str) -> Result<String, IssueError> {
        let header = [r#"{"typ":""#, typ, r#"","alg":"ES256","kid":"#, &self.kid, "}"].concat();
        let length = |bytes| URL_SAFE_NO_PAD.encoded_length(bytes).saturating_add(1);
        let lengths = [header.len(), payload.len(), SIGNATURE_BYTES].map(length);
        let mut token = String::with_capacity(lengths.into_iter().fold(0, usize::saturating_add));
        URL_SAFE_NO_PAD.encode_append(&header, &mut token);
        token.push('.');
        URL_SAFE_NO_PAD.encode_append(payload, &mut token);
        let signature = self.pair.sign(&self.random, token.as_bytes()).map_err(|_| {
            IssueError::Randomness("a token cannot be signed: the operating system provides no random bytes")
        })?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_append(signature, &mut token);
        Ok(token)
    }
}
