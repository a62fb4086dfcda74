//! Keys that are given, not fetched.

use std::fmt;

use super::{Kid, PublicKey};
use crate::sync::Arc;

/// Public keys given as PEM text: for networks without a way to AWS, and for tests.
///
/// They are never refreshed: when AWS rotates a region's keys, tokens of the new kid are refused until somebody adds it.
///
/// ```
/// use tower_alb_auth::keys::FixedKeys;
///
/// let pem = "-----BEGIN PUBLIC KEY-----
/// MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
/// 6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
/// -----END PUBLIC KEY-----";
/// let keys = FixedKeys::new().add("c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90", pem)?;
/// # let _ = keys;
/// # Ok::<(), tower_alb_auth::keys::FixedKeyError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct FixedKeys {
    pub(crate) keys: Vec<(Kid, Arc<PublicKey>)>,
}

impl FixedKeys {
    /// No key yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the key of this kid: one PEM block `PUBLIC KEY` with a P-256 key, as the key endpoint answers.
    ///
    /// # Errors
    /// The kid is not a lower-case UUID, it is there already, or the text is not such a key.
    pub fn add(mut self, kid: &str, pem: &str) -> Result<Self, FixedKeyError> {
        let shown = crate::error::quoted(kid);
        let parsed =
            Kid::parse(kid).ok_or_else(|| FixedKeyError(format!("{shown} is not a kid: a UUID in lower case")))?;
        if self.keys.iter().any(|(held, _)| *held == parsed) {
            return Err(FixedKeyError(format!("the kid {shown} is there twice")));
        }
        let key = PublicKey::from_pem(pem.as_bytes())
            .map_err(|error| FixedKeyError(format!("the key of kid {shown} is {error}")))?;
        self.keys.push((parsed, Arc::new(key)));
        Ok(self)
    }
}

/// A fixed key that is none; the message says why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedKeyError(String);

impl fmt::Display for FixedKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FixedKeyError {}
