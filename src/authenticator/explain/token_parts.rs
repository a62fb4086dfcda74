//! The parts of a token, parsed leniently: for display, never for verification.

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::alb::signer::{Members, TOKEN_LIFETIME};

/// Accepts any padding and any trailing bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Maximum number of segments that are kept. A load balancer's token has three.
const MAX_SEGMENTS: usize = 8;

/// The parts of a token, not verified.
///
/// Nothing here may decide on a request. `Debug` shows no claim and no text of the token.
#[derive(Clone)]
pub struct TokenParts {
    segments: Vec<Segment>,
    header: JsonPart,
    payload: JsonPart,
}

/// One of the texts between the dots.
#[derive(Clone)]
pub struct Segment {
    text: String,
    padding: Padding,
    /// `None` if it is not base64, not even leniently.
    pub(super) decoded: Option<Vec<u8>>,
}

/// The end of a base64url text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Padding {
    /// Its length needs no padding, and it has none.
    NotNeeded,
    /// It has the padding that its length needs.
    Present,
    /// It lacks the padding that a load balancer writes.
    Missing,
    /// It has padding, but not what its length needs.
    Wrong,
}

/// A segment, parsed as JSON.
#[derive(Clone)]
#[non_exhaustive]
pub enum JsonPart {
    /// The members in their order, duplicate ones included. They are not verified, and may contain
    /// personal data.
    Object(Vec<(String, Value)>),
    /// An object that is cut off.
    Broken,
    /// Not base64, not JSON, or not an object.
    Other,
    /// There is no such segment.
    Absent,
}

impl TokenParts {
    /// Parses a value of `x-amzn-oidc-data`, or what is left of one.
    pub fn of(token: &[u8]) -> Self {
        let token = String::from_utf8_lossy(token);
        // The count is bounded, so that an input of dots does not fill the memory.
        let segments: Vec<Segment> = token.splitn(MAX_SEGMENTS, '.').map(Segment::of).collect();
        let json = |index: usize| segments.get(index).map_or(JsonPart::Absent, Segment::json);
        let (header, payload) = (json(0), json(1));
        Self { header, payload, segments }
    }

    /// The texts between the dots, eight at most.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The JOSE header.
    pub fn header(&self) -> &JsonPart {
        &self.header
    }

    /// The claims.
    pub fn payload(&self) -> &JsonPart {
        &self.payload
    }

    /// `exp` of the JOSE header, in seconds since 1970.
    pub fn expires_at(&self) -> Option<u64> {
        self.header.seconds("exp")
    }

    /// When a load balancer signed the token: 120 s before `exp`.
    pub fn signed_at(&self) -> Option<u64> {
        Some(self.expires_at()?.saturating_sub(TOKEN_LIFETIME))
    }

    /// Header and payload with the dot between them, if there are three segments.
    pub(super) fn signing_input(&self) -> Option<String> {
        match self.segments.as_slice() {
            [header, payload, _] => Some(format!("{}.{}", header.text, payload.text)),
            _ => None,
        }
    }

    /// The same with padding, as a load balancer writes it, or without.
    pub(super) fn signing_input_padded(&self, padded: bool) -> Option<String> {
        match self.segments.as_slice() {
            [header, payload, _] => Some(format!("{}.{}", header.with_padding(padded), payload.with_padding(padded))),
            _ => None,
        }
    }

    pub(super) fn signature(&self) -> Option<&[u8]> {
        self.segments.get(2)?.decoded.as_deref()
    }

    /// Whether padding was removed on the way. A signature of 64 bytes always has two characters of
    /// it.
    pub(super) fn lost_its_padding(&self) -> bool {
        self.segments.len() == 3 && self.segments.iter().any(|segment| segment.padding == Padding::Missing)
    }
}

impl fmt::Debug for TokenParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenParts").field("segments", &self.segments).finish_non_exhaustive()
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (length, padding) = (self.length(), self.padding);
        f.debug_struct("Segment").field("length", &length).field("padding", &padding).finish_non_exhaustive()
    }
}

impl fmt::Debug for JsonPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object(_) => "Object(..)",
            Self::Broken => "Broken",
            Self::Other => "Other",
            Self::Absent => "Absent",
        })
    }
}

