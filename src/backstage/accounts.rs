//! Which account became which user, for users who hold a token of this process.
//!
//! A Backstage token names its user by entity ref alone. An entry of a deny list by subject or email is compared with the claims of
//! the user's last sign-in here. Entries by entity ref need no memory.

use crate::{
    Claims, EntityRef,
    internal::{BoundedCache, HeapSize},
};

const MAX_USERS: usize = 10_000;
const MAX_BYTES: usize = 32 * 1024 * 1024;

pub(super) struct Accounts(Option<BoundedCache<User, Account>>);

#[derive(PartialEq, Eq, Hash)]
struct User(Box<str>);

#[derive(Clone)]
struct Account(Claims);

impl Accounts {
    pub(super) fn new() -> Self {
        Self(BoundedCache::new(MAX_USERS, MAX_BYTES))
    }

    pub(super) fn remember(&self, user: &EntityRef, claims: &Claims) {
        if let Some(accounts) = &self.0 {
            accounts.insert(User(user.as_str().into()), Account(claims.clone()));
        }
    }

    pub(super) fn find(&self, user: &EntityRef) -> Option<Claims> {
        let account = self.0.as_ref()?.find(&User(user.as_str().into()))?;
        Some(account.0)
    }
}

impl HeapSize for User {
    fn heap_size(&self) -> usize {
        self.0.len()
    }
}

impl HeapSize for Account {
    fn heap_size(&self) -> usize {
        self.0.weight()
    }
}
