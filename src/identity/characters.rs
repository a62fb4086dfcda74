//! The characters of names and addresses, as a table, because every request with a user is checked.

/// A set of bytes that are permitted in a part of a name or an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class(u8);

impl Class {
    /// The kind of an entity.
    pub(super) const KIND: Self = Self(1);
    /// The namespace of an entity: a DNS label.
    pub(super) const NAMESPACE: Self = Self(2);
    /// The name of an entity.
    pub(super) const NAME: Self = Self(4);
    /// The part of an email address before the `@`. RFC 5322 permits more characters (quotes,
    /// spaces, '!', '/', ...). Addresses of organisations do not have them, and each has a special
    /// meaning in some program that may receive the address.
    pub(super) const LOCAL_PART: Self = Self(8);
    /// The part of an email address after the `@`.
    pub(super) const DOMAIN: Self = Self(16);

    /// Whether all bytes of the text are in the set.
    #[expect(clippy::indexing_slicing, reason = "a byte is less than 256")]
    pub(super) fn covers(self, bytes: &[u8]) -> bool {
        // Without an early exit, since the texts are short.
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
            b'+' | b'\'' | b'&' => local_part,
            _ => 0,
        };
        byte += 1;
    }
    table
};
