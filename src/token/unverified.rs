//! Tokens before and after verification.

use super::{
    header::{JoseHeader, RawHeader, refuse},
    json::{JsonFault, JsonLimits, read_object},
    large_numbers::replace_large_numbers,
    last_header::{HeaderSays, LastHeader},
    payload,
    segments::{Encoded, Received, Segments},
    window::Window,
};
use crate::{
    alb::{Kid, PublicKey},
    config::{Trust, TrustMatch},
    error::{AuthError, AuthErrorKind},
    identity::Claims,
    limits::TokenLimits,
};

/// Size in bytes of the stack buffer for a decoded JOSE header of usual length. A load balancer
/// writes about 350 bytes.
const USUAL_HEADER_BYTES: usize = 768;

/// Size in bytes of the stack buffer for a longer JOSE header: the upper limit of
/// `max_header_bytes`.
const MAX_HEADER_BYTES: usize = 4096;

/// A token whose JOSE header is well formed and matches the configuration.
///
/// Its content is not verified, so it has no method that returns a claim. [`verify`](Self::verify)
/// consumes it and is the only way to the claims.
pub(crate) struct UnverifiedToken<'t, 'c> {
    token: &'t [u8],
    signing_input: &'t [u8],
    /// As received.
    header: &'t [u8],
    payload: Encoded<'t>,
    signature: [u8; 64],
    says: HeaderSays,
    trusted: TrustMatch<'c>,
    limits: &'c TokenLimits,
    /// `None` if the header is kept already.
    keep_header: Option<&'c LastHeader>,
}

/// A token with a valid signature and valid claims. Only [`UnverifiedToken::verify`] creates it.
#[derive(Clone)]
pub(crate) struct VerifiedToken {
    claims: Claims,
    window: Window,
}

impl<'t, 'c> UnverifiedToken<'t, 'c> {
    /// Makes all checks that need no key. Allocates no memory that grows with the token.
    ///
    /// # Errors
    /// The first check that fails. The documentation of the folder has the order.
    pub(crate) fn read(
        token: &'t [u8],
        trust: &'c Trust,
        limits: &'c TokenLimits,
        last: &'c LastHeader,
        now: u64,
    ) -> Result<Self, AuthError> {
        if token.len() > limits.max_token_bytes {
            return Err(AuthError::with_detail(
                AuthErrorKind::TooLarge,
                format!("found {} bytes, max_token_bytes is {}", token.len(), limits.max_token_bytes),
            ));
        }
        let segments = Segments::split(token).ok_or_else(|| AuthError::new(AuthErrorKind::Malformed))?;

        let known = last.find(segments.header).and_then(|says| Some((says, trust.at(says.index)?)));
        let (says, trusted) = known.map_or_else(|| read_header(segments.header, trust, limits), Ok)?;
        limits.check_window(says.window, now)?;
        Ok(Self {
            token,
            signing_input: segments.signing_input,
            header: segments.header,
            payload: segments.payload,
            signature: segments.signature,
            says,
            trusted,
            limits,
            keep_header: known.is_none().then_some(last),
        })
    }

    /// The token as received.
    pub(crate) fn received(&self) -> &'t [u8] {
        self.token
    }

    /// The id of the key that the token names.
    pub(crate) fn kid(&self) -> Kid {
        self.says.kid
    }

    /// The trusted entry that matches signer, issuer and client.
    pub(crate) fn trusted(&self) -> TrustMatch<'c> {
        self.trusted
    }

    /// Verifies the signature over the bytes as received (RFC 7515 section 5.2), then reads the
    /// claims.
    pub(crate) fn verify(self, key: &PublicKey, now: u64) -> Result<VerifiedToken, AuthError> {
        if !key.verifies(self.signing_input, &self.signature) {
            return Err(AuthError::new(AuthErrorKind::InvalidSignature));
        }
        self.read_claims(now).map_err(AuthError::after_signature)
    }

    fn read_claims(self, now: u64) -> Result<VerifiedToken, AuthError> {
        let limits = self.limits;
        let issuer = self.trusted.issuer;
        let received = Received::new(self.token, self.signing_input, self.header, self.payload);
        let read = payload::read(received, issuer, self.says.window, limits.max_subject_chars, limits.json())?;
        let token = VerifiedToken { claims: read.claims, window: read.window };
        token.check_time(now, limits)?;
        if let Some(last) = self.keep_header {
            last.keep(self.header, self.says);
        }
        Ok(token)
    }
}

