//! Signs and reads ID tokens.

use aws_lc_rs::{
    digest::{SHA256, digest},
    error::Unspecified,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Value, json};

/// Length of an uncompressed P-256 point: the byte 4, x, y.
const POINT: usize = 65;

/// Signs ID tokens with a key that is generated at the start of the process.
pub(super) struct IdTokenSigner {
    kid: String,
    key: EcdsaKeyPair,
}

/// The claims of an ID token that a client sends back.
#[derive(Debug, Deserialize)]
pub(super) struct IdTokenHint {
    pub(super) iss: String,
    pub(super) aud: String,
    pub(super) sid: String,
}

impl IdTokenSigner {
    pub(super) fn generate() -> Result<Self, Unspecified> {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
        let kid = half_hash(key.public_key().as_ref());
        Ok(Self { kid, key })
    }

    /// The public key as a key set (RFC 7517).
    pub(super) fn jwks(&self) -> Value {
        let point = self.key.public_key().as_ref();
        debug_assert_eq!(point.len(), POINT);
        let (x, y) = point.get(1..).and_then(|both| both.split_at_checked(32)).unwrap_or_default();
        json!({
            "keys": [{
                "kty": "EC",
                "crv": "P-256",
                "alg": "ES256",
                "use": "sig",
                "kid": self.kid,
                "x": URL_SAFE_NO_PAD.encode(x),
                "y": URL_SAFE_NO_PAD.encode(y),
            }]
        })
    }

    pub(super) fn sign(&self, claims: &Value) -> Result<String, Unspecified> {
        let header = json!({ "typ": "JWT", "alg": "ES256", "kid": self.kid });
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signing_input = format!("{}.{}", encode(&header), encode(claims));
        let signature = self.key.sign(&SystemRandom::new(), signing_input.as_bytes())?;
        Ok(format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of an ID token that was signed here, even if it has expired, because a sign-out
    /// may come late. `None` for any other text.
    pub(super) fn read(&self, token: &str) -> Option<IdTokenHint> {
        let (signing_input, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.key.public_key().as_ref())
            .verify(signing_input.as_bytes(), &signature)
            .ok()?;
        let (_, payload) = signing_input.split_once('.')?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }
}

/// The left half of a SHA-256 hash in base64url: `at_hash` (OpenID Connect Core 1.0 section
/// 3.1.3.6).
pub(super) fn half_hash(bytes: &[u8]) -> String {
    let hash = digest(&SHA256, bytes);
    URL_SAFE_NO_PAD.encode(hash.as_ref().get(..16).unwrap_or_default())
}

/// The S256 hash of a code verifier (RFC 7636 section 4.6).
pub(super) fn s256(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}
