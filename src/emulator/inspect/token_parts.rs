//! The parts of a token, parsed leniently: for display, never for verification.

use std::fmt;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::internal::signer::Members;

/// Accepts any padding and any trailing bits.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A parsed token.
pub(super) struct TokenParts<'t> {
    pub(super) segments: Vec<Segment<'t>>,
    pub(super) header: Json,
    pub(super) payload: Json,
}

/// One of the texts between the dots.
pub(super) struct Segment<'t> {
    pub(super) text: &'t str,
    pub(super) padding: Padding,
    /// `None` if it is not base64, not even leniently.
    pub(super) decoded: Option<Vec<u8>>,
}

/// The end of a base64url text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Padding {
    /// Its length needs no padding, and it has none.
    NotNeeded,
    /// It has the padding that its length needs.
    Present,
    /// It lacks the padding that a load balancer would have written.
    Missing,
    /// It has padding, but not what its length needs.
    Wrong,
}

/// A segment, parsed as JSON.
pub(super) enum Json {
    Object(Members),
    /// An object that is cut off.
    Broken,
    /// Not base64, not JSON, or not an object.
    Other,
    /// There is no such segment.
    Absent,
}

impl<'t> TokenParts<'t> {
    pub(super) fn of(token: &'t str) -> Self {
        // The count is bounded, so that an input of dots does not fill the memory.
        let segments: Vec<Segment<'_>> = token.splitn(8, '.').map(Segment::of).collect();
        let json = |index: usize| segments.get(index).map_or(Json::Absent, Segment::json);
        let (header, payload) = (json(0), if segments.len() > 1 { json(1) } else { Json::Absent });
        Self { header, payload, segments }
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

impl<'t> Segment<'t> {
    fn of(text: &'t str) -> Self {
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
        Self { text, padding, decoded }
    }

    fn json(&self) -> Json {
        let Some(decoded) = &self.decoded else { return Json::Other };
        match serde_json::from_slice::<Object>(decoded) {
            Ok(Object(members)) => Json::Object(members),
            Err(error) if error.is_eof() && decoded.first() == Some(&b'{') => Json::Broken,
            Err(_) => Json::Other,
        }
    }

    fn with_padding(&self, padded: bool) -> String {
        let bare = self.text.trim_end_matches('=');
        let missing = if padded { bare.len().wrapping_neg() % 4 } else { 0 };
        format!("{bare}{}", "=".repeat(missing))
    }
}

impl Json {
    pub(super) fn members(&self) -> &[(String, Value)] {
        match self {
            Self::Object(members) => members,
            Self::Broken | Self::Other | Self::Absent => &[],
        }
    }

    /// The last member of this name, which lenient readers take.
    pub(super) fn member(&self, name: &str) -> Option<&Value> {
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
        let token = TokenParts::of("eyJhIjoxLCJhIjoyfR.eyJzdWIiOiI3IiwiZXhwIjoxfQ=.+_8");
        assert_eq!(token.header.members().len(), 2, "repeated members");
        assert_eq!(token.header.member("a"), Some(&Value::from(2)));
        assert_eq!(token.payload.seconds("exp"), Some(1));
        assert_eq!(token.signature(), Some(&[0xfb, 0xff][..]));
        assert_eq!(token.signing_input_padded(true).unwrap(), "eyJhIjoxLCJhIjoyfR==.eyJzdWIiOiI3IiwiZXhwIjoxfQ==");
        assert!(matches!(TokenParts::of("eyJhIjoxLCJh").header, Json::Broken));
        assert!(matches!(TokenParts::of("WzFd.x").header, Json::Other));
        assert!(matches!(TokenParts::of("x").payload, Json::Absent));
    }
}
