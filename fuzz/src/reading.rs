//! Readers of JSON and of tokens that share no code with the crate.

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hifijson::{SliceLexer, token::Lex as _, value};

/// JSON with every member and every number as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

/// Deeper than any limit of the crate; the reader recurses.
const MAX_DEPTH: usize = 120;

impl Json {
    /// `None` if the text is not one value, or nests deeper than [`MAX_DEPTH`].
    pub(crate) fn read(text: &[u8]) -> Option<Self> {
        std::str::from_utf8(text).ok()?;
        let mut lexer = SliceLexer::new(text);
        let read = lexer.exactly_one(SliceLexer::ws_peek, |next, lexer| value::parse_bounded(MAX_DEPTH, next, lexer));
        Some(of(read.ok()?))
    }

    /// An object within the limits, without a repeated member at any depth.
    pub(crate) fn strict_object(text: &[u8], depth: usize, members: usize, elements: usize) -> Option<Self> {
        let json = Self::read(text)?;
        let fits = json.depth() <= depth && json.members() <= members && json.elements() <= elements;
        (matches!(json, Self::Object(_)) && fits && !json.has_repeated_member()).then_some(json)
    }

    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => members.iter().find(|(held, _)| held == name).map(|(_, value)| value),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A number of digits alone, up to 2^64 - 1.
    pub(crate) fn integer(&self) -> Option<u64> {
        match self {
            Self::Number(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        }
    }

    /// A whole second up to the year 9999.
    pub(crate) fn seconds(&self) -> Option<u64> {
        self.integer().filter(|seconds| *seconds <= 253_402_300_799)
    }

    /// A scalar counts nothing, an empty list or object 1.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => 1 + members.iter().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    pub(crate) fn members(&self) -> usize {
        match self {
            Self::List(items) => items.iter().map(Self::members).max().unwrap_or(0),
            Self::Object(members) => {
                members.iter().map(|(_, value)| value.members()).max().unwrap_or(0).max(members.len())
            }
            _ => 0,
        }
    }

    pub(crate) fn elements(&self) -> usize {
        match self {
            Self::List(items) => items.iter().map(Self::elements).max().unwrap_or(0).max(items.len()),
            Self::Object(members) => members.iter().map(|(_, value)| value.elements()).max().unwrap_or(0),
            _ => 0,
        }
    }

    pub(crate) fn has_repeated_member(&self) -> bool {
        match self {
            Self::List(items) => items.iter().any(Self::has_repeated_member),
            Self::Object(members) => {
                let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
                names.sort_unstable();
                names.windows(2).any(|pair| pair[0] == pair[1])
                    || members.iter().any(|(_, value)| value.has_repeated_member())
            }
            _ => false,
        }
    }

    /// Whether a member has the name by which serde_json may write a number as an object. Such an object is a number to the
    /// reader, whatever features serde_json has.
    pub(crate) fn has_number_object(&self) -> bool {
        match self {
            Self::List(items) => items.iter().any(Self::has_number_object),
            Self::Object(members) => {
                members.iter().any(|(name, value)| name == "$serde_json::private::Number" || value.has_number_object())
            }
            _ => false,
        }
    }
}

fn of<'a>(value: value::Value<&'a str, std::borrow::Cow<'a, str>>) -> Json {
    match value {
        value::Value::Null => Json::Null,
        value::Value::Bool(value) => Json::Bool(value),
        value::Value::Number((text, _)) => Json::Number(text.to_owned()),
        value::Value::String(text) => Json::Text(text.into_owned()),
        value::Value::Array(items) => Json::List(items.into_iter().map(of).collect()),
        value::Value::Object(members) => {
            Json::Object(members.into_iter().map(|(name, value)| (name.into_owned(), of(value))).collect())
        }
    }
}

/// base64url as RFC 4648 has it, with all of its padding.
const PADDED: GeneralPurpose = engine(DecodePaddingMode::RequireCanonical);
/// The same without padding, as RFC 7515 has it.
const UNPADDED: GeneralPurpose = engine(DecodePaddingMode::RequireNone);

const fn engine(padding: DecodePaddingMode) -> GeneralPurpose {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(padding).with_decode_allow_trailing_bits(false);
    GeneralPurpose::new(&base64::alphabet::URL_SAFE, config)
}

/// Text with canonical padding or with none.
pub(crate) fn base64url(text: &[u8]) -> Option<Vec<u8>> {
    PADDED.decode(text).or_else(|_| UNPADDED.decode(text)).ok()
}

/// The segments as they are received: signing input, header, payload, signature.
pub(crate) fn segments(token: &[u8]) -> Option<(&[u8], Vec<u8>, Vec<u8>, Vec<u8>)> {
    let parts: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
    let [header, payload, signature] = parts[..] else { return None };
    let signed = &token[..header.len() + 1 + payload.len()];
    Some((signed, base64url(header)?, base64url(payload)?, base64url(signature)?))
}

/// Whether the text is a UUID in lower case.
pub(crate) fn is_kid(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}
