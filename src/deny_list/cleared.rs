//! What is remembered about a user whom no list names, so that a request with a remembered token need not be compared again.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::identity::{Claims, ClearedUser, EntityRef};

/// Counts the changes of all lists of the process. Every list counts here, so that one number shows that none has changed.
static CHANGES: AtomicU64 = AtomicU64::new(1);

/// A list has changed, or was attached. Called after the change is visible.
pub(super) fn changed() {
    CHANGES.fetch_add(1, Ordering::SeqCst);
}

/// After how many changes no entry named the user of a token, whatever the time: by subject, email or, of the first user whom the
/// sign-in policy named for it, entity ref. It is kept with the claims of one token, and is used by the layer alone that verified the
/// token.
#[derive(Clone, Copy)]
pub(crate) struct Cleared<'a>(&'a ClearedUser);

/// The state of all lists, taken before they are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Before(u64);

impl Before {
    #[inline]
    pub(super) fn now() -> Self {
        Self(CHANGES.load(Ordering::SeqCst))
    }

    /// As it is kept. A comparison without an entity ref says nothing about one.
    #[inline]
    fn kept(self, with_user: bool) -> u64 {
        self.0.wrapping_shl(1) | u64::from(with_user)
    }
}

impl<'a> Cleared<'a> {
    #[inline]
    pub(crate) fn of(claims: &'a Claims) -> Self {
        Self(claims.cleared())
    }

    /// Whether no entry names the user. False if that is not known.
    #[inline]
    pub(super) fn covers(self, user: Option<&EntityRef>, now: Before) -> bool {
        let held = self.0.after.load(Ordering::Relaxed);
        match user {
            Some(user) => held == now.kept(true) && self.0.user.get().is_some_and(|held| held == user),
            None => held >> 1 == now.0,
        }
    }

    /// No entry named the user in a comparison that began at `before`. Not kept for another user than the first one: the policy names
    /// users of its own choice for the same claims.
    pub(super) fn set(self, user: Option<&EntityRef>, before: Before) {
        if user.is_none_or(|user| self.0.user.get_or_init(|| user.clone()) == user) {
            self.0.after.store(before.kept(user.is_some()), Ordering::Relaxed);
        }
    }
}
