//! The immutable set of all entries, and the comparison of a user with it.

use std::{collections::HashMap, sync::Arc};

use smallvec::SmallVec;

use super::{
    email::{folded, is_folded_to},
    entry::{Entry, Who, issuer_of},
    fingerprint::Fingerprint,
};
use crate::identity::{BackstageIdentity, Claims, EntityRef};

/// Bits of the filter for each entry: one user of 64 without an entry is looked up for nothing.
const BITS_PER_ENTRY: usize = 64;

/// A user who is compared with the list: an identity, or claims alone.
#[derive(Debug, Clone, Copy)]
pub struct DeniedUser<'a> {
    pub(crate) claims: &'a Claims,
    pub(crate) user: Option<&'a EntityRef>,
}

impl<'a> From<&'a BackstageIdentity> for DeniedUser<'a> {
    fn from(identity: &'a BackstageIdentity) -> Self {
        Self { claims: identity.claims(), user: Some(identity.user_entity_ref()) }
    }
}

impl<'a> From<&'a Claims> for DeniedUser<'a> {
    fn from(claims: &'a Claims) -> Self {
        Self { claims, user: None }
    }
}

/// Why a user is denied.
#[derive(Debug, Clone)]
pub(crate) enum Hit {
    Entry {
        by: &'static str,
        place: Arc<str>,
    },
    /// There are entries by email, and the claim is this instead of a text.
    EmailIsNotText(&'static str),
    /// The claim with the address by which the sign-in policy names users cannot be read: why.
    AddressIsUnread(Arc<str>),
}

impl Hit {
    /// For the operator: names the entry and never the user.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Entry { by, place } => format!("the entry {place} names the user by {by}"),
            Self::EmailIsNotText(found) => format!(
                "the list has entries by email, and the claim email is {found}, not a text, so it cannot be compared: let the \
                 provider send a text or no email"
            ),
            Self::AddressIsUnread(why) => {
                format!("the list has entries by email, and the address of the user cannot be compared: {why}")
            }
        }
    }
}

/// What the entries say of a user.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// No entry names the user.
    Clear,
    /// An entry names the user, and its end is reached.
    Ended,
    Denied(Hit),
}

impl Verdict {
    /// The strictest of them.
    #[inline]
    pub(super) fn of(verdicts: impl Iterator<Item = Self>) -> Self {
        let mut strictest = Self::Clear;
        for verdict in verdicts {
            strictest = strictest.or_else(|| verdict);
        }
        strictest
    }

    /// The stricter of the two. The second one is not made if the first one denies.
    #[inline]
    pub(crate) fn or_else(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Clear => other(),
            Self::Ended => match other() {
                Self::Denied(hit) => Self::Denied(hit),
                Self::Clear | Self::Ended => Self::Ended,
            },
            Self::Denied(hit) => Self::Denied(hit),
        }
    }

    pub(crate) fn into_hit(self) -> Option<Hit> {
        match self {
            Self::Denied(hit) => Some(hit),
            Self::Clear | Self::Ended => None,
        }
    }
}

#[derive(Default)]
pub(super) struct Set {
    len: usize,
    by_subject: bool,
    by_user: bool,
    by_email: bool,
    /// A bit is set at the fingerprint of each entry.
    filter: Box<[u64]>,
    /// The number of bits, minus one.
    mask: u64,
    entries: HashMap<Fingerprint, SmallVec<[Entry; 1]>>,
}

