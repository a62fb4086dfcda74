//! Every input up to a length, over alphabets that have a character of each class, against what is accepted written as code.

use std::time::Duration;

use base64_simd::{URL_SAFE, URL_SAFE_NO_PAD};

use super::{
    segments::{Encoded, split},
    window::{LAST_SECOND, Window},
};
use crate::{error::AuthErrorKind, identity::every_text};

/// The characters of base64url (RFC 4648 section 5) in the order of their values.
const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The bytes that a text stands for: six bits a character, then as many `=` as complete a group of four or none, and bits that
/// are left over are zero.
fn bytes_of(text: &[u8]) -> Option<Vec<u8>> {
    let characters = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
    let padding = text.len() - characters;
    let is_padded = padding > 0 && padding < 3 && text.len().is_multiple_of(4);
    let ends_with_padding = text[characters..].iter().all(|byte| *byte == b'=');
    if !ends_with_padding || !(padding == 0 || is_padded) || characters % 4 == 1 {
        return None;
    }
    let mut bits = Vec::new();
    for character in &text[..characters] {
        let value = BASE64URL.iter().position(|known| known == character)?;
        bits.extend((0..6).rev().map(|bit| value >> bit & 1 == 1));
    }
    let (whole, left_over) = bits.split_at(bits.len() / 8 * 8);
    let byte = |bits: &[bool]| bits.iter().fold(0_u8, |byte, bit| byte << 1 | u8::from(*bit));
    (!left_over.contains(&true)).then(|| whole.chunks(8).map(byte).collect())
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let encoded = Encoded::check(text)?;
    let mut bytes = Vec::new();
    encoded.append_to(&mut bytes).expect("what was checked decodes");
    let mut buffer = vec![0; encoded.decoded_len()];
    assert_eq!(encoded.decode(&mut buffer).as_deref(), Some(&bytes[..]), "both decode the same");
    assert_eq!(text_of(encoded, &bytes), text, "a cache compares a text with what its bytes are encoded to");
    Some(bytes)
}

fn text_of(encoded: Encoded<'_>, bytes: &[u8]) -> Vec<u8> {
    let base64 = if encoded.is_padded() { URL_SAFE } else { URL_SAFE_NO_PAD };
    base64.encode_to_string(bytes).into_bytes()
}

/// Of the texts with bits that are left over, only one is accepted for each content and form.
#[test]
fn s_10_s_42_every_end_of_a_text_is_accepted_for_one_content_only() {
    let mut accepted = 0;
    let mut check = |text: &[u8]| {
        let Some(encoded) = Encoded::check(text) else { return };
        let mut bytes = Vec::new();
        encoded.append_to(&mut bytes).expect("what was checked decodes");
        assert_eq!(text_of(encoded, &bytes), text, "{}", text.escape_ascii());
        accepted += 1;
    };
    // The short end, and the one of a text that is read in blocks.
    for start in [&b""[..], &[b'k'; 36]] {
        for (first, second) in BASE64URL.iter().flat_map(|first| BASE64URL.map(move |second| (*first, second))) {
            check(&[start, &[first, second]].concat());
            check(&[start, &[first, second, b'=', b'=']].concat());
            for third in *BASE64URL {
                check(&[start, &[first, second, third]].concat());
                check(&[start, &[first, second, third, b'=']].concat());
            }
        }
    }
    assert_eq!(accepted, 2 * 2 * ((1 << 8) + (1 << 16)), "one text for each content and form");
}

fn same_as_stated(text: &[u8]) {
    assert_eq!(decoded(text), bytes_of(text), "{}", text.escape_ascii());
}

#[test]
fn s_10_every_short_text_is_base64url_or_refused_as_stated() {
    // Values without bits that can be left over (A), with two (E), four (Q) and all of them (_); then what is not base64url.
    let of_each_class = b"AEQ_-9b=+/. \n\xc3";
    assert_eq!(every_text(of_each_class, 4, &mut same_as_stated), 41_371);
    assert_eq!(every_text(b"AEQ=", 7, &mut same_as_stated), 21_845);
    // Every byte in every place of a text. A long text is read in blocks.
    for length in (0..6).chain(31..36).chain([66]) {
        let padding = ["", "", "==", "="][length % 4];
        for text in [vec![b'A'; length], [&vec![b'A'; length][..], padding.as_bytes()].concat()] {
            for (place, byte) in (0..text.len()).flat_map(|place| (0..=u8::MAX).map(move |byte| (place, byte))) {
                let mut changed = text.clone();
                changed[place] = byte;
                same_as_stated(&changed);
            }
        }
    }
}

