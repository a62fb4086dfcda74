//! The text of a token whose payload is kept decoded.
//!
//! Claims keep their payload decoded, and not its text beside it. Base64url has exactly one text for
//! bytes and a form, padded or not, so that text can be compared and written from them.

use std::mem::MaybeUninit;

use base64_simd::{AsOut as _, Base64, URL_SAFE, URL_SAFE_NO_PAD};

/// Number of bytes that are encoded at once, for a comparison. A multiple of three, so that only the
/// last piece has padding.
const PIECE_BYTES: usize = 768;

/// Number of characters that [`PIECE_BYTES`] have.
const PIECE_CHARACTERS: usize = PIECE_BYTES / 3 * 4;

/// A token in three segments. Two are equal if their texts are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenText<'c> {
    /// In base64url, as received.
    pub(super) header: &'c [u8],
    pub(super) payload: Payload<'c>,
    /// In base64url, as received.
    pub(super) signature: &'c [u8],
}

/// A payload, decoded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Payload<'c> {
    pub(super) bytes: &'c [u8],
    pub(super) is_padded: bool,
}

impl TokenText<'_> {
    /// Whether this is the text: compares every character of it.
    pub(super) fn is(&self, text: &[u8]) -> bool {
        // What needs no encoding first.
        let signing_input = text.strip_suffix(self.signature).and_then(|rest| rest.strip_suffix(b"."));
        let payload = signing_input.and_then(|text| text.strip_prefix(self.header)?.strip_prefix(b"."));
        payload.is_some_and(|text| self.payload.is(text))
    }

    pub(super) fn to_vec(self) -> Vec<u8> {
        let others = self.header.len().saturating_add(self.signature.len());
        let mut text = Vec::with_capacity(self.payload.length().saturating_add(others).saturating_add(2));
        text.extend_from_slice(self.header);
        text.push(b'.');
        self.payload.base64().encode_append(self.payload.bytes, &mut text);
        text.push(b'.');
        text.extend_from_slice(self.signature);
        text
    }
}

