//! Finds all problems of a token. The layer stops at the first check that fails; a person who fixes
//! that one wants to know about the others.
//!
//! After each rejection the one problem that caused it is worked around, in the token, the
//! configuration or the clock, and the layer checks again. So the messages and their order are the
//! layer's. A changed token is signed with a key that is generated for it and that only this check
//! trusts: the result says nothing about the token's own signature, and accepts no one.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    layer_check::{LayerCheck, at, changed, with_key},
    token_parts::{Json, TokenParts},
};
use crate::{
    AuthError, AuthErrorKind, Kid,
    config::AlbAuthConfig,
    internal::{
        Authenticated, PublicKey,
        signer::{AlbSigner, Members, TOKEN_LIFETIME, to_json},
    },
};

/// Upper bound of the loop: more rejections than a token has ways to fail.
const MAX_ROUNDS: usize = 24;
/// The header members that a load balancer writes. A rewritten header has no others.
const MEMBERS: [&str; 7] = ["typ", "kid", "alg", "iss", "client", "signer", "exp"];

/// All errors that the layer would report, one after the other.
pub(super) struct Findings {
    /// In the layer's order.
    pub(super) errors: Vec<AuthError>,
    /// The result once all of them are fixed, provided that the signature is valid.
    pub(super) accepted: Option<Authenticated>,
}

/// A token on its way to one that is accepted.
struct Attempt {
    header: Members,
    /// As received, unless a member was changed.
    raw_header: Vec<u8>,
    payload: Vec<u8>,
    /// Whether the token was changed and so is no longer the one that was pasted.
    is_changed: bool,
    config: AlbAuthConfig,
}

/// Finds every problem of the token except with its signature.
pub(super) async fn find_all(token: &str, parts: &TokenParts<'_>, config: &AlbAuthConfig, now: u64) -> Findings {
    let mut findings = Findings { errors: Vec::new(), accepted: None };
    let Ok(signer) = AlbSigner::generate() else { return findings };
    let Ok(key) = PublicKey::from_pem(signer.public_key_pem().as_bytes()) else { return findings };
    let key = Arc::new(key);

    let decoded = |index: usize| parts.segments.get(index).and_then(|segment| segment.decoded.clone());
    let mut attempt = Attempt {
        header: parts.header.members().to_vec(),
        raw_header: decoded(0).unwrap_or_default(),
        payload: decoded(1).unwrap_or_default(),
        is_changed: false,
        config: at(config, now),
    };
    for _ in 0..MAX_ROUNDS {
        let kid = attempt.header_text("kid").and_then(Kid::parse);
        let check = LayerCheck::new(with_key(&attempt.config, kid, Arc::clone(&key)));
        let signed = if attempt.is_changed { attempt.sign(&signer) } else { Some(token.to_owned()) };
        let Some(signed) = signed else { return findings };
        let error = match check.check(&signed).await {
            Ok(authenticated) => {
                findings.accepted = Some(authenticated);
                return findings;
            }
            Err(error) => error,
        };
        // The pasted token is not signed with the generated key; the one made from it is.
        if error.kind() == AuthErrorKind::InvalidSignature && !attempt.is_changed {
            attempt.is_changed = true;
            continue;
        }
        let message = error.operator_message();
        if findings.errors.iter().any(|known| known.operator_message() == message) {
            return findings;
        }
        let kind = error.kind();
        findings.errors.push(error);
        if !attempt.fix(kind, parts, now) {
            return findings;
        }
        attempt.is_changed = true;
    }
    findings
}

impl Attempt {
    fn header_text(&self, name: &str) -> Option<&str> {
        self.header.iter().rev().find(|(held, _)| held == name)?.1.as_str()
    }

    fn sign(&self, signer: &AlbSigner) -> Option<String> {
        signer.sign(&self.raw_header, &self.payload, true).ok()
    }

