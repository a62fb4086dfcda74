//! Stores in the memory of one process.

use std::{
    collections::HashMap,
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{PublicKeyStore, StoreError, StoreFuture, StoredKey, UserInfo, UserInfoStore};
use crate::internal::Mutex;

/// Maximum lifetime of a user token, Backstage's limit. So the end of a newly issued token is at
/// most this far ahead.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Maximum number of users. The user whose sign-in is the oldest is dropped first.
const MAX_USERS: usize = 100_000;

/// Public keys of this process only, for one replica. Clones share their content.
///
/// Keys are dropped when the issuer removes them, and when another key is published after they have
/// expired.
#[derive(Debug, Clone, Default)]
pub struct MemoryPublicKeys(Arc<Mutex<Vec<StoredKey>>>);

impl MemoryPublicKeys {
    fn add(&self, key: StoredKey) -> Result<(), StoreError> {
        let mut keys = self.0.lock();
        keys.retain(|held| held.expires_at.is_none_or(|end| end > key.created_at));
        match keys.iter_mut().find(|held| held.key.kid() == key.key.kid()) {
            Some(held) if held.key != key.key => {
                return Err(StoreError::new("another public key has this kid: give the new key another kid"));
            }
            Some(held) => *held = key,
            None => keys.push(key),
        }
        Ok(())
    }
}

impl PublicKeyStore for MemoryPublicKeys {
    fn publish(&self, key: StoredKey) -> StoreFuture<'_, ()> {
        let added = self.add(key);
        Box::pin(async { added })
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        let keys = self.0.lock().clone();
        Box::pin(async { Ok(keys) })
    }

    fn remove(&self, kids: Vec<String>) -> StoreFuture<'_, ()> {
        self.0.lock().retain(|held| !kids.iter().any(|kid| kid == held.key.kid()));
        Box::pin(async { Ok(()) })
    }
}

/// Responses of `/v1/userinfo` of this process only, for one replica. Clones share their content.
///
/// Users who signed in more than two days ago are dropped, and so is the oldest sign-in if there
/// are 100,000 users.
#[derive(Clone, Default)]
pub struct MemoryUserInfo(Arc<Mutex<Users>>);

#[derive(Default)]
struct Users {
    kept: HashMap<String, (UserInfo, SystemTime)>,
    /// How many users were left after the last cleanup.
    after_clearing: usize,
}

impl Users {
    /// Cleans up when the count has doubled, so that the cost per sign-in is negligible. It needs
    /// no clock, because a newly issued token expires within a day.
    fn clear(&mut self, newest_end: SystemTime) {
        if self.kept.len() < MAX_USERS && self.kept.len() < self.after_clearing.saturating_mul(2).max(64) {
            return;
        }
        if let Some(now_or_before) = newest_end.checked_sub(MAX_LIFETIME) {
            self.kept.retain(|_, (_, end)| *end > now_or_before);
        }
        if self.kept.len() >= MAX_USERS {
            let mut ends: Vec<SystemTime> = self.kept.values().map(|(_, end)| *end).collect();
            ends.sort_unstable();
            let median = ends.get(MAX_USERS / 2).copied().unwrap_or(newest_end);
            self.kept.retain(|_, (_, end)| *end > median);
        }
        self.after_clearing = self.kept.len();
    }
}

impl UserInfoStore for MemoryUserInfo {
    fn put(&self, info: UserInfo, expires_at: SystemTime) -> StoreFuture<'_, ()> {
        let mut users = self.0.lock();
        users.clear(expires_at);
        users.kept.insert(info.user_entity_ref.as_str().to_owned(), (info, expires_at));
        Box::pin(async { Ok(()) })
    }

    fn find<'a>(&'a self, user_entity_ref: &'a str) -> StoreFuture<'a, Option<UserInfo>> {
        let found = self.0.lock().kept.get(user_entity_ref).map(|(info, _)| info.clone());
        Box::pin(async { Ok(found) })
    }
}

impl fmt::Debug for MemoryUserInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryUserInfo").field("users", &self.0.lock().kept.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    async fn sign_in(store: &MemoryUserInfo, name: &str, expires_at: SystemTime) {
        let user: crate::EntityRef = format!("user:default/{name}").parse().unwrap();
        store.put(UserInfo::new(user.clone(), [user]), expires_at).await.unwrap();
    }

    #[tokio::test]
    async fn old_sign_ins_are_dropped_but_never_while_the_token_is_valid() {
        let (store, start) = (MemoryUserInfo::default(), SystemTime::now());
        // One a minute for twelve days: tokens live for an hour.
        let minutes = 12 * 24 * 60;
        for minute in 0..minutes {
            sign_in(&store, &format!("u{minute}"), start + MINUTE * (minute + 60)).await;
        }
        let kept = store.0.lock().kept.len();
        assert!(kept <= 2 * 24 * 60 + 120, "{kept}");
        for minute in minutes - 60..minutes {
            assert!(store.find(&format!("user:default/u{minute}")).await.unwrap().is_some(), "u{minute}");
        }
        assert!(store.find("user:default/u0").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn users_are_bounded_in_number() {
        let (store, start) = (MemoryUserInfo::default(), SystemTime::now());
        for user in 0..150_000_u32 {
            sign_in(&store, &format!("u{user}"), start + Duration::from_millis(user.into())).await;
        }
        assert!(store.0.lock().kept.len() <= MAX_USERS);
        assert!(store.find("user:default/u149999").await.unwrap().is_some());
    }
}
