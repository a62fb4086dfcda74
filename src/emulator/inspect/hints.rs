//! Hints that the layer's messages do not give, because those are for logs: what a rejected token
//! most likely is, and how it differs from an accepted one.

use super::{
    timestamps::span,
    token_parts::{Json, Padding, TokenParts},
};
use crate::{LoadBalancerArn, config::AlbAuthConfig, internal::signer::TOKEN_LIFETIME};

/// A token that expired longer ago than this was captured earlier, whatever the clocks say. In
/// seconds.
const CAPTURED: u64 = 600;

/// On the form: whether it was cut off, extended, or is not such a token at all.
pub(super) fn on_form(token: &TokenParts<'_>) -> Vec<String> {
    let mut hints = Vec::new();
    match token.segments.len() {
        1 => hints.push(
            "It contains no dot. Access tokens (x-amzn-oidc-accesstoken) and subjects (x-amzn-oidc-identity) look like \
             this; the claims are in x-amzn-oidc-data."
                .to_owned(),
        ),
        2 => hints.push("The signature is missing: it was probably not copied to its end.".to_owned()),
        5 => hints.push("Five segments are an encrypted token (JWE). A load balancer's token is signed and has three.".to_owned()),
        _ => {}
    }
    for (name, segment) in ["header", "payload", "signature"].iter().zip(&token.segments) {
        if segment.text.contains(['+', '/']) {
            hints.push(format!("The {name} is base64 with '+' and '/'. base64url has '-' and '_' instead."));
        }
        if segment.padding == Padding::Wrong && token.segments.len() == 3 {
            hints.push(format!(
                "The {name} has {} characters with {} of padding, which base64 never has: it was probably cut off, or \
                 padded by hand.",
                segment.text.len(),
                segment.text.len().saturating_sub(segment.text.trim_end_matches('=').len())
            ));
        }
    }
    match token.signature() {
        Some([0x30, ..]) if token.signature().is_some_and(|signature| (68..=72).contains(&signature.len())) => hints
            .push(
                "The signature looks like DER. A load balancer writes the 64 raw bytes (RFC 7518 section 3.4)."
                    .to_owned(),
            ),
        Some(signature) if signature.len() < 64 => hints.push(format!(
            "The signature has {} bytes instead of 64: the token was probably not copied to its end.",
            signature.len()
        )),
        Some(signature) if signature.len() > 64 => {
            hints.push(format!(
                "The signature has {} bytes instead of 64: it is not a load balancer's.",
                signature.len()
            ));
        }
        _ => {}
    }
    hints
}

/// On the JOSE header: where the token comes from, if not from a load balancer.
pub(super) fn on_header(token: &TokenParts<'_>) -> Vec<String> {
    let (typ, alg) = (token.header.text("typ").unwrap_or_default(), token.header.text("alg").unwrap_or_default());
    let is_verified_access =
        token.header.text("signer").is_some_and(|signer| signer.contains(":verified-access-instance/"));
    let hint = if typ == "vnd.backstage.user" {
        "This is a Backstage token, made for Backstage back ends. It belongs in Authorization, not in x-amzn-oidc-data."
    } else if is_verified_access || alg == "ES384" {
        "This looks like a token of AWS Verified Access (x-amzn-ava-user-context), not of a load balancer. This crate \
         does not accept it."
    } else if token.header.member("signer").is_none() && token.payload.member("aud").is_some() {
        "It has an audience and no signer, so it looks like an ID token or access token of the identity provider. The load \
         balancer does not forward those in x-amzn-oidc-data; it signs its own token."
    } else {
        return Vec::new();
    };
    vec![hint.to_owned()]
}

/// On signer, issuer and client: how they differ from the trusted ones.
pub(super) fn on_signer(token: &TokenParts<'_>, config: &AlbAuthConfig) -> Vec<String> {
    let Some(found) = token.header.text("signer") else { return Vec::new() };
    let nearest = config.inner.trust.nearest(Some(found), token.header.text("iss"), token.header.text("client"));
    let trusted: Vec<&str> = nearest.iter().flat_map(|nearest| nearest.signers.iter().copied()).collect();
    let read = |text: &str| text.parse::<LoadBalancerArn>().ok();
    let same_name = |one: &str, other: &str| one.rsplit('/').nth(1) == other.rsplit('/').nth(1);
    let difference = trusted.iter().find_map(|trusted| {
        let (one, other) = (read(found)?, read(trusted)?);
        Some(match (one.region() == other.region(), one.account() == other.account(), same_name(found, trusted)) {
            (true, true, true) => {
                "The trusted load balancer of this name has another id: it was probably recreated. Use its current ARN."
            }
            (true, true, false) => "It is another load balancer in the same account and region.",
            (false, true, true) => "It is a load balancer with this name in another region.",
            _ if one.is_emulator() => "It is the local emulator, which signs under the account 000000000000.",
            (_, false, _) => {
                "It is a load balancer of another account. All accounts of a region share their keys, so a valid signature \
                 does not make it yours."
            }
            _ => return None,
        })
    });
    difference.map(str::to_owned).or_else(|| difference_of_texts(found, &trusted)).into_iter().collect()
}

pub(super) fn on_issuer(token: &TokenParts<'_>, config: &AlbAuthConfig) -> Vec<String> {
    let Some(found) = token.header.text("iss") else { return Vec::new() };
    let nearest = config.inner.trust.nearest(token.header.text("signer"), None, token.header.text("client"));
    nearest.and_then(|nearest| difference_of_texts(found, &[nearest.issuer])).into_iter().collect()
}

