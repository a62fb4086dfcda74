//! What may stand in names and addresses, as a table: every request's user goes through it.

/// A set of bytes that a part of a name or an address consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class(u8);

impl Class {
    /// The kind of an entity.
    pub(super) const KIND: Self = Self(1);
    /// The namespace of an entity: a DNS label.
    pub(super) const NAMESPACE: Self = Self(2);
    /// The name of an entity.
    pub(super) const NAME: Self = Self(4);
    /// The part of an email address before the `@`. RFC 5322 allows more (quotes, spaces, '!', '/', ...); none of it is seen in
    /// an organisation's addresses, and each of them means something to a program further on.
    pub(super) const LOCAL_PART: Self = Self(8);
    /// The part of an email address after the `@`.
    pub(super) const DOMAIN: Self = Self(16);

    /// Whether the text consists of nothing else.
    #[expect(clippy::indexing_slicing, reason = "a byte is less than 256")]
    pub(super) fn covers(self, bytes: &[u8]) -> bool {
        // No early exit: the texts are short.
        bytes.iter().fold(self.0, |all, byte| all & TABLE[usize::from(*byte)]) == self.0
    }
}

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const TABLE: [u8; 256] = {
    let (kind, namespace, name) = (Class::KIND.0, Class::NAMESPACE.0, Class::NAME.0);
    let (local_part, domain) = (Class::LOCAL_PART.0, Class::DOMAIN.0);
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'0'..=b'9' => kind | namespace | name | local_part | domain,
            b'A'..=b'Z' => kind | name | local_part | domain,
            b'-' => namespace | name | local_part | domain,
            b'.' => name | local_part | domain,
            b'_' => name | local_part,
            b'+' | b'\'' => local_part,
            _ => 0,
        };
        byte += 1;
    }
    table
};