impl Segment {
    fn of(text: &str) -> Self {
        let bare = text.trim_end_matches('=');
        let given = text.len().saturating_sub(bare.len());
        let needed = match bare.len() % 4 {
            2 => Some(2),
            3 => Some(1),
            0 => Some(0),
            _ => None,
        };
        let padding = match needed {
            Some(0) if given == 0 => Padding::NotNeeded,
            Some(needed) if given == needed => Padding::Present,
            Some(_) if given == 0 => Padding::Missing,
            _ => Padding::Wrong,
        };
        let url_safe = bare.replace('+', "-").replace('/', "_");
        let decoded = LENIENT.decode(&url_safe).ok().or_else(|| {
            // Cut off inside a group of four characters: the bytes before it are still worth
            // showing.
            let whole = url_safe.len().saturating_sub(url_safe.len() % 4);
            url_safe.get(..whole).and_then(|whole| LENIENT.decode(whole).ok()).filter(|_| needed.is_none())
        });
        Self { text: text.to_owned(), padding, decoded }
    }

    /// The number of characters, padding included.
    pub fn length(&self) -> usize {
        self.text.len()
    }

    /// The number of decoded bytes; `None` if it is not base64url.
    pub fn decoded_length(&self) -> Option<usize> {
        self.decoded.as_ref().map(Vec::len)
    }

    /// Its padding.
    pub fn padding(&self) -> Padding {
        self.padding
    }

    /// The number of `=` at its end.
    pub(super) fn padding_length(&self) -> usize {
        self.text.len().saturating_sub(self.text.trim_end_matches('=').len())
    }

    /// Whether it has characters of base64 that base64url does not have.
    pub(super) fn is_not_url_safe(&self) -> bool {
        self.text.contains(['+', '/'])
    }

    fn json(&self) -> JsonPart {
        let Some(decoded) = &self.decoded else { return JsonPart::Other };
        match serde_json::from_slice::<Object>(decoded) {
            Ok(Object(members)) => JsonPart::Object(members),
            Err(error) if error.is_eof() && decoded.first() == Some(&b'{') => JsonPart::Broken,
            Err(_) => JsonPart::Other,
        }
    }

    fn with_padding(&self, padded: bool) -> String {
        let bare = self.text.trim_end_matches('=');
        let missing = if padded { bare.len().wrapping_neg() % 4 } else { 0 };
        format!("{bare}{}", "=".repeat(missing))
    }
}

impl JsonPart {
    /// The members of an object, in their order; duplicate ones included.
    pub fn members(&self) -> &[(String, Value)] {
        match self {
            Self::Object(members) => members,
            Self::Broken | Self::Other | Self::Absent => &[],
        }
    }

    /// The last member of this name, which lenient readers use.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.members().iter().rev().find(|(held, _)| held == name).map(|(_, value)| value)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_str()
    }

    pub(super) fn seconds(&self, name: &str) -> Option<u64> {
        self.member(name)?.as_u64()
    }
}

/// The members in their order, repeated ones included.
struct Object(Members);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut members = Members::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Object(members))
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_depends_on_the_length() {
        for (text, padding) in [
            ("", Padding::NotNeeded),
            ("Zm9v", Padding::NotNeeded),
            ("Zg==", Padding::Present),
            ("Zm8=", Padding::Present),
            ("Zg", Padding::Missing),
            ("Zm8", Padding::Missing),
            ("Zg=", Padding::Wrong),
            ("Zm9v=", Padding::Wrong),
            ("Z", Padding::Wrong),
        ] {
            assert_eq!(Segment::of(text).padding, padding, "{text}");
        }
    }

    #[test]
    fn a_malformed_token_is_still_shown() {
        let token = TokenParts::of(b"eyJhIjoxLCJhIjoyfR.eyJzdWIiOiI3IiwiZXhwIjoxfQ=.+_8");
        assert_eq!(token.header.members().len(), 2, "repeated members");
        assert_eq!(token.header.member("a"), Some(&Value::from(2)));
        assert_eq!(token.payload.seconds("exp"), Some(1));
        assert_eq!(token.signature(), Some(&[0xfb, 0xff][..]));
        assert_eq!(token.signing_input_padded(true).unwrap(), "eyJhIjoxLCJhIjoyfR==.eyJzdWIiOiI3IiwiZXhwIjoxfQ==");
        assert!(matches!(TokenParts::of(b"eyJhIjoxLCJh").header, JsonPart::Broken));
        assert!(matches!(TokenParts::of(b"WzFd.x").header, JsonPart::Other));
        assert!(matches!(TokenParts::of(b"x").payload, JsonPart::Absent));
    }
}
