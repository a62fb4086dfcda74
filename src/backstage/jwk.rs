//! A public key as it is published.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

/// Members of a JWK that are private in any kind of key (RFC 7518 section 6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// A public key as a JWK (RFC 7517): what stands in a key set, and in a row of a store.
///
/// Ours are P-256 keys. A store that others write to may hold keys of other kinds, which are published as they are and verify
/// nothing here. A key with a private member is refused, wherever it comes from.
#[derive(Clone)]
pub struct PublicJwk {
    kid: String,
    json: Box<RawValue>,
    /// Where it is a P-256 key for ES256.
    point: Option<[u8; 65]>,
}

impl PublicJwk {
    /// The members in the order that Backstage writes them.
    pub(super) fn of_point(kid: &str, point: &[u8]) -> Result<Self, JwkError> {
        let (x, y) = match point {
            [0x04, rest @ ..] if rest.len() == 64 => rest.split_at(32),
            _ => return Err(JwkError("the public key is no P-256 point")),
        };
        let text = format!(
            r#"{{"kty":"EC","x":"{}","y":"{}","crv":"P-256","kid":{},"alg":"ES256"}}"#,
            URL_SAFE_NO_PAD.encode(x),
            URL_SAFE_NO_PAD.encode(y),
            json!(kid),
        );
        Self::parse(&text)
    }

    /// Reads a JWK.
    ///
    /// # Errors
    /// What is no JSON object with a `kid`, and what has a private member.
    pub fn parse(json: &str) -> Result<Self, JwkError> {
        #[derive(Deserialize)]
        struct Members {
            kid: Option<String>,
            kty: Option<String>,
            crv: Option<String>,
            alg: Option<String>,
            x: Option<String>,
            y: Option<String>,
        }
        let all: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(json).map_err(|_| JwkError("it is no JSON object"))?;
        if PRIVATE.iter().any(|member| all.contains_key(*member)) {
            return Err(JwkError("it has a private member"));
        }
        let wrong = |_| JwkError("a member has the wrong type");
        let members: Members = serde_json::from_value(all.into()).map_err(wrong)?;
        let kid = members.kid.filter(|kid| !kid.is_empty()).ok_or(JwkError("it has no kid"))?;
        let is_ours = members.kty.as_deref() == Some("EC")
            && members.crv.as_deref() == Some("P-256")
            && members.alg.as_deref().is_none_or(|alg| alg == "ES256");
        let point = match (is_ours, members.x, members.y) {
            (true, Some(x), Some(y)) => Some(point(&x, &y).ok_or(JwkError("x and y are no point of P-256"))?),
            _ => None,
        };
        let json = RawValue::from_string(json.trim().to_owned()).map_err(|_| JwkError("it is no JSON object"))?;
        Ok(Self { kid, json, point })
    }

    /// The key's id.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The JWK's text.
    pub fn json(&self) -> &str {
        self.json.get()
    }

    /// To verify ES256 by; `None` for a key of another kind.
    pub(super) fn verifier(&self) -> Option<ParsedPublicKey> {
        ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.point?).ok()
    }
}

fn point(x: &str, y: &str) -> Option<[u8; 65]> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32);
    let bytes = [&[0x04][..], &decode(x)?, &decode(y)?].concat();
    let point: [u8; 65] = bytes.try_into().ok()?;
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()?;
    Some(point)
}

impl fmt::Debug for PublicJwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicJwk").field("kid", &self.kid).finish_non_exhaustive()
    }
}

/// Why a text is no public key. Says nothing of its contents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JwkError(&'static str);

impl fmt::Display for JwkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a public JWK: {}", self.0)
    }
}

impl std::error::Error for JwkError {}
