//! Sign-in by the subject.

use aws_lc_rs::digest::{SHA256, digest};

use super::{
    Policy, Resolution, SignIn, SignInError, SignInResolver,
    names::{MAX_NAME_CHARS, Names},
    resolver::OfThisCrate,
};
use crate::{identity::Claims, settings::Problem};

/// Names users by the subject, `sub`, which is stable and is the only claim that every provider
/// sends.
///
/// Two subjects never become one user, although names have no letter case and allow few characters:
///
/// - A subject that is a plain lower-case name (`[a-z0-9]`, inner `-` and `.`) is used unchanged.
/// - Any other subject becomes `h_` followed by its SHA-256 in base32. A plain name has no `_`, so
///   the two kinds are always different.
///
/// Subjects of Entra ID are of the second kind, and differ between app registrations.
#[derive(Debug, Clone)]
pub struct Subject {
    names: Names,
}

impl Subject {
    /// Names users in the namespace `default`.
    pub fn new() -> Self {
        Self { names: Names::default() }
    }

    /// Names users in this namespace instead.
    #[must_use]
    pub fn in_namespace(mut self, namespace: impl Into<String>) -> Self {
        self.names = Names::in_namespace(namespace);
        self
    }
}

impl Default for Subject {
    fn default() -> Self {
        Self::new()
    }
}

impl SignInResolver for Subject {
    fn resolve(&self, claims: &Claims) -> Resolution {
        self.names
            .user(&name_of(claims.subject()))
            .map(SignIn::user)
            .map_err(|error| SignInError::refused(error.to_string()).caused_by(error))
            .into()
    }

    #[doc(hidden)]
    fn names_by_claims_alone(&self, _: OfThisCrate) -> bool {
        true
    }

    fn policy(&self) -> Policy {
        Policy::new("subject").in_namespace(self.names.namespace()).using_claims(["sub"])
    }

    fn check(&self, _: &str) -> Vec<Problem> {
        self.names.check().into_iter().collect()
    }
}

fn name_of(subject: &str) -> std::borrow::Cow<'_, str> {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [subject.bytes().next(), subject.bytes().last()].iter().all(|end| end.is_some_and(letter));
    if ends && subject.len() <= MAX_NAME_CHARS && subject.bytes().all(|b| letter(b) || matches!(b, b'-' | b'.')) {
        return subject.into();
    }
    format!("h_{}", base32(digest(&SHA256, subject.as_bytes()).as_ref())).into()
}

/// RFC 4648 section 6 in lower case, without padding: 52 characters for 32 bytes.
fn base32(bytes: &[u8]) -> String {
    const ALPHABET: [char; 32] = [
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 'u', 'v',
        'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7',
    ];
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut group = [0_u8; 8];
        for (to, from) in group.iter_mut().skip(3).zip(chunk) {
            *to = *from;
        }
        let bits = u64::from_be_bytes(group);
        // 5 bytes are 8 characters. A shorter last chunk has as many characters as its bits need.
        let characters = chunk.len().saturating_mul(8).div_ceil(5);
        for index in 0..characters {
            let shift = 35_usize.saturating_sub(index.saturating_mul(5));
            let value = bits.checked_shr(u32::try_from(shift).unwrap_or(0)).unwrap_or(0) & 31;
            text.extend(usize::try_from(value).ok().and_then(|value| ALPHABET.get(value)));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::EntityRef;

    #[test]
    fn base32_is_that_of_the_rfc() {
        // RFC 4648 section 10.
        for (bytes, text) in [
            ("", ""),
            ("f", "my"),
            ("fo", "mzxq"),
            ("foo", "mzxw6"),
            ("foob", "mzxw6yq"),
            ("fooba", "mzxw6ytb"),
            ("foobar", "mzxw6ytboi"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn subjects_that_names_would_fold_stay_apart() {
        let pairs =
            [("jane", "Jane"), ("a-b", "-a-b"), ("a.b", "a_b"), ("a", "a "), ("ä", "a"), ("x", &"x".repeat(64))];
        for (one, other) in pairs {
            assert_ne!(name_of(one), name_of(other));
            for subject in [one, other] {
                assert!(EntityRef::user(&name_of(subject)).is_ok(), "{subject}");
            }
        }
        assert_eq!(name_of("1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"), "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed");
        // A name of the hash form is not a plain name, so no subject can have it as its name.
        let hashed = name_of("Jane").into_owned();
        assert_ne!(name_of(&hashed), hashed);
    }
}
