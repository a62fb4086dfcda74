//! The source of private keys: generated here, or read from files. The [`KeyRing`](super::KeyRing)
//! executes what a source requests, and communicates with the store.

use std::sync::Arc;

use super::schedule::Timestamp;
use crate::backstage::{
    PublicJwk,
    issuer::{error::IssueError, signing_key::SigningKey, signing_keys::Entry},
    store::StoredKey,
};

/// Private keys, and when each of them signs.
pub(super) trait KeySource: Send {
    /// The key that signs now. It is published.
    fn signer(&mut self, now: Timestamp) -> Option<Arc<SigningKey>>;

    /// Whether [`publication`](Self::publication) has one.
    fn is_due(&mut self, now: Timestamp) -> bool;

    /// The public key to publish now; the same one until it is published.
    fn publication(&mut self, now: Timestamp) -> Result<Option<StoredKey>, IssueError>;

    /// The key was published.
    fn published(&mut self, kid: &str, now: Timestamp);

    /// Public keys that are listed independently of the store.
    fn listed(&mut self, now: Timestamp) -> Vec<PublicJwk>;

    /// The ids of keys that have signed, and sign no more since the last call.
    fn take_retired(&mut self) -> Vec<String>;

    /// Replaces the keys after files were read again. Returns whether that changed anything, or why
    /// it is not allowed. A source without files ignores it.
    fn replace(&mut self, _keys: Vec<Entry>, _now: Timestamp) -> Result<bool, String> {
        Ok(false)
    }
}
