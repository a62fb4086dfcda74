//! Email addresses for sign-in.

use super::characters::Class;

/// Maximum length of an address in characters (RFC 5321 section 4.5.3.1.3, less the angle
/// brackets).
const MAX_LENGTH: usize = 254;

/// An email claim that a sign-in by email may use: plain ASCII, one `@`, and no character with a
/// special meaning in an entity ref, a catalog filter or a log line. Split at its `@`. Domains are
/// compared without letter case.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Email<'a> {
    pub(crate) local_part: &'a str,
    pub(crate) domain: &'a str,
}

/// Why an email claim is rejected. Never contains the address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EmailProblem {
    TooLong,
    NotPlain,
}

impl<'a> Email<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, EmailProblem> {
        Self::parse_within(text, MAX_LENGTH)
    }

    pub(crate) fn parse_within(text: &'a str, max_length: usize) -> Result<Self, EmailProblem> {
        if text.len() > max_length {
            return Err(EmailProblem::TooLong);
        }
        let at = memchr::memchr(b'@', text.as_bytes()).ok_or(EmailProblem::NotPlain)?;
        let (local_part, domain) = text.split_at_checked(at).ok_or(EmailProblem::NotPlain)?;
        let domain = domain.get(1..).unwrap_or_default();
        if !is_local_part(local_part.as_bytes()) || !is_domain(domain.as_bytes()) {
            return Err(EmailProblem::NotPlain);
        }
        Ok(Self { local_part, domain })
    }

    /// Whether the domain has an internationalized label, which can look like another domain (RFC 5890 section 2.3.2.1).
    #[cfg(feature = "https")]
    pub(crate) fn has_punycode_domain(&self) -> bool {
        self.domain.split('.').any(|label| label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--")))
    }
}

fn is_local_part(bytes: &[u8]) -> bool {
    !bytes.is_empty() && Class::LOCAL_PART.covers(bytes)
}

/// Whether the text has non-empty labels of letters, digits and hyphens, separated by dots.
fn is_domain(bytes: &[u8]) -> bool {
    let ends_well = !matches!((bytes.first(), bytes.last()), (None | Some(b'.'), _) | (_, Some(b'.')));
    ends_well && Class::DOMAIN.covers(bytes) && !bytes.windows(2).any(|pair| pair == b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_split() {
        let email = Email::parse("Jane.O'Doe+x@Example.com").unwrap();
        assert_eq!((email.local_part, email.domain), ("Jane.O'Doe+x", "Example.com"));
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "a",
            "@corp.com",
            "a@",
            "a@evil.com@corp.com",
            "a@corp.com.",
            "a@.corp.com",
            "a@corp..com",
            "\"a@corp.com\"@evil",
            "a,b@corp.com",
            "a b@corp.com",
            "a@corp.com,b=c",
            "\u{212A}elvin@corp.com",
            "m\u{131}ke@corp.com",
            "a@c\u{43e}rp.com",
            "a/b@corp.com",
            "a:b@corp.com",
            "a\n@corp.com",
            "a%40@corp.com",
        ] {
            assert_eq!(Email::parse(text).unwrap_err(), EmailProblem::NotPlain, "{text:?}");
        }
        let long = format!("{}@corp.com", "a".repeat(246));
        assert_eq!(Email::parse(&long).unwrap_err(), EmailProblem::TooLong);
    }
}
