//! Where the claims are in the text of a token.

use std::ops::Range;

/// The positions of the claims in the buffer.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ClaimsParts {
    pub(crate) token: Span,
    pub(crate) payload: Span,
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

/// A range of bytes, in a form that is cheap to copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    start: u32,
    length: u32,
}

impl Span {
    /// `None` beyond 4 GiB, which no header can reach.
    pub(crate) fn new(start: usize, length: usize) -> Option<Self> {
        Some(Self { start: start.try_into().ok()?, length: length.try_into().ok()? })
    }

    pub(crate) fn range(self) -> Range<usize> {
        let start = self.start as usize;
        start..start.saturating_add(self.length as usize)
    }
}
