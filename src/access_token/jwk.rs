//! The keys of an issuer: a JSON Web Key Set (RFC 7517), of which only keys for RS256 and ES256 are
//! used.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::{sync::Arc, token::jwt::Algorithm};

/// Maximum number of keys of an issuer that are held. Issuers publish two to ten.
const MAX_KEYS: usize = 64;

/// A public key of an issuer, for one algorithm.
pub(super) struct IssuerKey {
    pub(super) kid: String,
    material: Material,
}

enum Material {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    Ec { point: Vec<u8>, key: ParsedPublicKey },
}

impl IssuerKey {
    pub(super) fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Rsa { .. } => Algorithm::Rs256,
            Material::Ec { .. } => Algorithm::Es256,
        }
    }

    /// Whether this is the key's signature of the message, by the key's own algorithm.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.material {
            // Rejects moduli below 2048 bits.
            Material::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature).is_ok()
            }
            Material::Ec { key, .. } => key.verify_sig(message, signature).is_ok(),
        }
    }
}

impl PartialEq for IssuerKey {
    fn eq(&self, other: &Self) -> bool {
        self.kid == other.kid
            && match (&self.material, &other.material) {
                (Material::Rsa { n, e }, Material::Rsa { n: other_n, e: other_e }) => n == other_n && e == other_e,
                (Material::Ec { point, .. }, Material::Ec { point: other, .. }) => point == other,
                _ => false,
            }
    }
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The usable keys of a key set. Keys of other kinds and malformed ones are left out.
///
/// # Errors
/// Not a key set, or one without a usable key.
pub(super) fn read_key_set(json: &[u8]) -> Result<Vec<Arc<IssuerKey>>, &'static str> {
    let set: Set = serde_json::from_slice(json).map_err(|_| "is not a JSON Web Key Set")?;
    let read = |value| serde_json::from_value::<Jwk>(value).ok().and_then(read_key).map(Arc::new);
    let keys: Vec<_> = set.keys.into_iter().take(MAX_KEYS).filter_map(read).collect();
    if keys.is_empty() { Err("has no key with a kid for RS256 or ES256") } else { Ok(keys) }
}

fn read_key(jwk: Jwk) -> Option<IssuerKey> {
    if jwk.purpose.is_some_and(|purpose| purpose != "sig") {
        return None;
    }
    let decode = |text: Option<String>| URL_SAFE_NO_PAD.decode(text?).ok();
    let declared = |alg: &str| jwk.alg.as_deref().is_none_or(|declared| declared == alg);
    let material = match (jwk.kty.as_str(), jwk.crv.as_deref()) {
        ("RSA", _) if declared("RS256") => {
            let (n, e) = (decode(jwk.n)?, decode(jwk.e)?);
            // A key that the algorithm rejects would verify no token.
            let bits = n.iter().skip_while(|byte| **byte == 0).count().checked_mul(8)?;
            (2048..=8192).contains(&bits).then_some(Material::Rsa { n, e })?
        }
        ("EC", Some("P-256")) if declared("ES256") => {
            let (x, y) = (decode(jwk.x)?, decode(jwk.y)?);
            if x.len() != 32 || y.len() != 32 {
                return None;
            }
            let point: Vec<u8> = [4].into_iter().chain(x).chain(y).collect();
            let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &point).ok()?;
            Material::Ec { point, key }
        }
        _ => return None,
    };
    Some(IssuerKey { kid: jwk.kid.filter(|kid| !kid.is_empty())?, material })
}