impl Payload<'_> {
    fn base64(self) -> &'static Base64 {
        if self.is_padded { &URL_SAFE } else { &URL_SAFE_NO_PAD }
    }

    /// Number of characters.
    fn length(self) -> usize {
        self.base64().encoded_length(self.bytes.len())
    }

    /// Whether this is the text. Encodes to the stack, piece by piece.
    fn is(self, text: &[u8]) -> bool {
        let base64 = self.base64();
        // Zeros would take time, and are overwritten.
        let mut piece = [MaybeUninit::<u8>::uninit(); PIECE_CHARACTERS];
        let mut pieces = self.bytes.chunks(PIECE_BYTES).zip(text.chunks(PIECE_CHARACTERS));
        text.len() == self.length()
            && pieces.all(|(bytes, characters)| base64.encode(bytes, piece[..].as_out()) == characters)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Every character that a changed one can be: of the alphabet, of the standard alphabet, and what is neither.
    const CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n\0\xff";

    /// Lengths of a payload around the edges of groups and pieces.
    const LENGTHS: [usize; 12] = [0, 1, 2, 3, 4, 530, 767, 768, 769, 1535, 1536, 1537];

    /// By another library.
    fn base64url(bytes: &[u8], is_padded: bool) -> Vec<u8> {
        use base64::{
            Engine as _,
            engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD},
        };
        let text = if is_padded { URL_SAFE.encode(bytes) } else { URL_SAFE_NO_PAD.encode(bytes) };
        text.into_bytes()
    }

    fn token<'c>(header: &'c [u8], payload: &'c [u8], is_padded: bool, signature: &'c [u8]) -> TokenText<'c> {
        TokenText { header, payload: Payload { bytes: payload, is_padded }, signature }
    }

    fn text_of(token: &TokenText<'_>) -> Vec<u8> {
        let payload = base64url(token.payload.bytes, token.payload.is_padded);
        [token.header, b".", &payload, b".", token.signature].concat()
    }

    #[test]
    fn s_42_another_character_at_any_place_is_another_token() {
        let signature = base64url(&[7; 64], true);
        for (is_padded, length) in
            [false, true].into_iter().flat_map(|is_padded| LENGTHS.map(|length| (is_padded, length)))
        {
            let payload: Vec<u8> = (0..length).map(|place| (place % 251) as u8).collect();
            let token = token(b"eyJhbGciOiJFUzI1NiJ9Cg==", &payload, is_padded, &signature);
            let text = text_of(&token);
            assert!(token.is(&text) && token.to_vec() == text, "{is_padded}, {length} bytes");
            for place in 0..text.len() {
                // All characters at the ends of segments, where bits are left over; elsewhere three.
                let near_an_end =
                    place + 5 > text.len() || text[place..].iter().take(5).any(|byte| b".=".contains(byte));
                let step = if near_an_end { 1 } else { 23 };
                let others = CHARACTERS.iter().skip(place % step).step_by(step).filter(|other| **other != text[place]);
                for other in others {
                    let mut changed = text.clone();
                    changed[place] = *other;
                    assert!(!token.is(&changed), "{is_padded}, {length} bytes, {other:?} at {place}");
                }
            }
            let lengths = [token.header.len(), text.len() - signature.len() - 1, text.len() - 1];
            for place in lengths.into_iter().flat_map(|end| end.saturating_sub(3)..=end) {
                assert!(!token.is(&[&text[..place], &text[place + 1..]].concat()), "without {place}");
                for inserted in CHARACTERS {
                    let longer = [&text[..place], &[*inserted], &text[place..]].concat();
                    assert!(!token.is(&longer), "{is_padded}, {length} bytes, {inserted} before {place}");
                }
            }
            assert!(!token.is(&[&text[..], b"="].concat()) && !token.is(b"") && !token.is(b".."));
        }
    }

    #[test]
    fn s_42_padding_added_or_removed_is_another_token() {
        let forms = |segment: &[u8]| [base64url(segment, true), base64url(segment, false)];
        for length in LENGTHS {
            let (headers, signatures) = (forms(&[1; 10]), forms(&[2; 64]));
            let payload = vec![3; length];
            let all = || headers.iter().flat_map(|header| [true, false].map(|is_padded| (header, is_padded)));
            let all =
                || all().flat_map(|(header, is_padded)| signatures.iter().map(move |end| (header, is_padded, end)));
            let all: Vec<_> = all().map(|(header, is_padded, end)| token(header, &payload, is_padded, end)).collect();
            for (kept, other) in all.iter().flat_map(|kept| all.iter().map(move |other| (kept, other))) {
                assert_eq!(kept.is(&text_of(other)), text_of(kept) == text_of(other), "{length} bytes");
            }
        }
    }

    /// The same bytes with other bits that are left over, and in the standard alphabet.
    #[test]
    fn s_42_trailing_bits_and_another_alphabet_are_another_token() {
        for (bytes, is_padded, text, others) in [
            (&b"\xff"[..], false, "_w", &["_x", "_z", "/w", "_w=="][..]),
            (b"\xff", true, "_w==", &["_x==", "_z==", "/w==", "_w", "_w=", "_w==="]),
            (b"\xfb\xff", true, "-_8=", &["-_9=", "-_-=", "+/8=", "-/8=", "-_8", "-_8=="]),
            (b"\xfb\xef\xbe", true, "----", &["++++", "---+", "----=", "---"]),
        ] {
            let kept = token(b"e30", bytes, is_padded, b"c2ln");
            assert!(kept.is(format!("e30.{text}.c2ln").as_bytes()), "{text}");
            for other in others {
                assert!(!kept.is(format!("e30.{other}.c2ln").as_bytes()), "{other}");
            }
        }
    }

    proptest! {
        #[test]
        fn s_42_a_kept_token_is_its_own_text_and_no_other(
            header in "[A-Za-z0-9_-]{0,600}={0,2}",
            payload in prop::collection::vec(any::<u8>(), 0..1700),
            signature in "[A-Za-z0-9_-]{0,90}={0,2}",
            is_padded in any::<bool>(),
            place in any::<prop::sample::Index>(),
            bits in 1_u8..,
        ) {
            let token = token(header.as_bytes(), &payload, is_padded, signature.as_bytes());
            let mut text = text_of(&token);
            prop_assert!(token.is(&text));
            prop_assert_eq!(token.to_vec(), text.clone());
            let place = place.index(text.len());
            text[place] ^= bits;
            prop_assert!(!token.is(&text));
        }
    }
}
