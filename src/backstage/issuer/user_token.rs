//! User tokens, identical to Backstage's own byte for byte.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde_json::json;

use super::{MAX_TOKEN_LENGTH, error::IssueError, signing_key::SigningKey};
use crate::EntityRef;

/// A user token and its expiry.
#[derive(Clone)]
#[non_exhaustive]
pub struct IssuedToken {
    token: String,
    /// When it expires.
    pub expires_at: SystemTime,
    /// Whether the token has the claim `ent`. If not, back ends query `/v1/userinfo`.
    pub has_ownership_claim: bool,
}

impl IssuedToken {
    /// The token. Its holder can act as the user, so never log it.
    pub fn expose(&self) -> &str {
        &self.token
    }
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken")
            .field("expires_at", &self.expires_at)
            .field("has_ownership_claim", &self.has_ownership_claim)
            .finish_non_exhaustive()
    }
}

/// Signs twice: first the limited token, whose signature becomes `uip` of the full token, then the
/// full token. A holder of the full token can derive the limited one, which only identifies the
/// user. `issuer` is JSON.
pub(super) fn issue(
    key: &SigningKey,
    issuer: &str,
    user: &EntityRef,
    ownership: Option<&[EntityRef]>,
    now: SystemTime,
    lifetime: Duration,
) -> Result<IssuedToken, IssueError> {
    let iat = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| IssueError::BEFORE_1970)?.as_secs();
    let exp = iat.saturating_add(lifetime.as_secs());
    // An entity ref needs no escape in JSON: it has letters, digits and `:/-_.` only.
    let sub = user.as_str();
    let times = format!(r#""iat":{iat},"exp":{exp}"#);

    let limited = [r#"{"sub":""#, sub, r#"","#, &times, "}"].concat();
    let limited = key.sign("vnd.backstage.limited-user", &limited)?;
    let uip = limited.rsplit('.').next().unwrap_or_default();

    let token = |ownership: Option<&[EntityRef]>| {
        let ent = ownership.map(|refs| format!(r#","ent":{}"#, json!(refs))).unwrap_or_default();
        let (iss, aud) = (r#"{"iss":"#, r#","aud":"backstage","#);
        let payload = [iss, issuer, r#","sub":""#, sub, "\"", &ent, aud, &times, r#","uip":""#, uip, "\"}"].concat();
        key.sign("vnd.backstage.user", &payload)
    };
    let mut issued = token(ownership)?;
    let mut has_ownership_claim = ownership.is_some();
    if let Some(refs) = ownership.filter(|_| issued.len() > MAX_TOKEN_LENGTH) {
        tracing::warn!(
            target: "tower_alb_auth",
            ownership_entity_refs = refs.len(),
            "a user token of {} characters would exceed {MAX_TOKEN_LENGTH}: it is issued without ent, which /v1/userinfo returns",
            issued.len(),
        );
        issued = token(None)?;
        has_ownership_claim = false;
    }
    let expires_at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(exp)).unwrap_or(now);
    Ok(IssuedToken { token: issued, expires_at, has_ownership_claim })
}
