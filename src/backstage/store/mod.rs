//! What replicas share: the public keys that tokens verify by, and the answers of `/v1/userinfo`.
//!
//! No private key is ever given to a store. Each replica signs by keys of its own, and a token verifies everywhere because
//! every replica publishes what all of them have stored.

mod memory;
#[cfg(feature = "postgres")]
pub mod postgres;

use std::{fmt, pin::Pin, sync::Arc, time::SystemTime};

pub use self::memory::{MemoryPublicKeys, MemoryUserInfo};
#[cfg(feature = "postgres")]
pub use self::postgres::Postgres;
use super::PublicJwk;
use crate::EntityRef;

/// An answer of a store.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// A public key and since when it is there.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StoredKey {
    /// The key.
    pub key: PublicJwk,
    /// When it was published.
    pub created_at: SystemTime,
    /// When it may be forgotten, where the store keeps that.
    pub expires_at: Option<SystemTime>,
}

impl StoredKey {
    /// A key that is published now.
    pub fn new(key: PublicJwk, created_at: SystemTime, expires_at: Option<SystemTime>) -> Self {
        Self { key, created_at, expires_at }
    }
}

/// Public keys that all replicas publish.
pub trait PublicKeyStore: Send + Sync + 'static {
    /// Adds a key. Once this is done every replica's [`list`](Self::list) has it: no token is signed before.
    ///
    /// The same key may be there already: it is then as old as this says, which keeps a key that is used for long from being
    /// removed as an old one. Another key under the same kid is an error, and stays.
    fn publish(&self, key: StoredKey) -> StoreFuture<'_, ()>;

    /// All keys. A row that is no public key is none, a row with a private member least of all: the store leaves it out and
    /// reports it in the log, without its contents.
    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>>;

    /// Forgets the keys of these ids. One that is not there is no error.
    fn remove(&self, kids: Vec<String>) -> StoreFuture<'_, ()>;
}

/// What `/v1/userinfo` says of users who hold a token.
pub trait UserInfoStore: Send + Sync + 'static {
    /// Keeps what is known of a user, in place of what was known before, until then at least.
    fn put(&self, info: UserInfo, expires_at: SystemTime) -> StoreFuture<'_, ()>;

    /// What was kept last of this user, in its full form `user:default/jane`.
    fn find<'a>(&'a self, user_entity_ref: &'a str) -> StoreFuture<'a, Option<UserInfo>>;
}

/// A user and the entities that the user owns for, the own ref first.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UserInfo {
    /// Who that is.
    pub user_entity_ref: EntityRef,
    /// The user's own ref, then groups.
    pub ownership_entity_refs: Arc<[EntityRef]>,
}

impl UserInfo {
    /// This user, who owns for these.
    pub fn new(user_entity_ref: EntityRef, ownership_entity_refs: impl Into<Arc<[EntityRef]>>) -> Self {
        Self { user_entity_ref, ownership_entity_refs: ownership_entity_refs.into() }
    }
}

/// Why a store gives no answer. The message is for the operator's log; what asked is answered 503.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreError {
    message: Arc<str>,
}

impl StoreError {
    /// With this sentence: what failed, and what to look at. Never with an email, a token or a password.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into().into() }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StoreError {}
