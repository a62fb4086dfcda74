//! Finds all problems of a request. The layer stops at the first check that fails; an operator who
//! fixes that one wants to know about the others.
//!
//! After each rejection the one problem that caused it is worked around, in the token, the
//! configuration or the clock, and the layer checks again. So the messages and their order are the
//! layer's. A changed token is signed with a key that is generated for it and that only this check
//! trusts: the result says nothing about the token's own signature, and accepts no one.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::{
    checks::Failure,
    layer_check::{IssuerKeys, LayerCheck, at, changed, with_key},
    sign_in_result::SignInResult,
    token_parts::{JsonPart, TokenParts},
};
use crate::{
    alb::{
        DATA, IDENTITY, Kid, PublicKey,
        signer::{AlbSigner, Members, TOKEN_LIFETIME, to_json},
    },
    config::AlbAuthConfig,
    error::AuthErrorKind,
};

/// Upper bound of the loop: more rejections than a token has ways to fail.
const MAX_ROUNDS: usize = 24;
/// The header members that a load balancer writes. A rewritten header has no others.
const MEMBERS: [&str; 7] = ["typ", "kid", "alg", "iss", "client", "signer", "exp"];

/// All errors that the layer would report, one after the other.
#[derive(Default)]
pub(super) struct Findings {
    /// In the layer's order.
    pub(super) failures: Vec<Failure>,
    /// The user once all of them are fixed, provided that the signature is valid.
    pub(super) sign_in: Option<SignInResult>,
    /// The access token was not checked, because the keys of its issuer were not to be fetched.
    pub(super) no_issuer_keys: bool,
}

/// A request on its way to one that is accepted.
struct Attempt {
    headers: HeaderMap,
    header: Members,
    /// As received, unless a member was changed.
    raw_header: Vec<u8>,
    payload: Vec<u8>,
    /// Whether the token was changed and so is no longer the one that was received.
    is_changed: bool,
    config: AlbAuthConfig,
}

/// Finds every problem of the request except with its signature.
pub(super) async fn find_all(
    headers: &HeaderMap,
    parts: &TokenParts,
    config: &AlbAuthConfig,
    now: u64,
    issuer_keys: IssuerKeys,
) -> Findings {
    let mut findings = Findings::default();
    let Ok(signer) = AlbSigner::generate() else { return findings };
    let Ok(key) = PublicKey::from_pem(signer.public_key_pem().as_bytes()) else { return findings };
    let key = Arc::new(key);

    let decoded = |index: usize| parts.segments().get(index).and_then(|segment| segment.decoded.clone());
    let mut attempt = Attempt {
        headers: headers.clone(),
        header: parts.header().members().to_vec(),
        raw_header: decoded(0).unwrap_or_default(),
        payload: decoded(1).unwrap_or_default(),
        is_changed: false,
        config: at(config, now),
    };
    for _ in 0..MAX_ROUNDS {
        let kid = attempt.header_text("kid").and_then(Kid::parse);
        let check = LayerCheck::new(with_key(&attempt.config, kid, &key, issuer_keys));
        if attempt.is_changed && attempt.sign(&signer).is_none() {
            return findings;
        }
        let failure = match check.check(&attempt.headers).await {
            Ok(authenticated) => {
                findings.sign_in = Some(SignInResult::of(&authenticated));
                return findings;
            }
            Err(failure) => failure,
        };
        let kind = failure.error.kind();
        // The received token is not signed with the generated key; the one made from it is.
        if kind == AuthErrorKind::InvalidSignature && !attempt.is_changed {
            attempt.is_changed = true;
            continue;
        }
        if issuer_keys == IssuerKeys::NotFetched && kind == AuthErrorKind::AccessTokenKeysUnavailable {
            findings.no_issuer_keys = true;
            return findings;
        }
        let message = failure.error.operator_message();
        if findings.failures.iter().any(|known| known.error.operator_message() == message) {
            return findings;
        }
        findings.failures.push(failure);
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

    /// Replaces the token by the changed one.
    fn sign(&mut self, signer: &AlbSigner) -> Option<()> {
        let token = signer.sign(&self.raw_header, &self.payload, true).ok()?;
        self.headers.insert(DATA, HeaderValue::from_str(&token).ok()?);
        Some(())
    }

    /// Works around the cause of the rejection. Returns false if that is not possible, or if no
    /// check follows.
    fn fix(&mut self, kind: AuthErrorKind, parts: &TokenParts, now: u64) -> bool {
        let readable = matches!(parts.header(), JsonPart::Object(_));
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
            AuthErrorKind::IdentityMismatch => self.headers.remove(IDENTITY).is_some(),
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
    fn fix_time(&mut self, parts: &TokenParts, now: u64) -> bool {
        let ends = [parts.header(), parts.payload()].into_iter().filter_map(|json| json.seconds("exp"));
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
