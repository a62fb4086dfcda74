//! Secrets: codes, tokens, tickets, cookies.

use aws_lc_rs::{
    digest::{SHA256, digest},
    error::Unspecified,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// 256 random bits as text. Never logged.
pub(super) struct Secret(String);

/// The SHA-256 of a secret, by which tables store it. So a table contains nothing that could be
/// used, and the timing of a lookup reveals nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Secret {
    /// # Errors
    /// The operating system provides no random bytes.
    pub(super) fn generate() -> Result<Self, Unspecified> {
        let mut bytes = [0; 32];
        aws_lc_rs::rand::fill(&mut bytes)?;
        Ok(Self(URL_SAFE_NO_PAD.encode(bytes)))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn key(&self) -> Key {
        Key::of(&self.0)
    }
}

impl Key {
    pub(super) fn of(text: &str) -> Self {
        let mut key = [0; 32];
        for (to, from) in key.iter_mut().zip(digest(&SHA256, text.as_bytes()).as_ref()) {
            *to = *from;
        }
        Self(key)
    }
}
