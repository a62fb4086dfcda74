//! What the files say besides `auth.providers.awsalb`.

use std::path::PathBuf;

use serde_json::Value;
use tower_alb_auth::{ConfigError, config::AppConfig};

pub struct Settings {
    pub files: AppConfig,
    /// Where back ends and browsers find the auth backend.
    pub auth_url: String,
    pub cookie_name: Option<String>,
    pub sign_out_url: Option<String>,
    pub omit_ownership: bool,
}

impl Settings {
    pub fn read(paths: &[PathBuf]) -> Result<Self, ConfigError> {
        let files = AppConfig::load(paths)?;
        let mut merged = Value::Null;
        for path in paths {
            let text = std::fs::read_to_string(path).map_err(ConfigError::message)?;
            let value: Value = serde_saphyr::from_str(&text).map_err(ConfigError::message)?;
            merge(&mut merged, value);
        }
        let text = |pointer: &str| merged.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let base = text("/backend/baseUrl").ok_or_else(|| {
            ConfigError::message("there is no backend.baseUrl: add\nbackend:\n  baseUrl: https://backstage.example.com")
        })?;
        Ok(Self {
            files,
            auth_url: format!("{}/api/auth", base.trim_end_matches('/')),
            cookie_name: text("/auth/providers/awsalb/sessionCookieName"),
            sign_out_url: text("/auth/providers/awsalb/signOutUrl"),
            omit_ownership: merged.pointer("/auth/omitIdentityTokenOwnershipClaim") == Some(&Value::Bool(true)),
        })
    }
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}
