//! Where private keys come from, as a seam: made here, or read from files. What a source says is carried out by the
//! [`KeyRing`](super::KeyRing), which does the talking to the store.

use std::sync::Arc;

use super::schedule::Timestamp;
use crate::backstage::{
    PublicJwk,
    issuer::{signing_key::SigningKey, signing_keys::Entry},
    store::{StoreError, StoredKey},
};

/// Private keys and when each of them signs.
pub(super) trait KeySource: Send {
    /// The key that signs now. It is published.
    fn signer(&mut self, now: Timestamp) -> Option<Arc<SigningKey>>;

    /// Whether [`publication`](Self::publication) has one.
    fn is_due(&mut self, now: Timestamp) -> bool;

    /// The public key that is to be published now, until it is told to be.
    fn publication(&mut self, now: Timestamp) -> Result<Option<StoredKey>, StoreError>;

    /// The store has it.
    fn published(&mut self, kid: &str, now: Timestamp);

    /// Public keys that are listed, whatever the store says.
    fn listed(&mut self, now: Timestamp) -> Vec<PublicJwk>;

    /// Other files have been read: whether that changes anything, or why it must not. A source that has none of files stays
    /// as it is.
    fn replace(&mut self, _keys: Vec<Entry>, _now: Timestamp) -> Result<bool, String> {
        Ok(false)
    }
}
