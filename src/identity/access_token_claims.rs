//! The claims of a verified access token.

#[cfg(any(feature = "https", feature = "test-util"))]
use std::sync::Arc;
use std::{fmt, time::SystemTime};

use http::Extensions;
use serde::de::DeserializeOwned;

use super::{AccessTokenClaims, ClaimError, Claims};

impl AccessTokenClaims {
    #[cfg(any(feature = "https", feature = "test-util"))]
    pub(crate) fn new(claims: Claims) -> Self {
        Self(Arc::new(claims))
    }

    /// The claims of a request that passed the layer. `None` if the configuration verifies no access
    /// token, or no user is signed in.
    pub fn of(extensions: &Extensions) -> Option<&Self> {
        Claims::of(extensions)?.access_token()
    }

    /// The issuer of the access token. It equals the issuer in the configuration.
    pub fn issuer(&self) -> &str {
        self.0.issuer()
    }

    /// The claim `sub` of the access token. It is the subject of the signed claims, unless the
    /// configuration compares another claim with that.
    pub fn subject(&self) -> &str {
        self.0.subject()
    }

    /// A claim that is a text, by name: as [`Claims::text`].
    ///
    /// # Errors
    /// The claim is present, and is null or not a text.
    pub fn text(&self, name: &str) -> Result<Option<String>, ClaimError> {
        self.0.text(name)
    }

    /// A claim that is a list of texts, or one text, by name: as [`Claims::texts`].
    ///
    /// # Errors
    /// The claim is present, and is null, neither a text nor a list, or a list with elements that
    /// are not texts.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<String>>, ClaimError> {
        self.0.texts(name)
    }

    /// Any claim, by name: as [`Claims::get`].
    ///
    /// # Errors
    /// The claim is present, but has another type.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ClaimError> {
        self.0.get(name)
    }

    /// All claims, as the JSON object that was signed: strict JSON without repeated members.
    pub fn as_json(&self) -> &str {
        self.0.as_json()
    }

    /// The expiry of the access token, without leeway.
    pub fn expires_at(&self) -> SystemTime {
        self.0.token_expires_at()
    }

    pub(crate) fn claims(&self) -> &Claims {
        &self.0
    }
}

impl fmt::Debug for AccessTokenClaims {
    /// Shows issuer and subject, never the token or other claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokenClaims")
            .field("issuer", &self.issuer())
            .field("subject", &self.subject())
            .finish_non_exhaustive()
    }
}
