//! Percent-encoding: the one set of characters that this crate encodes.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// All but the unreserved characters of RFC 3986 section 2.3.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The text as a name or value of a query, a form, or a path segment. Displaying it allocates
/// nothing.
pub(crate) fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, ENCODED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_but_unreserved_characters_are_encoded() {
        assert_eq!(encoded("aZ9-._~").to_string(), "aZ9-._~");
        assert_eq!(encoded("a b/c?d=e&f+g,ü'").to_string(), "a%20b%2Fc%3Fd%3De%26f%2Bg%2C%C3%BC%27");
    }
}
