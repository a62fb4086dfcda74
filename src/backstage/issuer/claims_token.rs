//! A token with claims of the caller's choice, for another product of this crate.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::{TokenIssuer, error::IssueError};

/// A token, and what an audit event has of it.
pub(crate) struct ClaimsToken {
    pub(crate) token: String,
    pub(crate) kid: String,
    pub(crate) expires_at: SystemTime,
}

impl TokenIssuer {
    /// A JWT with these claims and `iss`, `iat` and `exp`, signed with the key of user tokens. Its `typ` is
    /// `JWT`, so that no back end of Backstage takes it for a user token.
    ///
    /// `lifetime` is at most that of user tokens: keys are listed for that long.
    ///
    /// # Errors
    /// As [`user_token`](Self::user_token).
    pub(crate) async fn claims_token(
        &self,
        mut claims: Map<String, Value>,
        lifetime: Duration,
    ) -> Result<ClaimsToken, IssueError> {
        let key = self.0.user_keys.signing_key().await?;
        let now = self.now();
        let iat = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| IssueError::BEFORE_1970)?.as_secs();
        let exp = iat.saturating_add(lifetime.min(self.token_lifetime()).as_secs());
        claims.insert("iss".to_owned(), self.issuer().into());
        claims.insert("iat".to_owned(), iat.into());
        claims.insert("exp".to_owned(), exp.into());
        let token = key.sign("JWT", &Value::Object(claims).to_string())?;
        let expires_at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(exp)).unwrap_or(now);
        Ok(ClaimsToken { token, kid: key.public().kid().to_owned(), expires_at })
    }
}
