//! Users that are shut out now, although load balancer and identity provider still sign them in.
//!
//! A [`DenyList`] is shared: by layers ([`AlbAuthLayer::deny_list`](crate::AlbAuthLayer::deny_list)), by the auth backend behind
//! them, and by the code that adds entries. Every request is compared with it, after the sign-in policy and before the
//! application: a fresh token, a remembered one, a sign-in from a cache, and one that has waited.
//!
//! | an entry | denies |
//! |---|---|
//! | [`Denied::subject`] | one account: issuer and `sub`, both byte for byte (but for `/` at the issuer's end) |
//! | [`Denied::user`] | users that the sign-in policy names by this entity ref; under a policy that names no users, no user |
//! | [`Denied::email`] | every user with this email, without regard to letter case, to a `+tag` and to a dot after the domain |
//!
//! | situation | result |
//! |---|---|
//! | a denied user, in required or optional mode | 403 of the kind [`Denied`](crate::AuthErrorKind::Denied); never anonymous |
//! | the entry's end is reached | the user is accepted again, without a reload |
//! | the claim `email` is not a text, and there are entries by email | 403 as well: the comparison is not possible |
//! | the system clock is before 1970 | an entry with an end denies |
//! | a file is changed | in force within 2 s: once two reads in a row, half a second apart, are the same |
//! | a file that has a line that is not an entry, or no line end at its end, or no entry, or not as many as it says, or cannot be read | the former list stays in force; a warning names file and line, once a minute |
//! | the same at the start | [`DenyList::from_file`] fails, with all lines that are wrong |
//! | a file with the line `{"entries": 0}` and no entry | no user is denied: a file is emptied on purpose only by this line |
//! | [`AlbAuthHandle::reload`](crate::AlbAuthHandle::reload) | a list of the layer stays; a list of the configuration ([`deny_list_file`](crate::AlbAuthConfigBuilder::deny_list_file)) is replaced by that of the next one |
//!
//! The comparison takes no lock and allocates nothing. It reads an immutable set, which each change replaces. For a token that is
//! remembered, that no entry names its subject and email is remembered too, until a list changes.
//!
//! # The file
//! One entry a line, as a JSON object. Empty lines and lines that begin with `#` are skipped. The last line ends with a line end,
//! so that a half-written file is noticed. With the number of entries as its first line, a file that is cut off at a line end is
//! noticed too. `until` is a time in UTC. `note` is not read.
//!
//! ```text
//! {"entries": 3}
//! # Users that are shut out, and why.
//! {"user": "user:default/jane.doe", "note": "left on Monday"}
//! {"email": "john@example.com", "until": "2026-12-01T00:00:00Z"}
//! {"issuer": "https://idp.example.com", "subject": "00u1a2b3c4"}
//! ```

#[cfg(feature = "backstage")]
mod account;
mod attached;
mod changes;
mod cleared;
mod email;
mod entry;
mod file;
mod fingerprint;
mod list;
mod set;
mod watched_file;

#[cfg(feature = "backstage")]
pub(crate) use self::account::Account;
pub(crate) use self::{
    attached::{Attached, Lists},
    cleared::Cleared,
    set::{Hit, Verdict},
};
pub use self::{entry::Denied, list::DenyList, set::DeniedUser};
#[cfg(feature = "postgres")]
pub(crate) use self::{entry::Entry, list::WeakDenyList};
