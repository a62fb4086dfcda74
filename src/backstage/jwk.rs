//! Public keys in the form in which they are published.

use std::{
    error::Error,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{json, value::RawValue};

/// JWK members that are private in any kind of key: those of RFC 7518 section 6, and that of key pairs of post-quantum algorithms
/// (`AKP`, IANA's registry of JSON Web Key parameters).
const PRIVATE: [&str; 9] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/// A public key as a JWK (RFC 7517), as in a key set and in a row of a store.
///
/// Keys of this crate are P-256 keys. A store that others write to may contain other kinds, which
/// are published unchanged and verify nothing here. A key with a private member is rejected,
/// wherever it comes from.
///
/// A clone counts one reference.
#[derive(Clone)]
pub struct PublicJwk(Arc<Inner>);

struct Inner {
    kid: String,
    json: Box<RawValue>,
    /// Set if it is a P-256 key for ES256; parsed once.
    verifier: Option<ParsedPublicKey>,
    /// The member `exp`.
    expires_at: Option<SystemTime>,
}

impl PublicJwk {
    /// The members in Backstage's order, and `exp` (OpenID Federation 1.0, section 8.7.2) if the key has an
    /// end. Without a kid, the thumbprint (RFC 7638) becomes the kid.
    pub(super) fn of_point(kid: Option<&str>, point: &[u8], expires_at: Option<SystemTime>) -> Result<Self, JwkError> {
        let (x, y) = match point {
            [0x04, rest @ ..] if rest.len() == 64 => rest.split_at(32),
            _ => return Err(JwkError::new("the public key is not a P-256 point")),
        };
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let thumbprint = || {
            let members = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
            URL_SAFE_NO_PAD.encode(digest(&SHA256, members.as_bytes()))
        };
        let kid = json!(kid.map_or_else(thumbprint, str::to_owned));
        let exp = expires_at.and_then(|end| end.duration_since(SystemTime::UNIX_EPOCH).ok());
        let exp = exp.map(|exp| format!(r#","exp":{}"#, exp.as_secs())).unwrap_or_default();
        Self::parse(&format!(r#"{{"kty":"EC","x":"{x}","y":"{y}","crv":"P-256","kid":{kid},"alg":"ES256"{exp}}}"#))
    }

    /// Parses a JWK.
    ///
    /// # Errors
    /// The text is not a JSON object with a `kid`, or it has a private member.
    pub fn parse(json: &str) -> Result<Self, JwkError> {
        #[derive(Deserialize)]
        struct Members {
            kid: Option<String>,
            kty: Option<String>,
            crv: Option<String>,
            alg: Option<String>,
            x: Option<String>,
            y: Option<String>,
            exp: Option<serde_json::Value>,
        }
        let all: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(json).map_err(JwkError::not_an_object)?;
        if PRIVATE.iter().any(|member| all.contains_key(*member)) {
            return Err(JwkError::new("it has a private member"));
        }
        let wrong = |_| JwkError::new("a member has the wrong type");
        let members: Members = serde_json::from_value(all.into()).map_err(wrong)?;
        let kid = members.kid.filter(|kid| !kid.is_empty()).ok_or(JwkError::new("it has no kid"))?;
        let is_ours = members.kty.as_deref() == Some("EC")
            && members.crv.as_deref() == Some("P-256")
            && members.alg.as_deref().is_none_or(|alg| alg == "ES256");
        let verifier = match (is_ours, members.x, members.y) {
            (true, Some(x), Some(y)) => Some(point(&x, &y).ok_or(JwkError::new("x and y are not a P-256 point"))?),
            _ => None,
        };
        let json = RawValue::from_string(json.trim().to_owned()).map_err(JwkError::not_an_object)?;
        // Others may use the member for something else.
        let exp = members.exp.and_then(|exp| exp.as_u64());
        let expires_at = exp.and_then(|exp| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(exp)));
        Ok(Self(Arc::new(Inner { kid, json, verifier, expires_at })))
    }

    /// The key's id.
    pub fn kid(&self) -> &str {
        &self.0.kid
    }

    /// The JWK as JSON.
    pub fn json(&self) -> &str {
        self.0.json.get()
    }

    /// When its last token has expired, if the key names that.
    pub(super) fn expires_at(&self) -> Option<SystemTime> {
        self.0.expires_at
    }

    /// Verifies ES256 signatures; `None` for a key of another kind.
    pub(super) fn verifier(&self) -> Option<&ParsedPublicKey> {
        self.0.verifier.as_ref()
    }
}

fn point(x: &str, y: &str) -> Option<ParsedPublicKey> {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == 32);
    let point = [&[0x04][..], &decode(x)?, &decode(y)?].concat();
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).ok()
}

impl PartialEq for PublicJwk {
    /// Whether it is the same key with the same id. For a P-256 key, the order of members and
    /// additional members do not matter.
    fn eq(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.0, &other.0) {
            return true;
        }
        let is_same_key = match (self.verifier(), other.verifier()) {
            (Some(one), Some(other)) => one.as_ref() == other.as_ref(),
            (None, None) => self.json() == other.json(),
            _ => false,
        };
        self.kid() == other.kid() && is_same_key
    }
}

impl Eq for PublicJwk {}

impl fmt::Debug for PublicJwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicJwk").field("kid", &self.0.kid).finish_non_exhaustive()
    }
}

