//! Verifies the tokens of this auth backend.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::DeserializeOwned};

use super::MAX_TOKEN_LENGTH;
use crate::{
    EntityRef,
    backstage::{PublicJwk, store::StoreError},
};

/// Maximum difference between the clocks of two replicas.
const LEEWAY: Duration = Duration::from_secs(30);
const EXPIRED: &str = "the token has expired";
pub(super) const UNKNOWN_KEY: &str = "the token's key is unknown";

/// The user of a valid token.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VerifiedUser {
    /// The user.
    pub user_entity_ref: EntityRef,
    /// When the token expires.
    pub expires_at: SystemTime,
}

/// Why a token is rejected.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TokenRefused {
    /// It is not a user token of this auth backend, or has expired.
    Invalid(&'static str),
    /// The keys are unavailable: the token may be valid.
    Unavailable(StoreError),
}

impl fmt::Display for TokenRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(why) => f.write_str(why),
            Self::Unavailable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TokenRefused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Invalid(_) => None,
            Self::Unavailable(error) => Some(error),
        }
    }
}

/// A token that is valid if its signature is. Nothing in it is verified yet, so it only reveals the
/// id of the key to verify it with.
pub(super) struct UnverifiedToken<'t> {
    kid: String,
    signing_input: &'t [u8],
    signature: Vec<u8>,
    window: Window,
    user: VerifiedUser,
}

/// When a token is valid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    issued_at: SystemTime,
    expires_at: SystemTime,
}

impl Window {
    /// The times of the claims `iat` and `exp`, if the token is valid at this time.
    fn read(iat: u64, exp: u64, now: SystemTime) -> Result<Self, TokenRefused> {
        let time = |seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        let expires_at = time(exp).ok_or(TokenRefused::Invalid(EXPIRED))?;
        // A date that the system cannot represent is later than any expiry, so `check` rejects it too.
        let window = Self { issued_at: time(iat).unwrap_or(expires_at), expires_at };
        window.check(now).map(|()| window)
    }

    pub(super) fn check(self, now: SystemTime) -> Result<(), TokenRefused> {
        if self.expires_at.checked_add(LEEWAY).is_none_or(|end| now >= end) {
            return Err(TokenRefused::Invalid(EXPIRED));
        }
        if self.issued_at >= self.expires_at || now.checked_add(LEEWAY).is_none_or(|soon| self.issued_at > soon) {
            return Err(TokenRefused::Invalid("the token was issued in the future"));
        }
        Ok(())
    }
}

/// Only these members, and none twice: stock back ends write no others, and no other may change how
/// the token is read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Claims {
    sub: String,
    iat: u64,
    exp: u64,
    aud: Option<String>,
}

impl<'t> UnverifiedToken<'t> {
    /// Checks everything but the signature, so that the store is not queried for a token that would
    /// be rejected anyway.
    ///
    /// `iss` is not checked, as in stock back ends: limited tokens have none, and replicas of one
    /// database that are reached by two URLs write two. The key is what is trusted.
    pub(super) fn read(token: &'t str, now: SystemTime) -> Result<Self, TokenRefused> {
        let invalid = TokenRefused::Invalid;
        if token.len() > MAX_TOKEN_LENGTH {
            return Err(invalid("the token is too long"));
        }
        let no_jwt = || invalid("the token is not a JWT");
        let (input, signature) = token.rsplit_once('.').ok_or_else(no_jwt)?;
        let (header, payload) = input.split_once('.').ok_or_else(no_jwt)?;
        let header: Header = object(header).ok_or(invalid("the token's header is not that of a user token"))?;
        let is_full = match header.typ.as_str() {
            "vnd.backstage.user" => true,
            "vnd.backstage.limited-user" => false,
            _ => return Err(invalid("the token is not a user token")),
        };
        if header.alg != "ES256" {
            return Err(invalid("the token is not signed with ES256"));
        }
        let claims: Claims = object(payload).ok_or(invalid("the token's claims are not those of a user token"))?;
        if is_full && claims.aud.as_deref() != Some("backstage") {
            return Err(invalid("the token is not for Backstage"));
        }
        let window = Window::read(claims.iat, claims.exp, now)?;
        let user_entity_ref = full_user_ref(&claims.sub).ok_or(invalid("the token's subject is not a user"))?;
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| no_jwt())?;
        let user = VerifiedUser { user_entity_ref, expires_at: window.expires_at };
        Ok(Self { kid: header.kid, signing_input: input.as_bytes(), signature, window, user })
    }

    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    /// When the token is valid, if its signature is.
    pub(super) fn window(&self) -> Window {
        self.window
    }

    /// The user, if this key signed the token.
    pub(super) fn verify(self, key: &PublicJwk) -> Result<VerifiedUser, TokenRefused> {
        let key = key.verifier().ok_or(TokenRefused::Invalid("the token's key is not for ES256"))?;
        let signed = key.verify_sig(self.signing_input, &self.signature);
        signed.map_err(|_| TokenRefused::Invalid("the token's signature is invalid")).map(|()| self.user)
    }
}

