//! The lists of one layer.

use std::sync::OnceLock;

use super::{
    list::DenyList,
    set::{DeniedUser, Hit},
};
#[cfg(feature = "backstage")]
use crate::identity::EntityRef;
use crate::telemetry::OncePerMinute;

/// The lists that are attached to a layer. None can be taken away while requests pass.
#[derive(Default)]
pub(crate) struct Attached {
    lists: Chain,
    warned: OncePerMinute,
}

/// A chain that only grows.
#[derive(Default)]
struct Chain(OnceLock<Box<Link>>);

struct Link {
    list: DenyList,
    next: Chain,
}

impl Attached {
    /// Adds a list, unless it is attached already.
    pub(crate) fn add(&self, list: &DenyList) {
        self.lists.add(list);
    }

    /// The first list. Without a list, an empty one is attached.
    pub(crate) fn first(&self) -> &DenyList {
        &self.lists.0.get_or_init(|| Link::new(DenyList::new())).list
    }

    /// The entry of any list that denies this user.
    #[inline]
    pub(crate) fn find(&self, user: DeniedUser<'_>, now: impl Fn() -> Option<u64>) -> Option<Hit> {
        self.lists.iter().find_map(|list| list.published().load().find(user, &now))
    }

    /// The entry of any list that denies this entity ref.
    #[cfg(feature = "backstage")]
    pub(crate) fn find_user(&self, user: &EntityRef, now: Option<u64>) -> Option<Hit> {
        self.lists.iter().find_map(|list| list.published().load().find_user(user, now))
    }

    /// Whether a list has entries by email.
    #[inline]
    pub(crate) fn names_emails(&self) -> bool {
        self.lists.iter().any(|list| list.published().load().names_emails())
    }

    /// The entry by email of any list that denies this address, whichever claim it is from.
    pub(crate) fn find_address(&self, address: &str, now: Option<u64>) -> Option<Hit> {
        self.lists.iter().find_map(|list| list.published().load().find_address(address, now))
    }

    /// Logs that entries by entity ref have no effect on a user without one, once a minute.
    #[cold]
    pub(crate) fn warn_of_unnamed_user(&self) {
        if self.lists.iter().any(|list| list.published().load().names_users()) && self.warned.is_due() {
            tracing::warn!(
                target: "tower_alb_auth",
                "the deny list has entries by entity ref, and the sign-in policy names no users, so they deny none of its users: \
                 write entries by subject or by email"
            );
        }
    }
}

impl Chain {
    fn add(&self, list: &DenyList) {
        let link = self.0.get_or_init(|| Link::new(list.clone()));
        if !link.list.is(list) {
            link.next.add(list);
        }
    }

    #[inline]
    fn iter(&self) -> impl Iterator<Item = &DenyList> {
        std::iter::successors(self.0.get(), |link| link.next.0.get()).map(|link| &link.list)
    }
}

impl Link {
    fn new(list: DenyList) -> Box<Self> {
        Box::new(Self { list, next: Chain::default() })
    }
}
