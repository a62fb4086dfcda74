//! The encoding of a response: Backstage compresses bodies over 1 KB for clients that accept it.

#[cfg(feature = "backstage")]
use std::io::Read as _;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};

/// `accept-encoding` of a query, if this build can decode one.
pub(super) const ACCEPTED: Option<HeaderValue> =
    if cfg!(feature = "backstage") { Some(HeaderValue::from_static("gzip")) } else { None };

/// Why a body cannot be decoded.
pub(super) enum Undecodable {
    /// The encoding was not requested.
    Unknown,
    /// Not what the encoding says, or incomplete.
    #[cfg(feature = "backstage")]
    Invalid,
    /// More than this number of bytes.
    #[cfg(feature = "backstage")]
    TooLarge,
}

/// The body without its encoding, at most this number of bytes.
pub(super) fn decoded(headers: &HeaderMap, body: Bytes, max_bytes: usize) -> Result<Bytes, Undecodable> {
    let encodings: Vec<&HeaderValue> = headers.get_all(header::CONTENT_ENCODING).iter().collect();
    match &encodings[..] {
        [] => Ok(body),
        [one] if one.as_bytes().eq_ignore_ascii_case(b"identity") => Ok(body),
        [one] if one.as_bytes().eq_ignore_ascii_case(b"gzip") => gunzip(&body, max_bytes),
        _ => Err(Undecodable::Unknown),
    }
}

#[cfg(feature = "backstage")]
fn gunzip(body: &[u8], max_bytes: usize) -> Result<Bytes, Undecodable> {
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    let mut decoded = Vec::new();
    let read = flate2::read::GzDecoder::new(body).take(limit).read_to_end(&mut decoded);
    match read {
        Ok(length) if length > max_bytes => Err(Undecodable::TooLarge),
        Ok(_) => Ok(decoded.into()),
        Err(_) => Err(Undecodable::Invalid),
    }
}

#[cfg(not(feature = "backstage"))]
fn gunzip(_: &[u8], _: usize) -> Result<Bytes, Undecodable> {
    Err(Undecodable::Unknown)
}