#[test]
fn s_35_every_short_token_has_three_segments_or_is_refused() {
    let mut accepted = 0;
    let count = every_text(b"A.=+", 9, &mut |token| {
        let segments: Vec<&[u8]> = token.split(|byte| *byte == b'.').collect();
        let stated = match &segments[..] {
            [header, payload, signature] => bytes_of(header).zip(bytes_of(payload)).zip(bytes_of(signature)),
            _ => None,
        };
        let read = split(token).and_then(|read| Some((Encoded::check(read.header)?, read)));
        assert_eq!(read.is_some(), stated.is_some(), "{}", token.escape_ascii());
        let (Some((read_header, read)), Some(((header, payload), signature))) = (read, stated) else { return };
        accepted += 1;
        assert_eq!(
            read.signing_input,
            [segments[0], b".", segments[1]].concat(),
            "the signature covers it as received"
        );
        for (segment, stated) in [(read_header, header), (read.payload, payload), (read.signature, signature)] {
            let mut bytes = Vec::new();
            segment.append_to(&mut bytes).expect("base64url");
            assert_eq!(bytes, stated);
        }
    });
    assert_eq!(count, 349_525);
    assert!(accepted > 50, "{accepted}");
}

/// What is stated of a period of validity, in numbers that do not overflow.
fn stated(window: Window, now: u64, leeway: u64, lifetime: u64) -> Result<(), AuthErrorKind> {
    let [not_before, expires_at, now, leeway, lifetime] =
        [window.not_before, window.expires_at, now, leeway, lifetime].map(i128::from);
    if now - leeway >= expires_at {
        Err(AuthErrorKind::Expired)
    } else if now + leeway < not_before {
        Err(AuthErrorKind::NotYetValid)
    } else if expires_at - now > lifetime {
        Err(AuthErrorKind::LifetimeTooLong)
    } else {
        Ok(())
    }
}

/// The first seconds of 1970, the last ones of 9999, and clocks beyond.
fn times() -> impl Iterator<Item = u64> + Clone {
    (0..7).chain(LAST_SECOND - 3..=LAST_SECOND)
}

#[test]
fn s_37_s_38_s_39_every_period_of_a_few_seconds_is_valid_when_it_is_stated_to_be() {
    let clocks = times().chain(LAST_SECOND + 1..LAST_SECOND + 4).chain([u64::MAX - 5_000]);
    let maybe = || std::iter::once(None).chain(times().map(Some));
    let (mut valid, mut invalid) = (0, 0);
    for (expires_at, nbf) in times().flat_map(|exp| maybe().map(move |nbf| (exp, nbf))) {
        for iat in maybe() {
            let window = Window::new(expires_at, nbf, iat);
            let latest = nbf.unwrap_or(0).max(iat.unwrap_or(0));
            assert_eq!(window, Window { not_before: latest, expires_at });
            for now in clocks.clone() {
                for (leeway, lifetime) in (0..3).flat_map(|leeway| [0, 1, 3, 900].map(|lifetime| (leeway, lifetime))) {
                    let checked = window.check(now, Duration::from_secs(leeway), Duration::from_secs(lifetime));
                    assert_eq!(
                        checked,
                        stated(window, now, leeway, lifetime),
                        "{window:?} at {now}, leeway {leeway}, lifetime {lifetime}"
                    );
                    *(if checked.is_ok() { &mut valid } else { &mut invalid }) += 1;
                }
            }
        }
    }
    assert!(valid > 1_000 && invalid > 1_000, "{valid} valid, {invalid} invalid");
}

/// The JOSE header and the claims each have a period. The token is valid in both.
#[test]
fn s_37_two_periods_are_valid_where_both_are() {
    let windows = || times().flat_map(|not_before| times().map(move |expires_at| Window { not_before, expires_at }));
    let within = |window: Window, now: u64| stated(window, now, 1, u64::MAX).is_ok();
    for (header, claims) in windows().flat_map(|header| windows().map(move |claims| (header, claims))) {
        for now in [0, 1, 3, 6, LAST_SECOND - 2, LAST_SECOND] {
            assert_eq!(
                within(claims.and(header), now),
                within(claims, now) && within(header, now),
                "{header:?} {claims:?} at {now}"
            );
        }
    }
}
