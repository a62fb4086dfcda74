//! Where the segments of a token and its claims are in the buffer of the claims.

use std::{num::NonZeroU32, ops::Range};

/// The positions of the claims in the buffer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ClaimsParts {
    /// The JOSE header of the token in base64url. Empty for claims without a token.
    pub(crate) header: Span,
    /// The decoded payload.
    pub(crate) payload: Span,
    /// Whether the payload was padded.
    pub(crate) payload_is_padded: bool,
    /// The signature in base64url. Empty for claims without a token.
    pub(crate) signature: Span,
    pub(crate) issuer: Span,
    pub(crate) subject: Span,
    pub(crate) name: Option<Span>,
    pub(crate) given_name: Option<Span>,
    pub(crate) family_name: Option<Span>,
    pub(crate) email: Option<Span>,
    /// The claim `email` is present and is not a text.
    pub(crate) email_is_not_text: bool,
    pub(crate) picture: Option<Span>,
    pub(crate) email_verified: Option<bool>,
    pub(crate) expires_at: u64,
}

/// A range of bytes, in a form that is cheap to copy and to keep: an `Option` of it takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// One more than the first place.
    after_start: NonZeroU32,
    length: u32,
}

impl Default for Span {
    fn default() -> Self {
        Self { after_start: NonZeroU32::MIN, length: 0 }
    }
}

impl Span {
    /// `None` beyond 4 GiB, which no header can reach.
    pub(crate) fn new(start: usize, length: usize) -> Option<Self> {
        let after_start = NonZeroU32::new(u32::try_from(start).ok()?.checked_add(1)?)?;
        Some(Self { after_start, length: length.try_into().ok()? })
    }

    pub(crate) fn range(self) -> Range<usize> {
        let start = self.after_start.get().saturating_sub(1) as usize;
        start..start.saturating_add(self.length as usize)
    }
}
