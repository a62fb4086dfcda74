//! Signs access tokens of machines.

use aws_lc_rs::{
    error::Unspecified,
    rand::SystemRandom,
    rsa::KeySize,
    signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::signing::half_hash;

/// An `RSAPublicKey` (RFC 8017 appendix A.1.1) of 2048 bits: the modulus is between these two.
const BEFORE_MODULUS: &[u8] = b"\x30\x82\x01\x0a\x02\x82\x01\x01\x00";
const AFTER_MODULUS: &[u8] = b"\x02\x03\x01\x00\x01";

/// Signs access tokens with a key that is generated when the provider is built.
pub(super) struct MachineTokenSigner {
    kid: String,
    key: RsaKeyPair,
}

impl MachineTokenSigner {
    pub(super) fn generate() -> Result<Self, Unspecified> {
        let key = RsaKeyPair::generate(KeySize::Rsa2048)?;
        let kid = half_hash(key.public_key().as_ref());
        Ok(Self { kid, key })
    }

    /// The public key (RFC 7517). `None` if it has another form than that of this size.
    pub(super) fn jwk(&self) -> Option<Value> {
        let key = self.key.public_key().as_ref();
        let modulus = key.strip_prefix(BEFORE_MODULUS)?.strip_suffix(AFTER_MODULUS)?;
        let n = URL_SAFE_NO_PAD.encode(modulus);
        Some(json!({ "kty": "RSA", "alg": "RS256", "use": "sig", "kid": self.kid, "n": n, "e": "AQAB" }))
    }

    pub(super) fn sign(&self, claims: &Value) -> Result<String, Unspecified> {
        let header = json!({ "typ": "at+jwt", "alg": "RS256", "kid": self.kid });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signing_input = format!("{}.{}", encode(&header), encode(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signing_input.as_bytes(), &mut signature)?;
        Ok(format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
