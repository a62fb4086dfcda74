//! What the clones of claims share.

use super::{
    ClearedUser,
    claims_parts::{ClaimsParts, Span},
    token_text::{Payload, TokenText},
};

/// A verified token with its payload decoded, and where its claims are.
pub(super) struct SharedClaims {
    /// The JOSE header of the token as received, its decoded payload, its signature as received, and
    /// unescaped texts of the payload.
    buffer: Box<str>,
    pub(super) parts: ClaimsParts,
    /// For the deny list: see [`Claims::cleared`](super::Claims::cleared).
    pub(super) cleared: ClearedUser,
}

impl SharedClaims {
    pub(super) fn new(buffer: String, parts: ClaimsParts) -> Self {
        Self { buffer: buffer.into_boxed_str(), parts, cleared: ClearedUser::default() }
    }

    pub(super) fn span(&self, span: Span) -> &str {
        self.buffer.get(span.range()).unwrap_or_default()
    }

    /// The token, if there is one.
    pub(super) fn token(&self) -> Option<TokenText<'_>> {
        let bytes = |span| self.span(span).as_bytes();
        let payload = Payload { bytes: bytes(self.parts.payload), is_padded: self.parts.payload_is_padded };
        let text = TokenText { header: bytes(self.parts.header), payload, signature: self.signature() };
        (!text.signature.is_empty()).then_some(text)
    }

    /// The signature of the token, in base64url as received.
    pub(super) fn signature(&self) -> &[u8] {
        self.span(self.parts.signature).as_bytes()
    }

    /// Number of bytes on the heap, with the two counters of the reference to it.
    pub(super) fn heap_size(&self) -> usize {
        let counters = size_of::<[usize; 2]>();
        self.buffer.len().saturating_add(size_of::<Self>()).saturating_add(counters)
    }
}
