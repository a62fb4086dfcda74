//! Every address up to a length, over an alphabet that has a character of each class, against what is accepted written as code.

use super::email::{Email, EmailProblem};

/// The parts of an address: one `@`, before it the characters that are permitted, after it labels without an empty one.
fn parts(text: &str) -> Option<(&str, &str)> {
    let [local_part, domain] = text.split('@').collect::<Vec<_>>()[..] else { return None };
    let is_one_of = |others: &'static str| move |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    let is_local_part = !local_part.is_empty() && local_part.chars().all(is_one_of("-._+'&"));
    let is_domain = domain.split('.').all(|label| !label.is_empty() && label.chars().all(is_one_of("-")));
    (is_local_part && is_domain).then_some((local_part, domain))
}

fn same_as_stated(text: &str) {
    let read = Email::parse(text).map(|email| (email.local_part, email.domain));
    assert_eq!(read, parts(text).ok_or(EmailProblem::NotPlain), "{text:?}");
}

/// Calls `check` with each text over the alphabet that has at most `length` characters, and returns their number.
pub(crate) fn every_text<C: Copy>(alphabet: &[C], length: usize, check: &mut dyn FnMut(&[C])) -> usize {
    fn go<C: Copy>(text: &mut Vec<C>, alphabet: &[C], length: usize, check: &mut dyn FnMut(&[C])) -> usize {
        check(text);
        let mut count = 1;
        for character in alphabet.iter().filter(|_| length > 0) {
            text.push(*character);
            count += go(text, alphabet, length - 1, check);
            text.pop();
        }
        count
    }
    go(&mut Vec::new(), alphabet, length, check)
}

#[test]
fn s_53_s_54_s_56_every_short_address_is_accepted_or_refused_as_stated() {
    let mut check = |text: &[char]| same_as_stated(&text.iter().collect::<String>());
    let of_each_class = ['a', 'Z', '0', '@', '.', '-', '_', '+', '\'', '/', ' ', '\u{e9}'];
    assert_eq!(every_text(&of_each_class, 5, &mut check), 271_453);
    assert_eq!(every_text(&['a', '@', '.', '-'], 8, &mut check), 87_381);
    for character in '\0'..='\u{ffff}' {
        for text in [format!("a{character}@b.c"), format!("a@b{character}c"), format!("a@b{character}")] {
            same_as_stated(&text);
        }
    }
}

#[test]
fn an_address_has_at_most_254_characters() {
    for length in 240..270 {
        let text = format!("{}@b.c", "a".repeat(length - 4));
        assert_eq!(Email::parse(&text).is_ok(), length < 255, "{length}");
    }
}
