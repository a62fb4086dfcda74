//! The lists that a decision is compared with: those of one layer, and that of its configuration.

use std::sync::OnceLock;

use super::{
    cleared::{self, Before, Cleared},
    list::DenyList,
    set::{DeniedUser, Verdict},
};
#[cfg(feature = "backstage")]
use crate::identity::EntityRef;
use crate::telemetry::{OncePerMinute, audit::AuditTrail};

/// The lists that are attached to a layer. None can be taken away while requests pass.
#[derive(Default)]
pub(crate) struct Attached {
    lists: Chain,
    warned: OncePerMinute,
    audit: OnceLock<AuditTrail>,
}

/// A chain that only grows.
#[derive(Default)]
struct Chain(OnceLock<Box<Link>>);

struct Link {
    list: DenyList,
    next: Chain,
}

/// The lists of a layer, and that of a configuration.
#[derive(Clone, Copy)]
pub(crate) struct Lists<'a> {
    attached: &'a Attached,
    configured: Option<&'a DenyList>,
}

impl Attached {
    /// Adds a list, unless it is attached already.
    pub(crate) fn add(&self, list: &DenyList) {
        self.lists.add(list);
        if let Some(trail) = self.audit.get() {
            list.set_audit(trail);
        }
        cleared::changed();
    }

    /// The first list. Without a list, an empty one is attached.
    pub(crate) fn first(&self) -> &DenyList {
        let list = &self.lists.0.get_or_init(|| Link::new(DenyList::new())).list;
        if let Some(trail) = self.audit.get() {
            list.set_audit(trail);
        }
        list
    }

    /// Records changes of all lists, also of those that are attached later. The first trail counts.
    pub(crate) fn set_audit(&self, trail: &AuditTrail) {
        let trail = self.audit.get_or_init(|| trail.clone());
        self.lists.iter().for_each(|list| list.set_audit(trail));
    }

    pub(crate) fn with<'a>(&'a self, configured: Option<&'a DenyList>) -> Lists<'a> {
        Lists { attached: self, configured }
    }
}

impl<'a> Lists<'a> {
    /// Whether there is no list.
    #[inline]
    pub(crate) fn are_none(&self) -> bool {
        self.configured.is_none() && self.attached.lists.0.get().is_none()
    }

    #[inline]
    fn iter(self) -> impl Iterator<Item = &'a DenyList> {
        self.attached.lists.iter().chain(self.configured)
    }

    /// As [`find`](Self::find), and what it finds is remembered for the same claims.
    #[inline]
    pub(crate) fn find_once(
        self,
        user: DeniedUser<'_>,
        remembered: Cleared<'_>,
        now: impl Fn() -> Option<u64>,
        by_address: impl FnOnce() -> Verdict,
    ) -> Verdict {
        let before = Before::now();
        if remembered.covers(user.user, before) {
            return Verdict::Clear;
        }
        self.find_and_remember(user, remembered, before, now, by_address)
    }

    #[inline(never)]
    fn find_and_remember(
        self,
        user: DeniedUser<'_>,
        remembered: Cleared<'_>,
        before: Before,
        now: impl Fn() -> Option<u64>,
        by_address: impl FnOnce() -> Verdict,
    ) -> Verdict {
        let verdict = self.find(user, now).or_else(by_address);
        // An entry that has ended names the user again if the clock is set back.
        if let Verdict::Clear = verdict {
            remembered.set(user.user, before);
        }
        verdict
    }

    /// What all lists say of this user.
    #[inline]
    pub(crate) fn find(self, user: DeniedUser<'_>, now: impl Fn() -> Option<u64>) -> Verdict {
        Verdict::of(self.iter().map(|list| list.published().load().find(user, &now)))
    }

    /// What all lists say of this entity ref.
    #[cfg(feature = "backstage")]
    #[inline]
    pub(crate) fn find_user(self, user: &EntityRef, now: impl Fn() -> Option<u64>) -> Verdict {
        Verdict::of(self.iter().map(|list| list.published().load().find_user(user, &now)))
    }

    /// Whether a list has entries by subject or email.
    #[cfg(feature = "backstage")]
    pub(crate) fn name_accounts(self) -> bool {
        self.iter().any(|list| list.published().load().names_accounts())
    }

    /// What all lists say of this account.
    #[cfg(feature = "backstage")]
    pub(crate) fn find_account(self, account: &super::Account, now: Option<u64>) -> Verdict {
        Verdict::of(self.iter().map(|list| list.published().load().find_account(account, now)))
    }

    /// Whether a list has entries by email.
    #[inline]
    pub(crate) fn names_emails(self) -> bool {
        self.iter().any(|list| list.published().load().names_emails())
    }

    /// What all lists say of this address, whichever claim it is from.
    pub(crate) fn find_address(self, address: &str, now: impl Fn() -> Option<u64>) -> Verdict {
        Verdict::of(self.iter().map(|list| list.published().load().find_address(address, &now)))
    }

    /// Logs that entries by entity ref have no effect on a user without one, once a minute.
    #[cold]
    pub(crate) fn warn_of_unnamed_user(self) {
        if self.iter().any(|list| list.published().load().names_users()) && self.attached.warned.is_due() {
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
