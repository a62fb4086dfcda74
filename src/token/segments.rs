//! The three segments of a compact JWS (RFC 7515 section 7.1), parsed strictly.

use base64_simd::{AsOut as _, URL_SAFE_NO_PAD};

/// A token split into its segments. The base64url of payload and signature is checked and the
/// signature is decoded; header and payload are not decoded yet.
pub(super) struct Segments<'t, S = [u8; 64]> {
    /// The bytes that the signature covers: header, dot and payload, including padding.
    pub(super) signing_input: &'t [u8],
    /// As received, not checked.
    pub(super) header: &'t [u8],
    pub(super) payload: Encoded<'t>,
    pub(super) signature: S,
}

/// Valid base64url text, without its padding.
#[derive(Clone, Copy)]
pub(super) struct Encoded<'t> {
    text: &'t [u8],
    is_padded: bool,
}

/// A token whose signature was verified, as its claims keep it.
#[derive(Clone, Copy)]
pub(super) struct Received<'t> {
    pub(super) header: &'t [u8],
    pub(super) payload: Encoded<'t>,
    pub(super) signature: &'t [u8],
}

impl<'t> Segments<'t> {
    /// `None` unless the token is three segments, of which the last two are strict base64url, with a
    /// signature of 64 bytes. Allocates nothing.
    pub(super) fn split(token: &'t [u8]) -> Option<Self> {
        let Segments { signing_input, header, payload, signature } = split(token)?;
        Some(Self { signing_input, header, payload, signature: decode_signature(signature)? })
    }
}

/// As [`Segments::split`], with a signature of any length, which is not decoded.
#[inline]
pub(super) fn split(token: &[u8]) -> Option<Segments<'_, Encoded<'_>>> {
    let first = memchr::memchr(b'.', token)?;
    // A dot between these two is rejected as invalid base64url of the payload.
    let last = memchr::memrchr(b'.', token).filter(|last| *last > first)?;
    let (signing_input, signature) = token.split_at_checked(last)?;
    let (header, payload) = signing_input.split_at_checked(first)?;
    Some(Segments {
        signing_input,
        header,
        payload: Encoded::check(payload.get(1..)?)?,
        signature: Encoded::check(signature.get(1..)?)?,
    })
}

impl<'t> Received<'t> {
    /// Of a token that [`split`] accepted.
    pub(super) fn new(token: &'t [u8], signing_input: &[u8], header: &'t [u8], payload: Encoded<'t>) -> Self {
        let signature = token.get(signing_input.len().saturating_add(1)..).unwrap_or_default();
        Self { header, payload, signature }
    }
}

impl<'t> Encoded<'t> {
    /// Accepts canonical padding or none, the alphabet of RFC 4648 section 5, and zero trailing
    /// bits.
    pub(super) fn check(text: &'t [u8]) -> Option<Self> {
        let unpadded = match text {
            [body @ .., b'=', b'='] if body.len() % 4 == 2 => body,
            [body @ .., b'='] if body.len() % 4 == 3 => body,
            body if body.len() % 4 != 1 => body,
            _ => return None,
        };
        // Checks the alphabet and the trailing bits.
        URL_SAFE_NO_PAD
            .check(unpadded)
            .is_ok()
            .then_some(Self { text: unpadded, is_padded: unpadded.len() != text.len() })
    }

    pub(super) fn is_padded(self) -> bool {
        self.is_padded
    }

    /// Number of decoded bytes.
    pub(super) fn decoded_len(self) -> usize {
        // At most 64 KiB, so this cannot overflow.
        self.text.len().saturating_mul(3) / 4
    }

    /// Decodes to the start of `to` and returns that part. `None` if it does not fit.
    pub(super) fn decode(self, to: &mut [u8]) -> Option<&mut [u8]> {
        let to = to.get_mut(..self.decoded_len())?;
        URL_SAFE_NO_PAD.decode(self.text, to.as_out()).ok()
    }

    /// Decodes to the end of `to`, which has the capacity for it.
    pub(super) fn append_to(self, to: &mut Vec<u8>) -> Option<()> {
        URL_SAFE_NO_PAD.decode_append(self.text, to).ok()
    }
}

fn decode_signature(encoded: Encoded<'_>) -> Option<[u8; 64]> {
    let mut signature = [0; 64];
    (encoded.decoded_len() == 64).then(|| encoded.decode(&mut signature).map(drop))??;
    Some(signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Option<Vec<u8>> {
        Encoded::check(text.as_bytes())?.decode(&mut [0; 64]).map(|bytes| bytes.to_vec())
    }

    #[test]
    fn padded_canonically_or_not_at_all() {
        for (text, bytes) in
            [("", ""), ("Zg", "f"), ("Zg==", "f"), ("Zm8", "fo"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("-_-_", "\u{fb}")]
        {
            match decode(text) {
                Some(decoded) if text != "-_-_" => assert_eq!(decoded, bytes.as_bytes()),
                Some(decoded) => assert_eq!(decoded, [0xfb, 0xff, 0xbf]),
                None => panic!("{text} is valid"),
            }
        }
    }

    #[test]
    fn s_10_base64_that_is_not_canonical_is_refused() {
        for text in [
            "Zg=", "Zg===", "Zh", "Zh==", "Zm9v=", "Z", "Zg==Zg==", "+A", "/A", "Z g", "Z\rg", "Z\ng", "Zg?", "Zg#",
            "Zm9v====", "=", "==", "====", "Zm9=", "Z=g=", "Zm9vZ", "Zm9vZh",
        ] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }
}
