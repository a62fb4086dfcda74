//! The readers of a token, for the oracles of `fuzz/`.

use serde::de::MapAccess;

use super::{
    header::{JoseHeader, RawHeader, TextMember},
    json::{JsonFault, JsonLimits, Members, Unread, Value, read_object},
    large_numbers::replace_large_numbers,
    segments::{Encoded, Segments},
};
use crate::limits::TokenLimits;

/// The segments of a token, decoded.
#[derive(Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of RFC 7515")]
pub struct Split {
    pub signing_input: Vec<u8>,
    pub header: Vec<u8>,
    pub payload: Vec<u8>,
    pub signature: Vec<u8>,
}

/// A load balancer's token.
pub fn split(token: &[u8]) -> Option<Split> {
    let Segments { signing_input, header, payload, signature } = Segments::split(token)?;
    decoded(signing_input, header, payload, signature.to_vec())
}

/// An access token: a signature of any length.
pub fn split_any(token: &[u8]) -> Option<Split> {
    let Segments { signing_input, header, payload, signature } = super::segments::split(token)?;
    decoded(signing_input, header, payload, bytes(signature)?)
}

fn decoded(signing_input: &[u8], header: &[u8], payload: Encoded<'_>, signature: Vec<u8>) -> Option<Split> {
    let header = Encoded::check(header)?;
    let mut on_stack = vec![0; header.decoded_len()];
    let header = header.decode(&mut on_stack)?.to_vec();
    Some(Split { signing_input: signing_input.to_vec(), header, payload: bytes(payload)?, signature })
}

fn bytes(encoded: Encoded<'_>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    encoded.append_to(&mut bytes)?;
    Some(bytes)
}

/// What the reader keeps of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs, reason = "the kinds of JSON")]
pub enum Kept {
    Text(String),
    Bool(bool),
    Number(Option<u64>),
    Null,
    List,
    Object,
}

/// Why a text is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in the reader")]
pub enum Fault {
    Syntax,
    Duplicate,
    TooDeep,
    TooWide,
    NotSeconds,
}

/// Reads an object as the payload of a token is read: numbers outside of the range of a 64-bit float are put aside.
///
/// # Errors
/// The fault that the reader reports.
pub fn json(text: &str, depth: usize, members: usize, elements: usize) -> Result<Vec<(String, Kept)>, Fault> {
    let limits = JsonLimits { depth, members, elements };
    let mut kept = All::default();
    let mut read = read_object(text, limits, &mut kept);
    let mut copy = text.as_bytes().to_vec();
    let tamed = read == Err(JsonFault::Syntax) && replace_large_numbers(&mut copy);
    if let (true, Ok(tamed)) = (tamed, std::str::from_utf8(&copy)) {
        kept = All::default();
        read = read_object(tamed, limits, &mut kept);
    }
    read.map(|()| kept.0).map_err(|fault| match fault {
        JsonFault::Syntax => Fault::Syntax,
        JsonFault::Duplicate => Fault::Duplicate,
        JsonFault::TooDeep => Fault::TooDeep,
        JsonFault::TooWide => Fault::TooWide,
        JsonFault::NotSeconds(_) => Fault::NotSeconds,
    })
}

#[derive(Default)]
struct All(Vec<(String, Kept)>);

impl<'de> Members<'de> for All {
    fn member<A: MapAccess<'de>>(&mut self, name: &str, value: Unread<'_, '_, A>) -> Result<(), A::Error> {
        let kept = match value.value()? {
            Value::Text(text) => Kept::Text(text.into_owned()),
            Value::Bool(value) => Kept::Bool(value),
            Value::Number(number) => Kept::Number(number),
            Value::Null => Kept::Null,
            Value::List => Kept::List,
            Value::Object => Kept::Object,
        };
        self.0.push((name.to_owned(), kept));
        Ok(())
    }
}

/// A JOSE header that passes every check that needs no configuration. A member that is not a text is `Some(None)`.
#[derive(Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names of the members")]
pub struct Header {
    pub kid: String,
    pub signer: Option<Option<String>>,
    pub issuer: Option<Option<String>>,
    pub client: Option<Option<String>>,
    pub not_before: u64,
    pub expires_at: u64,
}

/// Reads a JOSE header, with the default limits.
pub fn header(json: &[u8]) -> Option<Header> {
    let mut json = json.to_vec();
    let limits = TokenLimits::default().json();
    let mut raw = RawHeader::default();
    if let Err(fault) = read_object(std::str::from_utf8(&json).ok()?, limits, &mut raw) {
        drop(raw);
        if fault != JsonFault::Syntax || !replace_large_numbers(&mut json) {
            return None;
        }
        raw = RawHeader::default();
        read_object(std::str::from_utf8(&json).ok()?, limits, &mut raw).ok()?;
    }
    let JoseHeader { kid, signer, issuer, client, window } = JoseHeader::check(raw).ok()?;
    let text = |member| match member {
        TextMember::Missing => None,
        TextMember::Text(text) => Some(Some(text.into_owned())),
        TextMember::Other(_) => Some(None),
    };
    Some(Header {
        kid: kid.to_string(),
        signer: text(signer),
        issuer: text(issuer),
        client: text(client),
        not_before: window.not_before,
        expires_at: window.expires_at,
    })
}
