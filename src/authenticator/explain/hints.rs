//! Hints that the layer's messages do not give, because those are for logs: what a rejected token
//! most likely is, and how it differs from an accepted one.

use std::fmt;

use super::{
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
/// The length of a load balancer's signature in bytes.
const SIGNATURE_LENGTH: usize = 64;

/// What most likely happened, and what to change. `Display` is one or two sentences, without claims
/// and without text of the token.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// The value has no dot, so it is an access token or a subject.
    NoDot,
    /// The third segment is missing.
    NoSignature,
    /// An encrypted token (JWE).
    Encrypted,
    /// This segment is base64 and not base64url.
    NotUrlSafe(&'static str),
    /// The length of this segment does not fit its padding.
    WrongPadding {
        /// `header`, `payload` or `signature`.
        segment: &'static str,
        /// Its length in characters.
        length: usize,
        /// How many of them are padding.
        padding: usize,
    },
    /// The signature is DER and not `r || s`.
    DerSignature,
    /// The signature has this many bytes instead of 64.
    SignatureLength(usize),
    /// A token that Backstage issued.
    BackstageToken,
    /// A token of AWS Verified Access.
    VerifiedAccessToken,
    /// A token of the identity provider.
    ProviderToken,
    /// The load balancer has the name of a trusted one and another id.
    Recreated,
    /// Another load balancer in the same account and region.
    SameAccount,
    /// A load balancer of this name in another region.
    OtherRegion,
    /// The local emulator.
    Emulator,
    /// A load balancer of another account.
    OtherAccount,
    /// Only one of the two texts ends with a slash.
    Slash {
        /// Whether that is the token's, and not the configuration's.
        in_token: bool,
    },
    /// They differ in letter case.
    LetterCase,
    /// They differ in http and https.
    Scheme,
    /// One is the beginning of the other.
    Prefix,
    /// The token expired this long ago, and was captured earlier.
    Captured(TimeSpan),
    /// The token expired a moment ago, or this machine's clock is ahead.
    ClockAhead {
        /// Since `exp`.
        expired: TimeSpan,
        /// Since the signature.
        ahead: TimeSpan,
    },
    /// This machine's clock is behind by at least this.
    ClockBehind(TimeSpan),
    /// The token lives longer than one of a load balancer.
    LongLived,
    /// The padding was removed after the token was signed.
    PaddingRemoved,
    /// Padding was added after the token was signed.
    PaddingAdded,
    /// The token was changed after it was signed, or another key signed it.
    Changed,
    /// The token has no padding, so its signature is probably invalid.
    PaddingMissing,
}

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

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoDot => {
                "It contains no dot. Access tokens (x-amzn-oidc-accesstoken) and subjects (x-amzn-oidc-identity) look \
                 like this; the claims are in x-amzn-oidc-data."
            }
            Self::NoSignature => "The signature is missing: it was probably not copied to its end.",
            Self::Encrypted => {
                "Five segments are an encrypted token (JWE). A load balancer's token is signed and has three."
            }
            Self::NotUrlSafe(name) => {
                return write!(f, "The {name} is base64 with '+' and '/'. base64url has '-' and '_' instead.");
            }
            Self::WrongPadding { segment, length, padding } => {
                return write!(
                    f,
                    "The {segment} has {length} characters with {padding} of padding, which base64 never has: it was \
                     probably cut off, or padded by hand."
                );
            }
            Self::DerSignature => {
                "The signature looks like DER. A load balancer writes the 64 raw bytes (RFC 7518 section 3.4)."
            }
            Self::SignatureLength(length) => {
                let reason = if *length < SIGNATURE_LENGTH {
                    "the token was probably not copied to its end"
                } else {
                    "it is not a load balancer's"
                };
                return write!(f, "The signature has {length} bytes instead of 64: {reason}.");
            }
            Self::BackstageToken => {
                "This is a Backstage token, made for Backstage back ends. It belongs in Authorization, not in \
                 x-amzn-oidc-data."
            }
            Self::VerifiedAccessToken => {
                "This looks like a token of AWS Verified Access (x-amzn-ava-user-context), not of a load balancer. This \
                 crate does not accept it."
            }
            Self::ProviderToken => {
                "It has an audience and no signer, so it looks like an ID token or access token of the identity \
                 provider. The load balancer does not forward those in x-amzn-oidc-data; it signs its own token."
            }
            Self::Recreated => {
                "The trusted load balancer of this name has another id: it was probably recreated. Use its current ARN."
            }
            Self::SameAccount => "It is another load balancer in the same account and region.",
            Self::OtherRegion => "It is a load balancer with this name in another region.",
            Self::Emulator => "It is the local emulator, which signs under the account 000000000000.",
            Self::OtherAccount => {
                "It is a load balancer of another account. All accounts of a region share their keys, so a valid \
                 signature does not make it yours."
            }
            Self::Slash { in_token: true } => "The token's ends with a slash, the configuration's does not.",
            Self::Slash { in_token: false } => "The configuration's ends with a slash, the token's does not.",
            Self::LetterCase => "They differ in upper and lower case only; they are compared byte for byte.",
            Self::Scheme => "They differ in http and https only.",
            Self::Prefix => "One is a prefix of the other.",
            Self::Captured(expired) => {
                return write!(
                    f,
                    "It expired {expired} ago. A load balancer signs a new token for every request, so this looks like a \
                     token that was captured earlier rather than a wrong clock. Use one from a new request."
                );
            }
            Self::ClockAhead { expired, ahead } => {
                return write!(
                    f,
                    "It expired {expired} ago. If it is from a request of this minute, this machine's clock is about \
                     {ahead} ahead of the load balancer's."
                );
            }
            Self::ClockBehind(behind) => {
                return write!(
                    f,
                    "This machine's clock is at least {behind} behind the load balancer's, whose tokens are valid for \
                     120 s."
                );
            }
            Self::LongLived => {
                "A load balancer's token is valid for 120 s. This one expires much later, so it is not from a load \
                 balancer, or this machine's clock is far off."
            }
            Self::PaddingRemoved => {
                "With its padding restored the signature is valid. Something on the way removed the '=' (a JWT library, a \
                 proxy, a script), but the load balancer signs them too: pass the header on unchanged."
            }
            Self::PaddingAdded => {
                "Without its padding the signature is valid. Something on the way added '=': pass the header on unchanged."
            }
            Self::Changed => {
                "Header or claims were changed after they were signed, or the signature was made with another key."
            }
            Self::PaddingMissing => {
                "It has no padding. A load balancer pads all three segments with '=' and signs the padding of the first \
                 two. If something on the way removed it (a JWT library, a proxy, a script), the signature is invalid."
            }
        })
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