/// Decodes the JOSE header and compares it with the configuration.
fn read_header<'c>(
    received: &[u8],
    trust: &'c Trust,
    limits: &TokenLimits,
) -> Result<(HeaderSays, TrustMatch<'c>), AuthError> {
    let encoded = Encoded::check(received).ok_or_else(|| AuthError::new(AuthErrorKind::Malformed))?;
    if encoded.decoded_len() > limits.max_header_bytes {
        let detail = format!("it is longer than max_header_bytes ({})", limits.max_header_bytes);
        return Err(AuthError::with_detail(AuthErrorKind::MalformedHeader, detail));
    }
    // The buffer is zeroed, which takes time, so the smaller one is used where possible.
    let (mut usual, mut large);
    let buffer: &mut [u8] = if encoded.decoded_len() <= USUAL_HEADER_BYTES {
        usual = [0; USUAL_HEADER_BYTES];
        &mut usual
    } else {
        large = [0; MAX_HEADER_BYTES];
        &mut large
    };
    let json = encoded.decode(buffer).ok_or_else(|| AuthError::new(AuthErrorKind::Malformed))?;
    let mut raw = RawHeader::default();
    if let Err(fault) = read(json, limits, &mut raw) {
        drop(raw);
        // The cause may be a number that serde_json cannot represent. This buffer is a copy:
        // the signature is verified over the bytes as received.
        if fault != JsonFault::Syntax || !replace_large_numbers(json) {
            return Err(refuse(fault));
        }
        raw = RawHeader::default();
        read(json, limits, &mut raw).map_err(refuse)?;
    }
    let header = JoseHeader::check(raw)?;

    let trusted = trust.find(
        header.signer.get("signer", AuthErrorKind::UntrustedSigner)?,
        header.issuer.get("iss", AuthErrorKind::UntrustedIssuer)?,
        header.client.get("client", AuthErrorKind::UntrustedClient)?,
    )?;
    Ok((HeaderSays { kid: header.kid, window: header.window, index: trusted.index }, trusted))
}

fn read<'h>(json: &'h [u8], limits: &TokenLimits, raw: &mut RawHeader<'h>) -> Result<(), JsonFault> {
    let text = std::str::from_utf8(json).map_err(|_| JsonFault::Syntax)?;
    read_object(text, limits.json(), raw)
}

impl VerifiedToken {
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }

    pub(crate) fn into_claims(self) -> Claims {
        self.claims
    }

    pub(crate) fn map_claims(self, change: impl FnOnce(Claims) -> Claims) -> Self {
        Self { claims: change(self.claims), ..self }
    }

    /// Checks whether the token is valid at this time. A cached token is checked again for each
    /// request.
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

    pub(super) fn json(&self) -> JsonLimits {
        JsonLimits { depth: self.max_json_depth, members: self.max_json_members, elements: self.max_json_elements }
    }
}

impl From<AuthErrorKind> for AuthError {
    fn from(kind: AuthErrorKind) -> Self {
        Self::new(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Missing;

    /// Methods that [`UnverifiedToken`] must not have. A method of the type itself would be called
    /// instead of these, and would not return [`Missing`].
    trait WithoutClaims: Sized {
        fn claims(&self) -> Missing {
            Missing
        }

        fn into_claims(self) -> Missing {
            Missing
        }
    }

    impl WithoutClaims for UnverifiedToken<'_, '_> {}

    /// The type is private, so a doctest cannot show this. The test passes if it compiles.
    #[test]
    fn the_wrong_order_does_not_compile() {
        fn claims(token: &UnverifiedToken<'_, '_>) -> Missing {
            token.claims()
        }
        fn into_claims(token: UnverifiedToken<'_, '_>) -> Missing {
            token.into_claims()
        }
        fn verify(token: UnverifiedToken<'_, '_>, key: &PublicKey, now: u64) -> Result<VerifiedToken, AuthError> {
            token.verify(key, now)
        }
        let _: fn(&UnverifiedToken<'_, '_>) -> Missing = claims;
        let _: fn(UnverifiedToken<'_, '_>) -> Missing = into_claims;
        let _: fn(UnverifiedToken<'_, '_>, &PublicKey, u64) -> Result<VerifiedToken, AuthError> = verify;
    }
}
