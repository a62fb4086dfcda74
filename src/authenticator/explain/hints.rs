//! Hints that the layer's messages do not give, because those are for logs: what a rejected token
//! most likely is, and how it differs from an accepted one.

use super::{
    hint::{Hint, SIGNATURE_LENGTH},
    time_span::TimeSpan,
    token_parts::{JsonPart, Padding, TokenParts},
};
use crate::{
    alb::{LoadBalancerArn, signer::TOKEN_LIFETIME},
    config::AlbAuthConfig,
};

/// A token that expired longer ago than this was captured earlier, whatever the clocks say. In
/// seconds.
const CAPTURED: u64 = 600;

/// On the form: whether it was cut off, extended, or is not such a token at all.
pub(super) fn on_form(token: &TokenParts) -> Vec<Hint> {
    let segments = token.segments();
    let mut hints = Vec::new();
    match segments.len() {
        1 => hints.push(Hint::NoDot),
        2 => hints.push(Hint::NoSignature),
        5 => hints.push(Hint::Encrypted),
        _ => {}
    }
    for (name, segment) in ["header", "payload", "signature"].into_iter().zip(segments) {
        if segment.is_not_url_safe() {
            hints.push(Hint::NotUrlSafe(name));
        }
        if segment.padding() == Padding::Wrong && segments.len() == 3 {
            let (length, padding) = (segment.length(), segment.padding_length());
            hints.push(Hint::WrongPadding { segment: name, length, padding });
        }
    }
    match token.signature() {
        Some(signature @ [0x30, ..]) if (68..=72).contains(&signature.len()) => hints.push(Hint::DerSignature),
        Some(signature) if signature.len() != SIGNATURE_LENGTH => hints.push(Hint::SignatureLength(signature.len())),
        _ => {}
    }
    hints
}

/// On the JOSE header: where the token comes from, if not from a load balancer.
pub(super) fn on_header(token: &TokenParts) -> Vec<Hint> {
    let (header, payload) = (token.header(), token.payload());
    let is_verified_access = header.text("signer").is_some_and(|signer| signer.contains(":verified-access-instance/"));
    if header.text("typ") == Some("vnd.backstage.user") {
        vec![Hint::BackstageToken]
    } else if is_verified_access || header.text("alg") == Some("ES384") {
        vec![Hint::VerifiedAccessToken]
    } else if header.member("signer").is_none() && payload.member("aud").is_some() {
        vec![Hint::ProviderToken]
    } else {
        Vec::new()
    }
}

/// On signer, issuer and client: how they differ from the trusted ones.
pub(super) fn on_signer(header: &JsonPart, config: &AlbAuthConfig) -> Vec<Hint> {
    let Some(found) = header.text("signer") else { return Vec::new() };
    let nearest = config.inner.trust.nearest(Some(found), header.text("iss"), header.text("client"));
    let trusted: Vec<&str> = nearest.iter().flat_map(|nearest| nearest.signers.iter().copied()).collect();
    let read = |text: &str| text.parse::<LoadBalancerArn>().ok();
    let same_name = |one: &str, other: &str| one.rsplit('/').nth(1) == other.rsplit('/').nth(1);
    let difference = trusted.iter().find_map(|trusted| {
        let (one, other) = (read(found)?, read(trusted)?);
        match (one.region() == other.region(), one.account() == other.account(), same_name(found, trusted)) {
            (true, true, true) => Some(Hint::Recreated),
            (true, true, false) => Some(Hint::SameAccount),
            (false, true, true) => Some(Hint::OtherRegion),
            _ if one.is_emulator() => Some(Hint::Emulator),
            (_, false, _) => Some(Hint::OtherAccount),
            _ => None,
        }
    });
    difference.or_else(|| difference_of_texts(found, &trusted)).into_iter().collect()
}

pub(super) fn on_issuer(header: &JsonPart, config: &AlbAuthConfig) -> Vec<Hint> {
    let Some(found) = header.text("iss") else { return Vec::new() };
    let nearest = config.inner.trust.nearest(header.text("signer"), None, header.text("client"));
    nearest.and_then(|nearest| difference_of_texts(found, &[nearest.issuer])).into_iter().collect()
}