/// The JSON object in this segment.
fn object<T: DeserializeOwned>(segment: &str) -> Option<T> {
    // serde_json does not look at the bytes of a text that it skips.
    let json = String::from_utf8(URL_SAFE_NO_PAD.decode(segment).ok()?).ok()?;
    // serde would accept an array of the right length for a struct.
    json.trim_ascii_start().starts_with('{').then(|| serde_json::from_str(&json).ok())?
}

/// A full entity ref in the form that this crate writes: `user:default/jane`, neither `jane` nor
/// `User:default/Jane`.
fn full_user_ref(text: &str) -> Option<EntityRef> {
    let user: EntityRef = text.parse().ok()?;
    (user.kind() == "user" && user.as_str() == text).then_some(user)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Found by the fuzz target `backstage_token`.
    #[test]
    fn s_123_claims_that_are_not_utf_8_are_rejected_in_a_claim_that_is_not_read_too() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":"k"}"#);
        let is_read = |name: &[u8]| {
            let claims =
                [br#"{"sub":"user:default/jane","iat":1800000000,"exp":1800003600,"name":""#, name, b"\"}"].concat();
            let token = format!("{header}.{}.AA", URL_SAFE_NO_PAD.encode(claims));
            UnverifiedToken::read(&token, SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)).is_ok()
        };
        assert!(is_read(b"Jane") && is_read("J\u{e4}ne".as_bytes()));
        assert!(!is_read(b"J\xe4ne"));
    }

    #[test]
    fn a_window_ends_with_the_leeway_to_the_second() {
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (case, iat, exp, now, valid) in [
            ("issued ahead, within the leeway", 1030, 2000, 1000, true),
            ("issued ahead, beyond the leeway", 1031, 2000, 1000, false),
            ("expired, within the leeway", 1000, 2000, 2029, true),
            ("expired, at the end of the leeway", 1000, 2000, 2030, false),
            ("issued when it expires", 2000, 2000, 2000, false),
        ] {
            assert_eq!(Window::read(iat, exp, at(now)).is_ok(), valid, "{case}");
        }
    }

    #[test]
    fn s_172_a_token_is_as_long_as_the_maximum_and_no_longer() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":"k"}"#);
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"user:default/jane","iat":1800000000,"exp":1800003600}"#);
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let read = |length: usize| {
            let signature = "A".repeat(length - header.len() - claims.len() - 2);
            UnverifiedToken::read(&format!("{header}.{claims}.{signature}"), now).map(drop)
        };
        // The signature is base64, of which no text is one character longer than a multiple of four.
        let longest = (0..4).map(|less| MAX_TOKEN_LENGTH - less).find(|length| read(*length).is_ok());
        assert_eq!(longest, Some(MAX_TOKEN_LENGTH));
        for longer in 1..5 {
            let refused = read(MAX_TOKEN_LENGTH + longer);
            assert!(matches!(refused, Err(TokenRefused::Invalid("the token is too long"))), "{longer}: {refused:?}");
        }
    }
}
