//! Tokens, valid and invalid.

use serde_json::Value;

use super::{MockAlb, User};
use crate::internal::signer::{Members, TOKEN_LIFETIME, TokenOrigin, payload, to_json};

/// A token to be signed: every member of header and payload can be changed before. Created by
/// [`MockAlb::token`].
///
/// ```
/// use tower_alb_auth::test_util::{MockAlb, User};
///
/// let alb = MockAlb::new();
/// let wrong_client = alb.token(&User::jane()).header("client", "another-application").sign();
/// # let _ = wrong_client;
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct TokenBuilder<'a> {
    alb: &'a MockAlb,
    header: Members,
    payload: Members,
    raw_header: Option<Vec<u8>>,
    raw_payload: Option<Vec<u8>>,
    padded: bool,
}

impl MockAlb {
    /// A token of this user, signed now, valid for 120 s.
    pub fn sign(&self, user: &User) -> String {
        self.token(user).sign()
    }

    /// A token of this user that can be changed before it is signed.
    pub fn token(&self, user: &User) -> TokenBuilder<'_> {
        let expires_at = self.unix_now() + TOKEN_LIFETIME;
        let origin = TokenOrigin { signer: self.signer(), issuer: self.issuer(), client_id: self.client_id() };
        let header = self.key().header(origin, expires_at);
        let payload = payload(user.claims(), self.issuer(), expires_at);
        TokenBuilder { alb: self, header, payload, raw_header: None, raw_payload: None, padded: true }
    }
}

impl TokenBuilder<'_> {
    /// Sets a member of the JOSE header, and replaces an existing one with the same name.
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.header, name, value.into());
        self
    }

    /// Removes a member from the JOSE header.
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.retain(|(held, _)| held != name);
        self
    }

    /// Sets a member of the payload, and replaces an existing one with the same name.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        set(&mut self.payload, name, value.into());
        self
    }

    /// Removes a member from the payload.
    pub fn without_claim(mut self, name: &str) -> Self {
        self.payload.retain(|(held, _)| held != name);
        self
    }

    /// Sets `exp` in header and payload, in seconds since 1970.
    pub fn expires_at(self, seconds: u64) -> Self {
        self.header("exp", seconds).claim("exp", seconds)
    }

    /// Uses these bytes as the JOSE header.
    pub fn raw_header(mut self, json: impl Into<Vec<u8>>) -> Self {
        self.raw_header = Some(json.into());
        self
    }

    /// Uses these bytes as the payload.
    pub fn raw_payload(mut self, json: impl Into<Vec<u8>>) -> Self {
        self.raw_payload = Some(json.into());
        self
    }

    /// The current JOSE header, to be changed as text.
    pub fn header_json(&self) -> String {
        to_json(&self.header)
    }

    /// The current payload, to be changed as text.
    pub fn payload_json(&self) -> String {
        to_json(&self.payload)
    }

    /// Omits the padding, as other signers do.
    pub fn unpadded(mut self) -> Self {
        self.padded = false;
        self
    }

    /// Signs the token, valid or not.
    pub fn sign(self) -> String {
        let header = self.raw_header.clone().unwrap_or_else(|| to_json(&self.header).into_bytes());
        let payload = self.raw_payload.clone().unwrap_or_else(|| to_json(&self.payload).into_bytes());
        self.alb.key().sign(&header, &payload, self.padded).expect("a signature")
    }
}

fn set(members: &mut Members, name: &str, value: Value) {
    match members.iter_mut().find(|(held, _)| held == name) {
        Some((_, held)) => *held = value,
        None => members.push((name.to_owned(), value)),
    }
}
