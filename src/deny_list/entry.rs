//! An entry: who is denied, until when, and where that is written.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{email::folded, fingerprint::Fingerprint};
use crate::{
    identity::{EntityRef, EntityRefError},
    settings::{ConfigError, Problem},
};

/// A user who is shut out, for good or until a time.
#[derive(Clone, PartialEq, Eq)]
pub struct Denied {
    pub(super) who: Who,
    until: Option<SystemTime>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// The issuer is without `/` at its end.
    Subject {
        issuer: Box<str>,
        subject: Box<str>,
    },
    User(EntityRef),
    /// As [`folded`] makes it.
    Email(Box<str>),
}

impl Denied {
    /// The account with this `sub` at this issuer: the entry that a user cannot evade by a new name or address.
    ///
    /// # Errors
    /// Issuer or subject is empty.
    pub fn subject(issuer: &str, subject: &str) -> Result<Self, ConfigError> {
        let issuer = issuer_of(issuer);
        if issuer.is_empty() || subject.is_empty() {
            return Err(invalid("an entry by subject needs an issuer and a subject, and one of them is empty"));
        }
        Ok(Self::of(Who::Subject { issuer: issuer.into(), subject: subject.into() }))
    }

    /// The user with this entity ref, `user:default/jane.doe`, at every issuer. It is the user's own ref: the ref of a group denies no
    /// user.
    pub fn user(user: EntityRef) -> Self {
        Self::of(Who::User(user))
    }

    /// Users with this email, at every issuer. Letter case, a `+tag` in the local part and a dot after the domain make no difference.
    /// A user who can change the email at the identity provider evades it: use [`subject`](Self::subject) if that matters.
    ///
    /// # Errors
    /// It is not an email: there is no `@`, or nothing on one side of it.
    pub fn email(email: &str) -> Result<Self, ConfigError> {
        let folded = folded(email.trim())
            .ok_or_else(|| invalid("an entry by email needs an address with text before and after its @"))?;
        Ok(Self::of(Who::Email(folded.into())))
    }

    /// As [`user`](Self::user), of a text. A ref of another kind than `user` would deny no user, without notice.
    pub(crate) fn from_user_text(text: &str) -> Result<Self, String> {
        let user: EntityRef = text.parse().map_err(|error: EntityRefError| error.to_string())?;
        match user.kind() {
            "user" => Ok(Self::user(user)),
            kind => Err(format!("the entity is a {kind}, which denies no user: expected one of the kind user")),
        }
    }

    /// Kind, issuer, name and end, for a table.
    #[cfg(feature = "postgres")]
    pub(crate) fn columns(&self) -> (&'static str, &str, &str, Option<SystemTime>) {
        let (kind, issuer, name) = match &self.who {
            Who::Subject { issuer, subject } => ("subject", &**issuer, &**subject),
            Who::User(user) => ("user", "", user.as_str()),
            Who::Email(email) => ("email", "", &**email),
        };
        (kind, issuer, name, self.until)
    }

    /// Denies only before this time.
    #[must_use]
    pub fn until(mut self, end: SystemTime) -> Self {
        self.until = Some(end);
        self
    }

    fn of(who: Who) -> Self {
        Self { who, until: None }
    }

    pub(super) fn is_same_user(&self, other: &Self) -> bool {
        self.who == other.who
    }

    /// Whether it denies at this time, in seconds since 1970. Without a valid time, it does.
    pub(super) fn is_in_force(&self, now: Option<u64>) -> bool {
        let (Some(until), Some(now)) = (self.until, now) else { return true };
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(now)).is_none_or(|now| now < until)
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        match &self.who {
            Who::Subject { subject, .. } => Fingerprint::of_subject(subject),
            Who::User(user) => Fingerprint::of_user(user),
            Who::Email(email) => Fingerprint::of_email(email),
        }
    }

    /// What it names the user by.
    pub(super) fn by(&self) -> &'static str {
        match self.who {
            Who::Subject { .. } => "subject",
            Who::User(_) => "entity ref",
            Who::Email(_) => "email",
        }
    }
}

impl fmt::Debug for Denied {
    /// Without the email.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Denied");
        match &self.who {
            Who::Subject { issuer, subject } => shown.field("issuer", issuer).field("subject", subject),
            Who::User(user) => shown.field("user", &user.as_str()),
            Who::Email(_) => shown.field("email", &"<hidden>"),
        };
        shown.field("until", &self.until).finish()
    }
}

/// An issuer as it is compared. `iss` is one of the configuration's, byte for byte, so no other issuer differs in this alone.
pub(super) fn issuer_of(issuer: &str) -> &str {
    issuer.trim_end_matches('/')
}

fn invalid(text: &str) -> ConfigError {
    ConfigError::new([Problem::invalid(text)])
}

/// An entry, and where it is written.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(super) denied: Denied,
    pub(super) place: Arc<str>,
}

impl Entry {
    pub(crate) fn new(denied: Denied, place: impl Into<Arc<str>>) -> Self {
        Self { denied, place: place.into() }
    }

    pub(super) fn of_code(denied: Denied) -> Self {
        Self::new(denied, "of the application")
    }
}
