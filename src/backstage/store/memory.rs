//! Stores of one process.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use super::{PublicKeyStore, StoreFuture, StoredKey, UserInfo, UserInfoStore};

/// Public keys of this process alone: right for one replica. A clone is the same store.
#[derive(Debug, Clone, Default)]
pub struct MemoryPublicKeys(Arc<Mutex<Vec<StoredKey>>>);

impl PublicKeyStore for MemoryPublicKeys {
    fn publish(&self, key: StoredKey) -> StoreFuture<'_, ()> {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|held| held.key.kid() != key.key.kid());
        keys.push(key);
        Box::pin(async { Ok(()) })
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Box::pin(async { Ok(keys) })
    }

    fn remove(&self, kids: Vec<String>) -> StoreFuture<'_, ()> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .retain(|held| !kids.iter().any(|kid| kid == held.key.kid()));
        Box::pin(async { Ok(()) })
    }
}

/// Answers of `/v1/userinfo` of this process alone: right for one replica. A clone is the same store.
#[derive(Clone, Default)]
pub struct MemoryUserInfo(Arc<Mutex<HashMap<String, (UserInfo, SystemTime)>>>);

impl UserInfoStore for MemoryUserInfo {
    fn put(&self, info: UserInfo, expires_at: SystemTime) -> StoreFuture<'_, ()> {
        let mut users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        users.insert(info.user_entity_ref.as_str().to_owned(), (info, expires_at));
        Box::pin(async { Ok(()) })
    }

    fn find<'a>(&'a self, user_entity_ref: &'a str) -> StoreFuture<'a, Option<UserInfo>> {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = users.get(user_entity_ref).map(|(info, _)| info.clone());
        Box::pin(async { Ok(found) })
    }
}

impl fmt::Debug for MemoryUserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        f.debug_struct("MemoryUserInfo").field("users", &users.len()).finish()
    }
}