    /// Works around the cause of the rejection. Returns false if that is not possible, or if no
    /// check follows.
    fn fix(&mut self, kind: AuthErrorKind, parts: &TokenParts<'_>, now: u64) -> bool {
        let readable = matches!(parts.header, Json::Object(_));
        match kind {
            AuthErrorKind::TooLarge => {
                self.config = changed(&self.config, |settings| settings.token_limits.max_token_bytes = usize::MAX);
                true
            }
            AuthErrorKind::Malformed => readable && !self.is_changed,
            AuthErrorKind::MalformedHeader => {
                let sound = self.header.iter().any(|(name, value)| name == "exp" && value.is_u64());
                let end = json!(now.saturating_add(TOKEN_LIFETIME));
                readable && self.rewrite((!sound).then_some(("exp", end)))
            }
            AuthErrorKind::DuplicateMember | AuthErrorKind::UnsupportedHeader => readable && self.rewrite(None),
            AuthErrorKind::UnsupportedType => self.rewrite(Some(("typ", json!("JWT")))),
            AuthErrorKind::UnsupportedAlgorithm => self.rewrite(Some(("alg", json!("ES256")))),
            AuthErrorKind::MalformedKeyId => self.rewrite(Some(("kid", json!(Kid::NIL.to_string())))),
            AuthErrorKind::UntrustedSigner | AuthErrorKind::UntrustedIssuer | AuthErrorKind::UntrustedClient => {
                self.fix_trust(kind)
            }
            AuthErrorKind::Expired | AuthErrorKind::NotYetValid | AuthErrorKind::LifetimeTooLong => {
                self.fix_time(parts, now)
            }
            _ => false,
        }
    }

    fn fix_trust(&mut self, kind: AuthErrorKind) -> bool {
        let trust = &self.config.inner.trust;
        let (signer, issuer) = (self.header_text("signer"), self.header_text("iss"));
        let Some(nearest) = trust.nearest(signer, issuer, self.header_text("client")) else { return false };
        let member = match (kind, issuer) {
            // In the configuration, because the claims have the same issuer and are not changed.
            (AuthErrorKind::UntrustedIssuer, Some(issuer)) => {
                let trust = trust.with_issuer_for(nearest.issuer, issuer);
                self.config = changed(&self.config, |settings| settings.trust = trust);
                return true;
            }
            (AuthErrorKind::UntrustedIssuer, None) => Some(("iss", nearest.issuer)),
            (AuthErrorKind::UntrustedSigner, _) => nearest.signers.first().map(|signer| ("signer", *signer)),
            _ => nearest.client_ids.first().map(|client| ("client", *client)),
        };
        let Some((name, value)) = member.map(|(name, value)| (name, json!(value))) else { return false };
        self.rewrite(Some((name, value)))
    }

    /// Sets the clock to the middle of the token's lifetime.
    fn fix_time(&mut self, parts: &TokenParts<'_>, now: u64) -> bool {
        let ends = [&parts.header, &parts.payload].into_iter().filter_map(|json| json.seconds("exp"));
        let fresh = ends.min().map_or(now, |end| end.saturating_sub(TOKEN_LIFETIME / 2));
        self.config = at(&self.config, fresh);
        true
    }

    /// Rewrites the header with a load balancer's members only, each once, and with this member in
    /// place of the one of its name.
    fn rewrite(&mut self, member: Option<(&str, Value)>) -> bool {
        let mut header = Members::new();
        let known = self.header.drain(..).filter(|(name, _)| MEMBERS.contains(&name.as_str()));
        // The last of repeated members stays, as lenient readers do it.
        for (name, value) in known.chain(member.map(|(name, value)| (name.to_owned(), value))) {
            match header.iter_mut().find(|(held, _)| *held == name) {
                Some((_, held)) => *held = value,
                None => header.push((name, value)),
            }
        }
        self.raw_header = to_json(&header).into_bytes();
        self.header = header;
        true
    }
}
