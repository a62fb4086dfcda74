//! Plugin tokens, with which the auth backend calls another plugin's back end.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::{error::IssueError, signing_key::SigningKey};

/// The lifetime of a token, as in Backstage.
pub(super) const LIFETIME: Duration = Duration::from_secs(60 * 60);

pub(super) fn issue(key: &SigningKey, plugin: &str, now: SystemTime) -> Result<String, IssueError> {
    let iat = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| IssueError::BEFORE_1970)?.as_secs();
    let exp = iat.saturating_add(LIFETIME.as_secs());
    let payload = format!(r#"{{"sub":"auth","aud":{},"iat":{iat},"exp":{exp}}}"#, json!(plugin));
    key.sign("vnd.backstage.plugin", &payload)
}