pub(super) fn on_client(header: &JsonPart, config: &AlbAuthConfig) -> Vec<Hint> {
    let Some(found) = header.text("client") else { return Vec::new() };
    let nearest = config.inner.trust.nearest(header.text("signer"), header.text("iss"), None);
    nearest.and_then(|nearest| difference_of_texts(found, &nearest.client_ids)).into_iter().collect()
}

/// A difference that is easily overlooked.
fn difference_of_texts(found: &str, trusted: &[&str]) -> Option<Hint> {
    let without_scheme = |text: &str| text.split_once("://").map(|(_, rest)| rest.to_owned());
    trusted.iter().find_map(|trusted| {
        if found.strip_suffix('/') == Some(trusted) {
            Some(Hint::Slash { in_token: true })
        } else if trusted.strip_suffix('/') == Some(found) {
            Some(Hint::Slash { in_token: false })
        } else if found.eq_ignore_ascii_case(trusted) {
            Some(Hint::LetterCase)
        } else if without_scheme(found).is_some_and(|rest| Some(rest) == without_scheme(trusted)) {
            Some(Hint::Scheme)
        } else {
            (trusted.starts_with(found) || found.starts_with(trusted)).then_some(Hint::Prefix)
        }
    })
}

/// On the time: whether a clock is wrong, or the token was captured earlier.
pub(super) fn on_time(expires_at: Option<u64>, now: u64) -> Vec<Hint> {
    let Some(ends) = expires_at else { return Vec::new() };
    let signed = ends.saturating_sub(TOKEN_LIFETIME);
    let span = TimeSpan::from_secs;
    let hint = if let Some(late) = now.checked_sub(ends).filter(|late| *late > 0) {
        if late > CAPTURED {
            Hint::Captured(span(late))
        } else {
            Hint::ClockAhead { expired: span(late), ahead: span(now.saturating_sub(signed)) }
        }
    } else if let Some(behind) = signed.checked_sub(now).filter(|behind| (1..=CAPTURED).contains(behind)) {
        Hint::ClockBehind(span(behind))
    } else if signed > now {
        Hint::LongLived
    } else {
        return Vec::new();
    };
    vec![hint]
}

/// On a signature that is invalid or will be: what happened to the padding. `verifies` says whether
/// the given key made this signature of that text; it is `None` without a key.
pub(super) fn on_signature(token: &TokenParts, verifies: Option<&dyn Fn(&str) -> bool>) -> Vec<Hint> {
    let with = |padded: bool| verifies.zip(token.signing_input_padded(padded)).is_some_and(|(good, text)| good(&text));
    if with(true) {
        vec![Hint::PaddingRemoved]
    } else if with(false) {
        vec![Hint::PaddingAdded]
    } else if verifies.is_some() {
        vec![Hint::Changed]
    } else if token.lost_its_padding() {
        vec![Hint::PaddingMissing]
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_that_are_easily_overlooked_are_named() {
        for (found, trusted, hint) in [
            ("https://idp.example.com/", "https://idp.example.com", Hint::Slash { in_token: true }),
            ("https://idp.example.com", "https://idp.example.com/", Hint::Slash { in_token: false }),
            ("https://IDP.example.com", "https://idp.example.com", Hint::LetterCase),
            ("http://idp.example.com", "https://idp.example.com", Hint::Scheme),
            ("https://idp.example.com/v2.0", "https://idp.example.com", Hint::Prefix),
        ] {
            assert_eq!(difference_of_texts(found, &["x", trusted]), Some(hint), "{found} {trusted}");
        }
        assert_eq!(difference_of_texts("one", &["other"]), None);
    }

    #[test]
    fn a_wrong_clock_is_distinguished_from_a_captured_token() {
        let span = TimeSpan::from_secs;
        for (ends, now, hint) in [
            (1120, 1000, None),
            (1120, 1119, None),
            (1120, 1180, Some(Hint::ClockAhead { expired: span(60), ahead: span(180) })),
            (1120, 1120 + 3 * 3600, Some(Hint::Captured(span(3 * 3600)))),
            (1165, 1000, Some(Hint::ClockBehind(span(45)))),
            (9000, 1000, Some(Hint::LongLived)),
        ] {
            assert_eq!(on_time(Some(ends), now), Vec::from_iter(hint), "{ends} {now}");
        }
    }
}
