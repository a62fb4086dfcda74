//! A place beside the claims where the deny list remembers that no entry names the user.

use std::sync::{OnceLock, atomic::AtomicU64};

use super::EntityRef;

/// What it means is up to the deny list.
#[derive(Default)]
pub(crate) struct ClearedUser {
    /// A state of the deny lists. 0: none.
    pub(crate) after: AtomicU64,
    /// The user that the sign-in policy named. If the policy names users by claims alone, then it is the user of each request
    /// with these claims.
    pub(crate) user: OnceLock<EntityRef>,
}
