//! Encrypts and authenticates what the browser stores, so that it can neither read nor change it.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey},
    error::Unspecified,
};
use serde::{Serialize, de::DeserializeOwned};

/// AES-256-GCM with a key of this run. A random 96-bit nonce is unique enough for the values of one
/// run.
pub(in crate::emulator) struct Sealer(RandomizedNonceKey);

/// What the value is used for. A value for one purpose is never accepted for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::emulator) enum Purpose {
    Session,
    State,
}

impl Purpose {
    fn name(self) -> &'static [u8] {
        match self {
            Self::Session => b"alb-emulator session",
            Self::State => b"alb-emulator state",
        }
    }
}

const NONCE_BYTES: usize = 12;

impl Sealer {
    /// # Errors
    /// The operating system provides no random bytes.
    pub(in crate::emulator) fn generate() -> Result<Self, Unspecified> {
        let mut key = [0; 32];
        aws_lc_rs::rand::fill(&mut key)?;
        Ok(Self(RandomizedNonceKey::new(&AES_256_GCM, &key)?))
    }

    pub(in crate::emulator) fn seal(&self, purpose: Purpose, value: &impl Serialize) -> Result<Vec<u8>, Unspecified> {
        let mut text = serde_json::to_vec(value).map_err(|_| Unspecified)?;
        let nonce = self.0.seal_in_place_append_tag(Aad::from(purpose.name()), &mut text)?;
        Ok([nonce.as_ref().as_slice(), &text].concat())
    }

    pub(in crate::emulator) fn open<T: DeserializeOwned>(&self, purpose: Purpose, sealed: &[u8]) -> Option<T> {
        let (nonce, text) = sealed.split_at_checked(NONCE_BYTES)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = text.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(purpose.name()), &mut text).ok()?;
        serde_json::from_slice(opened).ok()
    }
}
