//! What replicas share: the public keys that verify tokens, and the responses of `/v1/userinfo`.
//!
//! A store never gets a private key. Each replica signs with its own keys, and a token verifies
//! everywhere because every replica publishes the keys of all replicas.

mod accounts;
mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;

use std::{error::Error, fmt, pin::Pin, sync::Arc, time::SystemTime};

pub(in crate::backstage) use self::accounts::AccountStore;
pub use self::memory::{MemoryPublicKeys, MemoryUserInfo};
use super::PublicJwk;
use crate::EntityRef;

/// The future of a store's operation.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A public key and the time of its publication.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoredKey {
    /// The key.
    pub key: PublicJwk,
    /// When it was published.
    pub created_at: SystemTime,
    /// When it may be dropped, if the store records that.
    pub expires_at: Option<SystemTime>,
}

impl StoredKey {
    /// A stored key.
    pub fn new(key: PublicJwk, created_at: SystemTime, expires_at: Option<SystemTime>) -> Self {
        Self { key, created_at, expires_at }
    }
}

/// The public keys that all replicas publish.
pub trait PublicKeyStore: Send + Sync + 'static {
    /// Adds a key. Once this completes, every replica's [`list`](Self::list) includes it; no token
    /// is signed before.
    ///
    /// If the same key exists already, its creation time is updated, so that a key that is used for
    /// long is not removed as an old one. If another key has the same kid, this is an error, and
    /// that key stays.
    fn publish(&self, key: StoredKey) -> StoreFuture<'_, ()>;

    /// All keys. A row that is not a valid public key, or that has a private member, is left out
    /// and reported in the log without its contents.
    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>>;

    /// Removes the keys with these ids. An unknown id is not an error.
    fn remove(&self, kids: Vec<String>) -> StoreFuture<'_, ()>;

    /// Sets the creation time of the keys with these ids. A key that does not exist is not created, and
    /// is not an error.
    ///
    /// For a store in which others remove keys by their age, as stock replicas of Backstage do. Default:
    /// does nothing.
    fn renew(&self, _kids: Vec<String>, _created_at: SystemTime) -> StoreFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    /// Whether another process that publishes keys may use the store now. If not, a process is ready as
    /// soon as its first key is published. Default: `true`.
    fn has_other_processes(&self) -> StoreFuture<'_, bool> {
        Box::pin(async { Ok(true) })
    }
}

/// What `/v1/userinfo` returns about users who hold a token.
pub trait UserInfoStore: Send + Sync + 'static {
    /// Stores the user's data, replacing earlier data, at least until the given time.
    fn put(&self, info: UserInfo, expires_at: SystemTime) -> StoreFuture<'_, ()>;

    /// The last stored data of this user, given in the full form `user:default/jane`.
    fn find<'a>(&'a self, user_entity_ref: &'a str) -> StoreFuture<'a, Option<UserInfo>>;
}

/// A user and the user's ownership entity refs, the user's own ref first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserInfo {
    /// The user.
    pub user_entity_ref: EntityRef,
    /// The user's own ref, then the groups.
    pub ownership_entity_refs: Arc<[EntityRef]>,
}

impl UserInfo {
    /// A user with these ownership refs.
    pub fn new(user_entity_ref: EntityRef, ownership_entity_refs: impl Into<Arc<[EntityRef]>>) -> Self {
        Self { user_entity_ref, ownership_entity_refs: ownership_entity_refs.into() }
    }
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The store is out of reach, or refuses the operation.
    Store,
    /// A time of the operation cannot be written: the system clock is wrong, and not the store.
    Clock,
    /// The store was not queried, because too many queries were caused by clients.
    Throttled,
}

/// Why a store failed. The message is for the operator's log; the client gets 503.
#[derive(Debug, Clone)]
pub struct StoreError {
    kind: StoreErrorKind,
    message: Arc<str>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl StoreError {
    /// A failure of the store. The message names what failed and what to check. It must not contain an email, a token or a
    /// password.
    pub fn new(message: impl Into<String>) -> Self {
        Self::of(StoreErrorKind::Store, message)
    }

    /// A time that cannot be written, with a message as that of [`new`](Self::new).
    pub fn clock(message: impl Into<String>) -> Self {
        Self::of(StoreErrorKind::Clock, message)
    }

    pub(super) fn throttled(message: impl Into<String>) -> Self {
        Self::of(StoreErrorKind::Throttled, message)
    }

    fn of(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into().into(), source: None }
    }

    /// Whether the store failed or the clock, or no query was sent.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Sets the error behind it, which [`Error::source`] returns. The message is logged without it, and errors are compared
    /// without it. It must not contain a row of a table either.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl PartialEq for StoreError {
    fn eq(&self, other: &Self) -> bool {
        (self.kind, &self.message) == (other.kind, &other.message)
    }
}

impl Eq for StoreError {}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