/// Why a text is not a public key. Contains nothing of the text, which may be a private key: an error behind it names a
/// position, a type or a rule only.
#[derive(Debug, Clone)]
pub struct JwkError {
    message: &'static str,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl JwkError {
    const fn new(message: &'static str) -> Self {
        Self { message, source: None }
    }

    fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// The text is not a JSON object. An error of the syntax names a position; one about a type repeats the value.
    fn not_an_object(error: serde_json::Error) -> Self {
        let this = Self::new("it is not a JSON object");
        if error.is_data() { this } else { this.caused_by(error) }
    }
}

impl PartialEq for JwkError {
    fn eq(&self, other: &Self) -> bool {
        self.message == other.message
    }
}

impl Eq for JwkError {}

impl fmt::Display for JwkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not a public JWK: {}", self.message)
    }
}

impl Error for JwkError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515 appendix A.3.1.
    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn parsed(kty: &str, crv: &str, alg: Option<&str>) -> PublicJwk {
        let alg = alg.map(|alg| format!(r#","alg":"{alg}""#)).unwrap_or_default();
        PublicJwk::parse(&format!(r#"{{"kid":"k","kty":"{kty}","crv":"{crv}","x":"{X}","y":"{Y}"{alg}}}"#)).unwrap()
    }

    #[test]
    fn s_172_a_key_verifies_only_if_type_curve_and_algorithm_are_those_of_es256() {
        for (kty, crv, alg, verifies) in [
            ("EC", "P-256", Some("ES256"), true),
            ("EC", "P-256", None, true),
            ("EC", "P-256", Some("ES384"), false),
            ("EC", "P-384", Some("ES256"), false),
            ("EC", "P-384", None, false),
            ("OKP", "P-256", Some("ES256"), false),
            ("OKP", "P-256", None, false),
        ] {
            assert_eq!(parsed(kty, crv, alg).verifier().is_some(), verifies, "{kty} {crv} {alg:?}");
        }
    }

    #[test]
    fn a_key_is_made_of_a_point_of_the_right_length_alone() {
        let point = [URL_SAFE_NO_PAD.decode(X).unwrap(), URL_SAFE_NO_PAD.decode(Y).unwrap()].concat();
        let of = |first: u8, rest: &[u8]| PublicJwk::of_point(Some("k"), &[&[first], rest].concat(), None);
        assert!(of(4, &point).is_ok());
        let longer = [&point[..], &[0]].concat();
        for (case, first, rest) in
            [("empty", 4, &[][..]), ("one half", 4, &point[..32]), ("longer", 4, &longer), ("compressed", 2, &point)]
        {
            assert_eq!(of(first, rest), Err(JwkError::new("the public key is not a P-256 point")), "{case}");
        }
    }

    #[test]
    fn keys_are_equal_if_id_and_key_are_whatever_else_they_say() {
        let other_kind = |n: &str| PublicJwk::parse(&format!(r#"{{"kid":"k","kty":"RSA","n":"{n}"}}"#)).unwrap();
        assert_eq!(parsed("EC", "P-256", None), parsed("EC", "P-256", Some("ES256")));
        assert_eq!(other_kind("AQAB"), other_kind("AQAB"));
        assert_ne!(other_kind("AQAB"), other_kind("AQAC"));
        assert_ne!(other_kind("AQAB"), parsed("EC", "P-256", None));
        let errors = ["[]", r#"{"kid":"k","d":"AQAB"}"#].map(|text| PublicJwk::parse(text).unwrap_err());
        assert_ne!(errors[0], errors[1]);
        assert_eq!(errors[0], errors[0].clone());
        assert_eq!(format!("{:?}", other_kind("AQAB")), r#"PublicJwk { kid: "k", .. }"#);
    }
}