pub(super) fn on_client(token: &TokenParts<'_>, config: &AlbAuthConfig) -> Vec<String> {
    let Some(found) = token.header.text("client") else { return Vec::new() };
    let nearest = config.inner.trust.nearest(token.header.text("signer"), token.header.text("iss"), None);
    nearest.and_then(|nearest| difference_of_texts(found, &nearest.client_ids)).into_iter().collect()
}

/// A difference that is easily overlooked.
fn difference_of_texts(found: &str, trusted: &[&str]) -> Option<String> {
    trusted.iter().find_map(|trusted| {
        let difference = if found.strip_suffix('/') == Some(trusted) {
            "The token's ends with a slash, the configuration's does not."
        } else if trusted.strip_suffix('/') == Some(found) {
            "The configuration's ends with a slash, the token's does not."
        } else if found.eq_ignore_ascii_case(trusted) {
            "They differ in upper and lower case only; they are compared byte for byte."
        } else if found.split_once("://").map(|(_, rest)| rest) == trusted.split_once("://").map(|(_, rest)| rest)
            && found.contains("://")
        {
            "They differ in http and https only."
        } else if trusted.starts_with(found) || found.starts_with(trusted) {
            "One is a prefix of the other."
        } else {
            return None;
        };
        Some(difference.to_owned())
    })
}

/// On the time: whether a clock is wrong, or the token was captured earlier.
pub(super) fn on_time(header: &Json, now: u64) -> Vec<String> {
    let Some(ends) = header.seconds("exp") else { return Vec::new() };
    let signed = ends.saturating_sub(TOKEN_LIFETIME);
    let hint = if let Some(late) = now.checked_sub(ends).filter(|late| *late > 0) {
        if late > CAPTURED {
            format!(
                "It expired {} ago. A load balancer signs a new token for every request, so this looks like a token that was \
                 captured earlier rather than a wrong clock. Use one from a new request.",
                span(late)
            )
        } else {
            format!(
                "It expired {} ago. If it is from a request of this minute, this machine's clock is about {} ahead of the load \
                 balancer's.",
                span(late),
                span(now.saturating_sub(signed))
            )
        }
    } else if let Some(ahead) = signed.checked_sub(now).filter(|ahead| (1..=CAPTURED).contains(ahead)) {
        format!(
            "This machine's clock is at least {} behind the load balancer's, whose tokens are valid for 120 s.",
            span(ahead)
        )
    } else if signed > now {
        "A load balancer's token is valid for 120 s. This one expires much later, so it is not from a load balancer, or \
         this machine's clock is far off."
            .to_owned()
    } else {
        return Vec::new();
    };
    vec![hint]
}

/// On a signature that is invalid or will be: what happened to the padding. `verifies` says whether
/// the given key made this signature of that text; it is `None` without a key.
pub(super) fn on_signature(token: &TokenParts<'_>, verifies: Option<&dyn Fn(&str) -> bool>) -> Vec<String> {
    let with = |padded: bool| verifies.zip(token.signing_input_padded(padded)).is_some_and(|(good, text)| good(&text));
    let hint = if with(true) {
        "With its padding restored the signature is valid. Something on the way removed the '=' (a JWT library, a proxy, a \
         script), but the load balancer signs them too: pass the header on unchanged."
    } else if with(false) {
        "Without its padding the signature is valid. Something on the way added '=': pass the header on unchanged."
    } else if verifies.is_some() {
        "Header or claims were changed after they were signed, or the signature was made with another key."
    } else if token.lost_its_padding() {
        "It has no padding. A load balancer pads all three segments with '=' and signs the padding of the first two. If \
         something on the way removed it (a JWT library, a proxy, a script), the signature is invalid."
    } else {
        return Vec::new();
    };
    vec![hint.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_that_are_easily_overlooked_are_named() {
        for (found, trusted, says) in [
            ("https://idp.example.com/", "https://idp.example.com", "token's ends with a slash"),
            ("https://idp.example.com", "https://idp.example.com/", "configuration's ends with a slash"),
            ("https://IDP.example.com", "https://idp.example.com", "upper and lower case"),
            ("http://idp.example.com", "https://idp.example.com", "http and https"),
            ("https://idp.example.com/v2.0", "https://idp.example.com", "prefix of the other"),
        ] {
            assert!(difference_of_texts(found, &["x", trusted]).unwrap().contains(says), "{found} {trusted}");
        }
        assert_eq!(difference_of_texts("one", &["other"]), None);
    }

    #[test]
    fn a_wrong_clock_is_distinguished_from_a_captured_token() {
        let on = |ends: u64, now: u64| {
            let text =
                base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE, format!("{{\"exp\":{ends}}}"));
            on_time(&TokenParts::of(&text).header, now).concat()
        };
        assert_eq!(on(1120, 1000), "");
        assert_eq!(on(1120, 1119), "");
        assert!(on(1120, 1180).contains("expired 1 min ago") && on(1120, 1180).contains("about 3 min ahead"));
        assert!(on(1120, 1120 + 3 * 3600).contains("3 h ago") && on(1120, 1120 + 3 * 3600).contains("captured"));
        assert!(on(1165, 1000).contains("at least 45 s behind"));
        assert!(on(9000, 1000).contains("not from a load balancer"));
    }
}
