//! What the layer's sentences do not say, since they are for logs: what a token that was refused most likely is, and in what it
//! differs from what would be let in.

use super::{
    timestamps::span,
    token_parts::{Json, Padding, TokenParts},
};
use crate::{LoadBalancerArn, config::AlbAuthConfig, internal::signer::TOKEN_LIFETIME};

/// A token that ended longer ago than this was not sent a moment ago, whatever the clocks say.
const CAPTURED: u64 = 600;

/// On the form: what was cut off, added or mistaken for a token.
pub(super) fn on_form(token: &TokenParts<'_>) -> Vec<String> {
    let mut hints = Vec::new();
    match token.segments.len() {
        1 => hints.push(
            "There is no dot in it. Access tokens (x-amzn-oidc-accesstoken) and subjects (x-amzn-oidc-identity) look like \
             this; the claims are in x-amzn-oidc-data."
                .to_owned(),
        ),
        2 => hints.push("The signature is missing: it was probably copied without its end.".to_owned()),
        5 => hints.push("Five segments are an encrypted token (JWE). A load balancer's is signed, with three.".to_owned()),
        _ => {}
    }
    for (name, segment) in ["header", "payload", "signature"].iter().zip(&token.segments) {
        if segment.text.contains(['+', '/']) {
            hints.push(format!("The {name} is base64 with '+' and '/'. base64url has '-' and '_' in their place."));
        }
        if segment.padding == Padding::Wrong && token.segments.len() == 3 {
            hints.push(format!(
                "The {name} has {} characters with {} of padding, which is the length of no base64: it was probably cut, or \
                 padded by hand.",
                segment.text.len(),
                segment.text.len().saturating_sub(segment.text.trim_end_matches('=').len())
            ));
        }
    }
    match token.signature() {
        Some([0x30, ..]) if token.signature().is_some_and(|signature| (68..=72).contains(&signature.len())) => hints
            .push(
                "The signature looks like DER. A load balancer writes 64 bytes as they are (RFC 7518 section 3.4)."
                    .to_owned(),
            ),
        Some(signature) if signature.len() < 64 => hints.push(format!(
            "The signature has {} bytes instead of 64: the token was probably copied without its end.",
            signature.len()
        )),
        Some(signature) if signature.len() > 64 => {
            hints
                .push(format!("The signature has {} bytes instead of 64: no load balancer wrote it.", signature.len()));
        }
        _ => {}
    }
    hints
}

/// On the JOSE header: whose token it is, if it is no load balancer's.
pub(super) fn on_header(token: &TokenParts<'_>) -> Vec<String> {
    let (typ, alg) = (token.header.text("typ").unwrap_or_default(), token.header.text("alg").unwrap_or_default());
    let is_verified_access =
        token.header.text("signer").is_some_and(|signer| signer.contains(":verified-access-instance/"));
    let hint = if typ == "vnd.backstage.user" {
        "This is a token of Backstage, made for its back ends. It goes into Authorization, not into x-amzn-oidc-data."
    } else if is_verified_access || alg == "ES384" {
        "This looks like a token of AWS Verified Access (x-amzn-ava-user-context). No load balancer signed it, and this \
         crate does not read it."
    } else if token.header.member("signer").is_none() && token.payload.member("aud").is_some() {
        "It has an audience and no signer, so it looks like an ID token or access token of the identity provider. The load \
         balancer keeps those to itself and sends a token of its own in x-amzn-oidc-data."
    } else {
        return Vec::new();
    };
    vec![hint.to_owned()]
}

