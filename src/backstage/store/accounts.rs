//! Which account became which user, for all replicas.

use std::time::SystemTime;

use super::StoreFuture;
use crate::{EntityRef, internal::Account};

/// The accounts of the users who hold a token of any replica.
pub(in crate::backstage) trait AccountStore: Send + Sync + 'static {
    /// Keeps the account of the last sign-in of this user at least until the given time.
    fn put<'a>(&'a self, user: &'a EntityRef, account: &'a Account, expires_at: SystemTime) -> StoreFuture<'a, ()>;

    /// The account of the user's last sign-in. `None` if the user has not signed in, or not since accounts are shared.
    fn find<'a>(&'a self, user: &'a EntityRef) -> StoreFuture<'a, Option<Account>>;
}
