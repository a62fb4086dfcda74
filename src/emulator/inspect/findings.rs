//! What would be wrong next: the layer stops at the first check that fails, and who mends that one wants to know of the others.
//!
//! After each refusal the one thing that it was for is mended, in the token, the configuration or the clock, and the layer is
//! asked again. So the sentences are the layer's, and the order is. A mended token is signed with a key that was made up for it,
//! which nothing but this judge knows: what comes out says nothing of the token's own signature, and lets nobody in.

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

/// More refusals than a token has ways to fail.
const MAX_ROUNDS: usize = 24;
/// What a load balancer writes. Whatever else stands in a header is left out of a mended one.
const MEMBERS: [&str; 7] = ["typ", "kid", "alg", "iss", "client", "signer", "exp"];

/// All that the layer would say, one after the other.
pub(super) struct Findings {
    /// In the order in which the layer would come to them.
    pub(super) errors: Vec<AuthError>,
    /// Who would be let in once all of them are mended, if the signature is good.
    pub(super) in_the_end: Option<Authenticated>,
}

/// A token on the way to one that is let in.
struct Attempt {
    header: Members,
    /// As received, unless a member was mended.
    raw_header: Vec<u8>,
    payload: Vec<u8>,
    /// Whether the token is put together anew, and not the one that was pasted.
    anew: bool,
    config: AlbAuthConfig,
}

/// Goes through all that is wrong with the token but its signature.
pub(super) async fn find_all(token: &str, parts: &TokenParts<'_>, config: &AlbAuthConfig, now: u64) -> Findings {
    let mut findings = Findings { errors: Vec::new(), in_the_end: None };
    let Ok(signer) = AlbSigner::generate() else { return findings };
    let Ok(key) = PublicKey::from_pem(signer.public_key_pem().as_bytes()) else { return findings };
    let key = Arc::new(key);

    let decoded = |index: usize| parts.segments.get(index).and_then(|segment| segment.decoded.clone());
    let mut attempt = Attempt {
        header: parts.header.members().to_vec(),
        raw_header: decoded(0).unwrap_or_default(),
        payload: decoded(1).unwrap_or_default(),
        anew: false,
        config: at(config, now),
    };
    for _ in 0..MAX_ROUNDS {
        let kid = attempt.header_text("kid").and_then(Kid::parse);
        let check = LayerCheck::new(with_key(&attempt.config, kid, Arc::clone(&key)));
        let signed = if attempt.anew { attempt.sign(&signer) } else { Some(token.to_owned()) };
        let Some(signed) = signed else { return findings };
        let error = match check.check(&signed).await {
            Ok(authenticated) => {
                findings.in_the_end = Some(authenticated);
                return findings;
            }
            Err(error) => error,
        };
        // The pasted token is not signed with the made-up key; the one made from it is.
        if error.kind() == AuthErrorKind::InvalidSignature && !attempt.anew {
            attempt.anew = true;
            continue;
        }
        let said = error.operator_message();
        if findings.errors.iter().any(|known| known.operator_message() == said) {
            return findings;
        }
        let kind = error.kind();
        findings.errors.push(error);
        if !attempt.mend(kind, parts, now) {
            return findings;
        }
        attempt.anew = true;
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

    /// Mends what it was refused for. False where that cannot be done, or where nothing comes after it.
    fn mend(&mut self, kind: AuthErrorKind, parts: &TokenParts<'_>, now: u64) -> bool {
        let readable = matches!(parts.header, Json::Object(_));
        match kind {
            AuthErrorKind::TooLarge => {
                self.config = changed(&self.config, |settings| settings.token_limits.max_token_bytes = usize::MAX);
                true
            }
            AuthErrorKind::Malformed => readable && !self.anew,
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
                self.mend_trust(kind)
            }
            AuthErrorKind::Expired | AuthErrorKind::NotYetValid | AuthErrorKind::LifetimeTooLong => {
                self.mend_time(parts, now)
            }
            _ => false,
        }
    }

    fn mend_trust(&mut self, kind: AuthErrorKind) -> bool {
        let trust = &self.config.inner.trust;
        let (signer, issuer) = (self.header_text("signer"), self.header_text("iss"));
        let Some(nearest) = trust.nearest(signer, issuer, self.header_text("client")) else { return false };
        let member = match (kind, issuer) {
            // By the configuration, since the claims have the same issuer and stay as they are.
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

    /// Turns the clock to a minute before the token ends, when it was fresh.
    fn mend_time(&mut self, parts: &TokenParts<'_>, now: u64) -> bool {
        let ends = [&parts.header, &parts.payload].into_iter().filter_map(|json| json.seconds("exp"));
        let fresh = ends.min().map_or(now, |end| end.saturating_sub(TOKEN_LIFETIME / 2));
        self.config = at(&self.config, fresh);
        true
    }

    /// Writes the header anew, with the members of a load balancer alone, each once, and this one in place of its like.
    fn rewrite(&mut self, member: Option<(&str, Value)>) -> bool {
        let mut header = Members::new();
        let known = self.header.drain(..).filter(|(name, _)| MEMBERS.contains(&name.as_str()));
        // The last of repeated ones stays, as careless readers have it.
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
