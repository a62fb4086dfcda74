//! Verifies the tokens of this auth backend.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

use crate::{
    backstage::{PublicJwk, store::StoreError},
    identity::EntityRef,
};

/// A user who holds a token of this auth backend.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VerifiedUser {
    /// Who that is.
    pub user_entity_ref: EntityRef,
    /// Until when the token is valid.
    pub expires_at: SystemTime,
}

/// Why a token is not taken.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TokenRefused {
    /// It is not a user token of this auth backend, or no longer valid.
    Invalid(&'static str),
    /// The keys are out of reach: the token may be good.
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

impl std::error::Error for TokenRefused {}

pub(super) fn verify(token: &str, keys: &[PublicJwk], now: SystemTime) -> Result<VerifiedUser, TokenRefused> {
    #[derive(Deserialize)]
    struct Header {
        typ: String,
        alg: String,
        kid: String,
    }
    #[derive(Deserialize)]
    struct Payload {
        sub: String,
        exp: u64,
    }
    let invalid = TokenRefused::Invalid;
    let decode = |segment: &str| URL_SAFE_NO_PAD.decode(segment).map_err(|_| invalid("the token is no JWT"));
    let segments: Vec<&str> = token.splitn(4, '.').collect();
    let [header, payload, signature] = segments[..] else { return Err(invalid("the token is no JWT")) };
    let parsed: Header =
        serde_json::from_slice(&decode(header)?).map_err(|_| invalid("the token's header is not ours"))?;
    if !matches!(parsed.typ.as_str(), "vnd.backstage.user" | "vnd.backstage.limited-user") || parsed.alg != "ES256" {
        return Err(invalid("the token is no user token"));
    }
    let key = keys.iter().find(|key| key.kid() == parsed.kid).and_then(PublicJwk::verifier);
    let key = key.ok_or(invalid("the token's key is not known"))?;
    let input = token.get(..header.len().saturating_add(payload.len()).saturating_add(1)).unwrap_or_default();
    key.verify_sig(input.as_bytes(), &decode(signature)?).map_err(|_| invalid("the token's signature is wrong"))?;
    let claims: Payload =
        serde_json::from_slice(&decode(payload)?).map_err(|_| invalid("the token's claims are not ours"))?;
    let expires_at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(claims.exp));
    let expires_at = expires_at.filter(|at| *at > now).ok_or(invalid("the token has expired"))?;
    let user_entity_ref = claims.sub.parse().map_err(|_| invalid("the token's subject is no entity"))?;
    Ok(VerifiedUser { user_entity_ref, expires_at })
}