impl Set {
    pub(super) fn of<'e>(entries: impl Iterator<Item = &'e Entry>) -> Self {
        let mut set = Self::default();
        for entry in entries {
            match entry.denied.who {
                Who::Subject { .. } => set.by_subject = true,
                Who::User(_) => set.by_user = true,
                Who::Email(_) => set.by_email = true,
            }
            set.len = set.len.saturating_add(1);
            set.entries.entry(entry.denied.fingerprint()).or_default().push(entry.clone());
        }
        let bits = set.len.saturating_mul(BITS_PER_ENTRY).next_power_of_two().max(64);
        set.mask = u64::try_from(bits).unwrap_or(u64::MAX).saturating_sub(1);
        set.filter = vec![0; bits >> 6].into();
        for fingerprint in set.entries.keys() {
            let (word, bit) = place(*fingerprint, set.mask);
            if let Some(word) = set.filter.get_mut(word) {
                *word |= bit;
            }
        }
        set
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Whether there are entries by entity ref.
    pub(super) fn names_users(&self) -> bool {
        self.by_user
    }

    /// Whether there are entries that an entity ref cannot be compared with.
    #[cfg(feature = "backstage")]
    pub(super) fn names_accounts(&self) -> bool {
        self.by_subject || self.by_email
    }

    pub(super) fn names_emails(&self) -> bool {
        self.by_email
    }

    /// What the entries say of this user. The time is read only if one may name the user.
    #[inline]
    pub(super) fn find(&self, user: DeniedUser<'_>, now: impl FnOnce() -> Option<u64>) -> Verdict {
        if self.may_have(user) { self.find_exactly(user, now()) } else { Verdict::Clear }
    }

    /// What the entries say of this entity ref.
    #[inline]
    pub(super) fn find_user(&self, user: &EntityRef, now: impl FnOnce() -> Option<u64>) -> Verdict {
        let fingerprint = Fingerprint::of_user(user);
        if !self.by_user || !self.has_bit(fingerprint) {
            return Verdict::Clear;
        }
        self.verdict(fingerprint, now(), |who| matches!(who, Who::User(denied) if denied == user))
    }

    /// What the entries by subject and email say of this account.
    #[cfg(feature = "backstage")]
    pub(super) fn find_account(&self, account: &super::Account, now: Option<u64>) -> Verdict {
        self.find_subject(&account.issuer, &account.subject, now).or_else(|| match &account.emails {
            None if self.by_email => {
                Verdict::Denied(Hit::AddressIsUnread("it could not be read at the last sign-in".into()))
            }
            emails => Verdict::of(emails.iter().flatten().map(|email| self.find_address(email, || now))),
        })
    }

    #[inline]
    fn may_have(&self, DeniedUser { claims, user }: DeniedUser<'_>) -> bool {
        (self.by_subject && self.has_bit(Fingerprint::of_subject(claims.subject())))
            || (self.by_user && user.is_some_and(|user| self.has_bit(Fingerprint::of_user(user))))
            || (self.by_email
                && claims.email().map_or_else(
                    || claims.email_text().is_err(),
                    |email| Fingerprint::of_email_claim(email).is_none_or(|fingerprint| self.has_bit(fingerprint)),
                ))
    }

    #[inline]
    fn has_bit(&self, fingerprint: Fingerprint) -> bool {
        let (word, bit) = place(fingerprint, self.mask);
        self.filter.get(word).is_some_and(|word| word & bit != 0)
    }

    #[cold]
    fn find_exactly(&self, DeniedUser { claims, user }: DeniedUser<'_>, now: Option<u64>) -> Verdict {
        self.find_subject(claims.issuer(), claims.subject(), now)
            .or_else(|| user.map_or(Verdict::Clear, |user| self.find_user(user, || now)))
            .or_else(|| if self.by_email { self.find_email(claims, now) } else { Verdict::Clear })
    }

    fn find_subject(&self, issuer: &str, subject: &str, now: Option<u64>) -> Verdict {
        let issuer = issuer_of(issuer);
        let is_account =
            |who: &Who| matches!(who, Who::Subject { issuer: i, subject: s } if **i == *issuer && **s == *subject);
        self.verdict(Fingerprint::of_subject(subject), now, is_account)
    }

    fn find_email(&self, claims: &Claims, now: Option<u64>) -> Verdict {
        match claims.email_text() {
            Ok(None) => Verdict::Clear,
            Ok(Some(email)) => self.find_address(email, || now),
            Err(_) => Verdict::Denied(Hit::EmailIsNotText(claims.kind("email").unwrap_or("unreadable"))),
        }
    }

    /// What the entries by email say of this address, whichever claim it is from.
    pub(super) fn find_address(&self, email: &str, now: impl FnOnce() -> Option<u64>) -> Verdict {
        let fingerprint =
            Fingerprint::of_email_claim(email).or_else(|| folded(email).map(|folded| Fingerprint::of_email(&folded)));
        match fingerprint.filter(|fingerprint| self.by_email && self.has_bit(*fingerprint)) {
            Some(fingerprint) => {
                let is_user = |who: &Who| matches!(who, Who::Email(denied) if is_folded_to(email, denied));
                self.verdict(fingerprint, now(), is_user)
            }
            None => Verdict::Clear,
        }
    }

    fn verdict(&self, fingerprint: Fingerprint, now: Option<u64>, is_user: impl Fn(&Who) -> bool) -> Verdict {
        let entries = self.entries.get(&fingerprint).into_iter().flatten();
        let mut named = entries.filter(|entry| is_user(&entry.denied.who)).peekable();
        let is_named = named.peek().is_some();
        match named.find(|entry| entry.denied.is_in_force(now)) {
            Some(entry) => Verdict::Denied(Hit::Entry { by: entry.denied.by(), place: Arc::clone(&entry.place) }),
            None if is_named => Verdict::Ended,
            None => Verdict::Clear,
        }
    }
}

/// The word of the filter and the bit in it.
#[inline]
fn place(fingerprint: Fingerprint, mask: u64) -> (usize, u64) {
    let index = fingerprint.below(mask);
    (usize::try_from(index >> 6).unwrap_or(usize::MAX), 1_u64.wrapping_shl((index & 63) as u32))
}
