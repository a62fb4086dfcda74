//! Key ids.

use std::fmt;

/// A key id: a UUID in lower case, as load balancers write it.
///
/// The id becomes part of a URL, so no other form is accepted: no upper case, no braces, no other
/// length. Since each key has exactly one spelling of its id, each key is fetched once.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kid(u64, u64);

impl Kid {
    /// Reads `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`; `None` for anything
    /// else.
    ///
    /// ```
    /// use tower_alb_auth::Kid;
    ///
    /// let kid = Kid::parse("c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90").unwrap();
    /// assert_eq!(kid.to_string(), "c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90");
    /// assert!(Kid::parse("../c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (first, rest) = digits::<8>(text.as_bytes())?;
        let (second, rest) = digits::<4>(hyphen(rest)?)?;
        let (third, rest) = digits::<4>(hyphen(rest)?)?;
        let (fourth, rest) = digits::<4>(hyphen(rest)?)?;
        let (last, rest) = digits::<12>(hyphen(rest)?)?;
        let high = first << 32 | second << 16 | third;
        let low = fourth << 48 | last;
        rest.is_empty().then_some(Self(high, low))
    }

    /// A random UUID (RFC 9562 section 5.4); `None` if the system provides no random numbers.
    pub(crate) fn random() -> Option<Self> {
        let mut bytes = [0; 16];
        aws_lc_rs::rand::fill(&mut bytes).ok()?;
        let version_and_variant = !(0xf << 76 | 0x3 << 62);
        let value = u128::from_be_bytes(bytes) & version_and_variant | 0x4 << 76 | 0x2 << 62;
        Some(Self((value >> 64) as u64, value as u64))
    }

    fn value(self) -> u128 {
        u128::from(self.0) << 64 | u128::from(self.1)
    }

    /// The UUID of zeros, which no key has: for checking whether an endpoint responds.
    pub(crate) const NIL: Self = Self(0, 0);
}

fn hyphen(text: &[u8]) -> Option<&[u8]> {
    text.strip_prefix(b"-")
}

/// The value of each digit; [`u8::MAX`] for any other byte.
#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler")]
const DIGITS: [u8; 256] = {
    let mut digits = [u8::MAX; 256];
    let mut digit = 0;
    while digit < 16 {
        digits[b"0123456789abcdef"[digit] as usize] = digit as u8;
        digit += 1;
    }
    digits
};

/// The value of the first `N` digits, at most 16, and the text after them.
fn digits<const N: usize>(text: &[u8]) -> Option<(u64, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<N>()?;
    // Without an early exit in the loop.
    let (value, all) = digits.iter().fold((0_u64, 0_u8), |(value, all), byte| {
        let digit = DIGITS.get(usize::from(*byte)).copied().unwrap_or(u8::MAX);
        (value << 4 | u64::from(digit), all | digit)
    });
    (all < 16).then_some((value, rest))
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.value();
        let group =
            |shift: u32, digits: u32| (value >> shift) & ((1_u128 << digits.saturating_mul(4)).saturating_sub(1));
        write!(
            f,
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            group(96, 8),
            group(80, 4),
            group(64, 4),
            group(48, 4),
            group(0, 12)
        )
    }
}

impl fmt::Debug for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kid({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_only() {
        let kid = "0123abcd-4567-89ef-0123-456789abcdef";
        assert_eq!(Kid::parse(kid).unwrap().to_string(), kid);
        assert_eq!(format!("{:?}", Kid::parse(kid).unwrap()), format!("Kid({kid})"));
        for other in [
            "",
            "0123ABCD-4567-89ef-0123-456789abcdef",
            "0123abcd456789ef0123456789abcdef",
            " 123abcd-4567-89ef-0123-456789abcdef",
            "0123abcd-4567-89ef-0123-456789abcde",
            "0123abcd-4567-89ef-0123-456789abcdef0",
            "0123abcd_4567-89ef-0123-456789abcdef",
            "0123abcg-4567-89ef-0123-456789abcdef",
            "0123abc-d4567-89ef-0123-456789abcdef",
            "é123abcd-4567-89ef-0123-456789abcde",
        ] {
            assert_eq!(Kid::parse(other), None, "{other}");
        }
    }

    /// RFC 9562 section 5.4: version 4, variant 10, and the other bits at random.
    #[test]
    fn a_random_kid_is_a_uuid_of_version_4() {
        let (mut always, mut ever) = (u128::MAX, 0);
        for _ in 0..200 {
            let kid = Kid::random().expect("random numbers");
            let text = kid.to_string();
            assert_eq!(text.get(14..15), Some("4"), "{text}");
            assert!(text.get(19..20).is_some_and(|variant| "89ab".contains(variant)), "{text}");
            assert_eq!(Kid::parse(&text), Some(kid));
            (always, ever) = (always & kid.value(), ever | kid.value());
        }
        assert_eq!(always, 0x4 << 76 | 0x2 << 62, "no other bit is always set");
        assert_eq!(!ever, 0xb << 76 | 0x1 << 62, "no other bit is never set");
    }
}
