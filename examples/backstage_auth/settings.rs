//! What the files say besides `auth.providers.awsalb`.

use std::{fs, path::PathBuf};

use serde_json::Value;
use tower_alb_auth::{ConfigError, SignOut, config::AppConfig};

pub struct Settings {
    pub files: AppConfig,
    /// Where back ends and browsers find the auth backend.
    pub auth_url: String,
    pub sign_out: SignOut,
    pub omit_ownership_claim: bool,
}

impl Settings {
    pub fn read(paths: &[PathBuf]) -> Result<Self, ConfigError> {
        let files = AppConfig::load(paths)?;
        let texts: Vec<String> =
            paths.iter().map(fs::read_to_string).collect::<Result<_, _>>().map_err(ConfigError::message)?;
        Self::of(files, &texts)
    }

    pub fn of(files: AppConfig, texts: &[String]) -> Result<Self, ConfigError> {
        let mut merged = Value::Null;
        for text in texts {
            merge(&mut merged, serde_saphyr::from_str(text).map_err(ConfigError::message)?);
        }
        let text = |pointer: &str| merged.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let base = text("/backend/baseUrl").ok_or_else(|| {
            ConfigError::message("there is no backend.baseUrl: add\nbackend:\n  baseUrl: https://backstage.example.com")
        })?;
        let mut sign_out = SignOut::builder();
        if let Some(name) = text("/auth/providers/awsalb/sessionCookieName") {
            sign_out = sign_out.cookie_name(name);
        }
        if let Some(url) = text("/auth/providers/awsalb/signOutUrl") {
            sign_out = sign_out.end_session(url);
        }
        Ok(Self {
            files,
            auth_url: format!("{}/api/auth", base.trim_end_matches('/')),
            sign_out: sign_out.build()?,
            omit_ownership_claim: merged.pointer("/auth/omitIdentityTokenOwnershipClaim") == Some(&Value::Bool(true)),
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
