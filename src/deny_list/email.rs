//! Emails, as entries and claims are compared.
//!
//! What the owner of a mailbox can vary without a new one makes no difference: letter case, in any alphabet, and a `+tag`. Other
//! variants (dots of one provider, look-alike letters, an internationalized domain in its ASCII form) are different addresses.

/// The local part without a tag, as it is written. A `+` at the beginning is no tag.
pub(super) fn local_part(email: &str) -> &str {
    let after_first = email.as_bytes().get(1..).unwrap_or_default();
    let end = memchr::memchr2(b'+', b'@', after_first).map(|index| index.saturating_add(1));
    end.and_then(|end| email.get(..end)).unwrap_or(email)
}

fn domain(email: &str) -> Option<&str> {
    email.rsplit_once('@').map(|(_, domain)| domain.trim_end_matches('.'))
}

/// The form in which emails are compared. `None` if it is not an email.
pub(super) fn folded(email: &str) -> Option<String> {
    let (local_part, domain) = (local_part(email), domain(email)?);
    (!local_part.is_empty() && !local_part.starts_with('@') && !domain.is_empty())
        .then(|| without_case(parts(local_part, domain)).collect())
}

/// Whether an email has this folded form. Allocates nothing.
pub(super) fn is_folded_to(email: &str, folded: &str) -> bool {
    let Some(domain) = domain(email) else { return false };
    without_case(parts(local_part(email), domain)).eq(folded.chars())
}

fn parts<'e>(local_part: &'e str, domain: &'e str) -> impl Iterator<Item = char> + 'e {
    local_part.chars().chain(['@']).chain(domain.chars())
}

/// Letters of one capital are one letter, wherever they stand: a sigma at the end of a word is another letter in lower case, which
/// [`str::to_lowercase`] makes and [`char::to_lowercase`] does not. The small form comes first, because the capital sharp s is no
/// letter's usual capital.
fn without_case(letters: impl Iterator<Item = char>) -> impl Iterator<Item = char> {
    letters.flat_map(char::to_lowercase).flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_mailbox_owner_can_vary_makes_no_difference() {
        let entry = folded("Jane.Doe@Example.com").unwrap();
        for same in
            ["jane.doe@example.com", "JANE.DOE@EXAMPLE.COM", "jane.doe+x@example.com", "jane.doe+a+b@example.com."]
        {
            assert_eq!(folded(same).as_ref(), Some(&entry), "{same}");
            assert!(is_folded_to(same, &entry), "{same}");
        }
        for other in [
            "janedoe@example.com",
            "jane.doe@example.org",
            "jane.doe@sub.example.com",
            "jane.doe",
            "x+jane.doe@example.com",
        ] {
            assert!(!is_folded_to(other, &entry), "{other}");
        }
        // The Kelvin sign is a K in lower case.
        assert!(is_folded_to("\u{212A}elvin@example.com", &folded("kelvin@example.com").unwrap()));
        for sigma in ["\u{3a3}", "\u{3c3}", "\u{3c2}"] {
            let email = |end: &str| format!("\u{3b1}{end}@\u{3b1}{end}");
            assert_eq!(folded(&email(sigma)), Some(email("\u{3c3}")), "{sigma}");
            assert!(is_folded_to(&email(sigma), &email("\u{3c3}")), "{sigma}");
        }
        for no_email in ["", "jane", "@example.com", "jane@", "jane@.", "@"] {
            assert_eq!(folded(no_email), None, "{no_email}");
        }
    }

    /// An entry that is read back from a database is folded again.
    #[test]
    fn what_is_folded_stays_as_it_is() {
        for letter in ('\0'..='\u{1ffff}').filter(|letter| !letter.is_ascii()) {
            let once: String = without_case([letter].into_iter()).collect();
            assert!(without_case(once.chars()).eq(once.chars()), "{letter:?}");
        }
    }
}
