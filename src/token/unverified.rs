//! A token on its way from received to verified.

use super::{
    header::{JoseHeader, RawHeader, refuse},
    json::{JsonFault, JsonLimits, read_object, tame_numbers},
    payload,
    segments::{Encoded, Segments},
    window::Window,
};
use crate::{
    alb::{Kid, PublicKey},
    config::{Trust, TrustMatch},
    error::{AuthError, AuthErrorKind},
    identity::Claims,
    limits::TokenLimits,
};

/// Room on the stack for a decoded JOSE header. What a load balancer writes takes about 350 bytes;
const USUAL_HEADER: usize = 768;
/// `max_header_bytes` goes no further than this.
const LONGEST_HEADER: usize = 4096;

/// A token whose JOSE header is well formed and trusted by the configuration. Nothing in it is proven yet, so it has no way
/// to its claims: [`verify`](Self::verify) is the only exit.
pub(crate) struct UnverifiedToken<'t, 'c> {
    token: &'t [u8],
    signing_input: &'t [u8],
    payload: Encoded<'t>,
    signature: [u8; 64],
    kid: Kid,
    window: Window,
    trusted: TrustMatch<'c>,
    limits: &'c TokenLimits,
}

/// A token whose signature is good and whose claims are read. Made by [`UnverifiedToken::verify`] alone.
#[derive(Clone)]
pub(crate) struct VerifiedToken {
    claims: Claims,
    window: Window,
}

impl<'t, 'c> UnverifiedToken<'t, 'c> {
    /// Checks all that can be checked without a key. Allocates nothing that grows with the token.
    ///
    /// # Errors
    /// The first check that fails; the order is in the folder's documentation.
    pub(crate) fn read(
        token: &'t [u8],
        trust: &'c Trust,
        limits: &'c TokenLimits,
        now: u64,
    ) -> Result<Self, AuthError> {
        if token.len() > limits.max_token_bytes {
            return Err(AuthError::with_detail(
                AuthErrorKind::TooLarge,
                format!("found {} bytes, max_token_bytes is {}", token.len(), limits.max_token_bytes),
            ));
        }
        let segments = Segments::split(token).ok_or_else(|| AuthError::new(AuthErrorKind::Malformed))?;

        if segments.header.decoded_len() > limits.max_header_bytes {
            let detail = format!("it is longer than max_header_bytes ({})", limits.max_header_bytes);
            return Err(AuthError::with_detail(AuthErrorKind::MalformedHeader, detail));
        }
        // Clearing the room is not free, so it is as small as will do.
        let (mut usual, mut longest);
        let room: &mut [u8] = if segments.header.decoded_len() <= USUAL_HEADER {
            usual = [0; USUAL_HEADER];
            &mut usual
        } else {
            longest = [0; LONGEST_HEADER];
            &mut longest
        };
        let json = segments.header.decode(room).ok_or_else(|| AuthError::new(AuthErrorKind::Malformed))?;
        let mut raw = RawHeader::default();
        if let Err(fault) = read_object(json, limits.json(), &mut raw) {
            drop(raw);
            // Perhaps for a number that serde_json does not hold. This is a copy: what is verified is as received.
            if fault != JsonFault::Syntax || !tame_numbers(json) {
                return Err(refuse(fault));
            }
            raw = RawHeader::default();
            read_object(json, limits.json(), &mut raw).map_err(refuse)?;
        }
        let header = JoseHeader::check(raw)?;

        let trusted = trust.find(
            header.signer.get("signer", AuthErrorKind::UntrustedSigner)?,
            header.issuer.get("iss", AuthErrorKind::UntrustedIssuer)?,
            header.client.get("client", AuthErrorKind::UntrustedClient)?,
        )?;
        limits.check_window(header.window, now)?;
        Ok(Self {
            token,
            signing_input: segments.signing_input,
            payload: segments.payload,
            signature: segments.signature,
            kid: header.kid,
            window: header.window,
            trusted,
            limits,
        })
    }

    /// Which key it says it is signed with.
    pub(crate) fn kid(&self) -> Kid {
        self.kid
    }

    /// What of the configuration it matches, as a whole.
    pub(crate) fn trusted(&self) -> TrustMatch<'c> {
        self.trusted
    }

    /// Checks the signature over the bytes as received (RFC 7515 section 5.2), then reads the claims.
    pub(crate) fn verify(self, key: &PublicKey, now: u64) -> Result<VerifiedToken, AuthError> {
        if !key.verifies(self.signing_input, &self.signature) {
            return Err(AuthError::new(AuthErrorKind::InvalidSignature));
        }
        let limits = self.limits;
        let issuer = self.trusted.issuer;
        let read =
            payload::read(self.token, self.payload, issuer, self.window, limits.max_subject_chars, limits.json())?;
        let token = VerifiedToken { claims: read.claims, window: read.window };
        token.check_time(now, limits)?;
        Ok(token)
    }
}

impl VerifiedToken {
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    pub(crate) fn into_claims(self) -> Claims {
        self.claims
    }

    /// Whether it is valid now. A token that is remembered is asked again each time.
    pub(crate) fn check_time(&self, now: u64, limits: &TokenLimits) -> Result<(), AuthError> {
        limits.check_window(self.window, now)
    }
}

impl TokenLimits {
    fn check_window(&self, window: Window, now: u64) -> Result<(), AuthError> {
        window.check(now, self.leeway, self.max_lifetime).map_err(|kind| match kind {
            AuthErrorKind::LifetimeTooLong => AuthError::with_detail(
                kind,
                format!(
                    "exp is {} s ahead, max_lifetime is {} s",
                    window.expires_at.saturating_sub(now),
                    self.max_lifetime.as_secs()
                ),
            ),
            _ => AuthError::new(kind),
        })
    }

    fn json(&self) -> JsonLimits {
        JsonLimits { depth: self.max_json_depth, members: self.max_json_members, elements: self.max_json_elements }
    }
}

impl From<AuthErrorKind> for AuthError {
    fn from(kind: AuthErrorKind) -> Self {
        Self::new(kind)
    }
}
