//! Signs tokens as a load balancer does: ES256, three base64url segments with padding, members in
//! the order of a real load balancer.
//!
//! Both substitutes of a load balancer, the mock for tests and the emulator, use this module. An
//! explanation uses it to work around a problem of a token: see [`crate::explain`].

use aws_lc_rs::{
    error::Unspecified,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use super::{Kid, public_key::SPKI_UNCOMPRESSED};

/// The lifetime of a load balancer's token, in seconds.
pub(crate) const TOKEN_LIFETIME: u64 = 120;

/// The members of a JSON object in this order. The map of serde_json would sort them.
pub(crate) type Members = Vec<(String, Value)>;

/// A key pair and its kid. The private key is never shown.
pub(crate) struct AlbSigner {
    #[cfg_attr(
        not(any(feature = "test-util", feature = "emulator")),
        expect(dead_code, reason = "explanations read no kid")
    )]
    kid: String,
    key: EcdsaKeyPair,
}

#[cfg(any(feature = "test-util", feature = "emulator"))]
/// The origin of tokens: the members of the JOSE header that are the same in all of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TokenOrigin<'a> {
    pub(crate) signer: &'a str,
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
}

impl AlbSigner {
    /// A new key under a new kid, a random UUID.
    pub(crate) fn generate() -> Result<Self, Unspecified> {
        let kid = Kid::random().ok_or(Unspecified)?.to_string();
        Ok(Self { kid, key: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)? })
    }

    /// The id of the key.
    #[cfg(any(feature = "test-util", feature = "emulator"))]
    pub(crate) fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key in the format of the key endpoint: one PEM block of 178 bytes.
    pub(crate) fn public_key_pem(&self) -> String {
        let text = STANDARD.encode([&SPKI_UNCOMPRESSED[..], self.key.public_key().as_ref()].concat());
        let (first, second) = text.split_at_checked(64).unwrap_or((&text, ""));
        format!("-----BEGIN PUBLIC KEY-----\n{first}\n{second}\n-----END PUBLIC KEY-----\n")
    }

    #[cfg(any(feature = "test-util", feature = "emulator"))]
    /// The JOSE header of a token, with its members in the order of a real load balancer.
    pub(crate) fn header(&self, origin: TokenOrigin<'_>, expires_at: u64) -> Members {
        let member = |name: &str, value: Value| (name.to_owned(), value);
        vec![
            member("typ", json!("JWT")),
            member("kid", json!(self.kid)),
            member("alg", json!("ES256")),
            member("iss", json!(origin.issuer)),
            member("client", json!(origin.client_id)),
            member("signer", json!(origin.signer)),
            member("exp", json!(expires_at)),
        ]
    }

    /// The token with this header and payload. The signature covers the text as sent, including
    /// padding.
    pub(crate) fn sign(&self, header: &[u8], payload: &[u8], padded: bool) -> Result<String, Unspecified> {
        let encode = |bytes: &[u8]| if padded { URL_SAFE.encode(bytes) } else { URL_SAFE_NO_PAD.encode(bytes) };
        let signing_input = format!("{}.{}", encode(header), encode(payload));
        let signature = self.sign_bytes(signing_input.as_bytes())?;
        Ok(format!("{signing_input}.{}", encode(&signature)))
    }

    /// The ES256 signature of these bytes, `r || s`.
    pub(crate) fn sign_bytes(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        Ok(self.key.sign(&SystemRandom::new(), message)?.as_ref().to_vec())
    }
}

#[cfg(any(feature = "test-util", feature = "emulator"))]
/// The payload of a token: the userinfo claims, followed by the members that the load balancer
/// adds.
pub(crate) fn payload(claims: &[(String, Value)], issuer: &str, expires_at: u64) -> Members {
    let mut members = claims.to_vec();
    members.push(("exp".to_owned(), json!(expires_at)));
    members.push(("iss".to_owned(), json!(issuer)));
    members
}

/// The JSON object with its members in this order.
pub(crate) fn to_json(members: &[(String, Value)]) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    format!("{{{}}}", members.join(","))
}