/// On signer, issuer and client: in what they differ from what is trusted.
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
                "The load balancer of this name has another id: it was probably made anew. Take the ARN that it has now."
            }
            (true, true, false) => "It is another load balancer of the same account and region.",
            (false, true, true) => "It is a load balancer of this name in another region.",
            _ if one.is_emulator() => "It is the local emulator, which signs under the account 000000000000.",
            (_, false, _) => {
                "It is a load balancer of another account. All accounts of a region share their keys, so a good signature \
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

/// A difference that eyes pass over.
fn difference_of_texts(found: &str, trusted: &[&str]) -> Option<String> {
    trusted.iter().find_map(|trusted| {
        let sentence = if found.strip_suffix('/') == Some(trusted) {
            "The token's has a slash at its end, which the configuration's lacks."
        } else if trusted.strip_suffix('/') == Some(found) {
            "The configuration's has a slash at its end, which the token's lacks."
        } else if found.eq_ignore_ascii_case(trusted) {
            "They differ in upper and lower case alone; they are compared byte for byte."
        } else if found.split_once("://").map(|(_, rest)| rest) == trusted.split_once("://").map(|(_, rest)| rest)
            && found.contains("://")
        {
            "They differ in http and https alone."
        } else if trusted.starts_with(found) || found.starts_with(trusted) {
            "One is the beginning of the other."
        } else {
            return None;
        };
        Some(sentence.to_owned())
    })
}

/// On the time: what the clocks, or whoever captured the token, have to do with it.
pub(super) fn on_time(header: &Json, now: u64) -> Vec<String> {
    let Some(ends) = header.seconds("exp") else { return Vec::new() };
    let signed = ends.saturating_sub(TOKEN_LIFETIME);
    let hint = if let Some(late) = now.checked_sub(ends).filter(|late| *late > 0) {
        if late > CAPTURED {
            format!(
                "It ended {} ago. A load balancer signs a new token for every request, so this looks like a captured token \
                 rather than a wrong clock. Take one from a fresh request.",
                span(late)
            )
        } else {
            format!(
                "It ended {} ago. If it came with a request a moment ago, this machine's clock is about {} ahead of the load \
                 balancer's.",
                span(late),
                span(now.saturating_sub(signed))
            )
        }
    } else if let Some(ahead) = signed.checked_sub(now).filter(|ahead| (1..=CAPTURED).contains(ahead)) {
        format!("This machine's clock is at least {} behind the load balancer's, which signs for 120 s.", span(ahead))
    } else if signed > now {
        "A load balancer signs for 120 s. With an end that far ahead it was not made by one, or this machine's clock is wrong \
         by far."
            .to_owned()
    } else {
        return Vec::new();
    };
    vec![hint]
}

/// On a signature that is bad, or that will be: what was done to the padding. `verifies` says whether the key at hand made this
/// signature of that text; it is `None` without a key.
pub(super) fn on_signature(token: &TokenParts<'_>, verifies: Option<&dyn Fn(&str) -> bool>) -> Vec<String> {
    let with = |padded: bool| verifies.zip(token.signing_input_padded(padded)).is_some_and(|(good, text)| good(&text));
    let hint = if with(true) {
        "With its padding put back the signature is good. Something on the way took the '=' off (a JWT library, a proxy, a \
         script), and the load balancer signs them too: pass the header on as it came."
    } else if with(false) {
        "Without its padding the signature is good. Something on the way put '=' in: pass the header on as it came."
    } else if verifies.is_some() {
        "Header or claims were changed after they were signed, or the signature is by another key."
    } else if token.lost_its_padding() {
        "It has no padding. A load balancer pads all three segments with '=' and signs the padding of the first two: if \
         something on the way took it off (a JWT library, a proxy, a script), the signature is bad from there on."
    } else {
        return Vec::new();
    };
    vec![hint.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_that_eyes_pass_over_are_named() {
        for (found, trusted, says) in [
            ("https://idp.example.com/", "https://idp.example.com", "token's has a slash"),
            ("https://idp.example.com", "https://idp.example.com/", "configuration's has a slash"),
            ("https://IDP.example.com", "https://idp.example.com", "upper and lower case"),
            ("http://idp.example.com", "https://idp.example.com", "http and https"),
            ("https://idp.example.com/v2.0", "https://idp.example.com", "beginning of the other"),
        ] {
            assert!(difference_of_texts(found, &["x", trusted]).unwrap().contains(says), "{found} {trusted}");
        }
        assert_eq!(difference_of_texts("one", &["other"]), None);
    }

    #[test]
    fn the_clock_is_told_from_a_captured_token() {
        let on = |ends: u64, now: u64| {
            let text =
                base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE, format!("{{\"exp\":{ends}}}"));
            on_time(&TokenParts::of(&text).header, now).concat()
        };
        assert_eq!(on(1120, 1000), "");
        assert_eq!(on(1120, 1119), "");
        assert!(on(1120, 1180).contains("ended 1 min ago") && on(1120, 1180).contains("about 3 min ahead"));
        assert!(on(1120, 1120 + 3 * 3600).contains("3 h ago") && on(1120, 1120 + 3 * 3600).contains("captured"));
        assert!(on(1165, 1000).contains("at least 45 s behind"));
        assert!(on(9000, 1000).contains("not made by one"));
    }
}
