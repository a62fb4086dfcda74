//! A number for a subject, an entity ref or an email, computed in a few instructions: different users almost always have different
//! ones, and equal users always the same.

use super::email::local_part;
use crate::identity::EntityRef;

/// Sets the bit that makes an ASCII letter lower case, in eight bytes.
const LOWER: u64 = 0x2020_2020_2020_2020;
const NOT_ASCII: u64 = 0x8080_8080_8080_8080;
/// Odd numbers without a pattern, from the digits of pi.
const MIX: [u64; 2] = [0x2436_88a8_85a3_08d3, 0x1319_8a2e_0370_7345];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    /// At any issuer.
    #[inline]
    pub(super) fn of_subject(subject: &str) -> Self {
        Self::of_bytes(subject.as_bytes(), 1)
    }

    #[inline]
    pub(super) fn of_user(user: &EntityRef) -> Self {
        Self::of_bytes(user.as_str().as_bytes(), 2)
    }

    /// Of an email in its folded form.
    pub(super) fn of_email(folded: &str) -> Self {
        let [first, last] = ends(local_part(folded).as_bytes());
        Self::mixed(first | LOWER, last | LOWER, 3)
    }

    /// Of an email as a claim has it. `None` if it has to be folded first, because of letters outside of ASCII. Letters in the middle
    /// have no influence, so it does not matter what they fold to.
    #[inline]
    pub(super) fn of_email_claim(email: &str) -> Option<Self> {
        let [first, last] = ends(local_part(email).as_bytes());
        ((first | last) & NOT_ASCII == 0).then(|| Self::mixed(first | LOWER, last | LOWER, 3))
    }

    /// An index below a power of two.
    #[inline]
    pub(super) fn below(self, mask: u64) -> u64 {
        self.0 & mask
    }

    #[inline]
    fn of_bytes(bytes: &[u8], kind: u64) -> Self {
        let [first, last] = ends(bytes);
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let half = bytes.len() >> 1;
        let middle = bytes.get(half..).and_then(<[u8]>::first_chunk).map_or(0, |chunk| u64::from_le_bytes(*chunk));
        Self::mixed(first ^ middle.rotate_left(21), last ^ length.rotate_left(32), kind)
    }

    #[inline]
    fn mixed(first: u64, last: u64, kind: u64) -> Self {
        let [a, b] = MIX;
        let mixed = first.wrapping_mul(a) ^ last.wrapping_add(kind).wrapping_mul(b).rotate_left(29);
        let mixed = (mixed ^ (mixed >> 32)).wrapping_mul(a);
        Self(mixed ^ (mixed >> 29))
    }
}

/// The first and the last eight bytes; of a short text all bytes, twice.
#[inline]
fn ends(bytes: &[u8]) -> [u64; 2] {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => [u64::from_le_bytes(*first), u64::from_le_bytes(*last)],
        _ => {
            let all = bytes.iter().fold(0, |all, byte| (all << 8) | u64::from(*byte));
            [all, all]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::email::folded, *};

    #[test]
    fn an_email_claim_has_the_fingerprint_of_its_folded_form() {
        for email in [
            "j@e.com",
            "Jane@Example.com",
            "JANE.DOE+tag@example.com",
            "a.very.long.local.part.of.an.email@example.com",
        ] {
            let folded = folded(email).unwrap();
            assert_eq!(Fingerprint::of_email_claim(email), Some(Fingerprint::of_email(&folded)), "{email}");
        }
        for email in ["\u{212A}@e.com", "\u{212A}elvin.smith@example.com", "kelvin.smith.the.\u{e9}ighth@example.com"] {
            assert_eq!(Fingerprint::of_email_claim(email), None, "{email}");
        }
        let inside = "jonathan.smi\u{212A}.the.second@example.com";
        assert_eq!(Fingerprint::of_email_claim(inside), Some(Fingerprint::of_email(&folded(inside).unwrap())));
    }

    #[test]
    fn users_rarely_share_a_place() {
        let places: std::collections::HashSet<u64> = (0..1_000)
            .flat_map(|number| {
                let subject = format!("00u{number:013}");
                let user: EntityRef = format!("user:default/user.{number}").parse().unwrap();
                let email = format!("user.{number}@example.com");
                [Fingerprint::of_subject(&subject), Fingerprint::of_user(&user), Fingerprint::of_email(&email)]
            })
            .map(|fingerprint| fingerprint.below((1 << 20) - 1))
            .collect();
        assert!(places.len() > 2_900, "{}", places.len());
    }

    #[test]
    fn short_users_and_users_that_differ_in_the_middle_rarely_share_a_place() {
        let count = |subjects: &mut dyn Iterator<Item = String>| {
            let places = subjects.map(|subject| Fingerprint::of_subject(&subject).below((1 << 20) - 1));
            places.collect::<std::collections::HashSet<u64>>().len()
        };
        let short = count(&mut (0..1_000).map(|number| format!("u{number:03}")));
        let middle = count(&mut (0..1_000).map(|number| format!("auth0|0000{number:03}0000000")));
        assert!(short > 970 && middle > 970, "{short}, {middle}");
    }
}
