//! The audit trail: who signed in, who was refused and why, and what was changed.
//!
//! | event | class of OCSF, activity | maximum in 10 s |
//! |---|---|---|
//! | `session_issued`, `signed_in` | Authentication, Logon | 1,000 of each provider; 10 of each user there |
//! | `session_refused`, `refused` | Authentication, Logon | 10 of each kind |
//! | `signed_out` | Authentication, Logoff | 1,000; 10 of each user, and of all clients that are not authenticated |
//! | `token_issued` | Authentication, Other | 1,000 of each provider; 10 of each user there |
//! | `key_published`, `key_retired` | Entity Management, Create and Delete | 100 |
//! | `deny_list_changed`, `reloaded`, `reload_failed` | Entity Management, Update | 100 |
//!
//! The next event after those that are left out has their number, `left_out`. docs/OPERATING.md describes the fields.

mod event;
mod file;
mod items;
mod limit;

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher as _, Hash, RandomState},
    path::PathBuf,
    time::{Duration, Instant},
};

#[cfg(feature = "backstage")]
pub(crate) use self::event::NamedBy;
use self::{
    event::{AUDIT_VERSION, Event},
    file::AuditFile,
    items::bounded,
    limit::{Limit, UserHash},
};
pub(crate) use self::{
    event::{AuditUser, Details, Subject, What},
    items::Items,
};
use super::{audit_loss::AuditLoss, metrics};
use crate::{
    alb::TraceId,
    error::{AuthError, Fault},
    identity::{Claims, EntityRef},
    settings::ConfigError,
    sync::{Arc, BoundedCache, HeapSize, Mutex},
};

/// A user is recorded as signed in once in this time, since a load balancer does not report its sessions.
const SEEN_FOR: Duration = Duration::from_secs(60 * 60);
/// Maximum number of users that are remembered as seen, and of their bytes.
const MAX_SEEN: usize = 10_000;
const MAX_SEEN_BYTES: usize = 2 * 1024 * 1024;

/// Why a reload failed: `status_detail` of its event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReloadFailure {
    /// A file cannot be read.
    Unreadable,
    /// What was read cannot be used.
    Invalid,
    /// It was different at each of several reads.
    Changing,
}

impl ReloadFailure {
    fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Invalid => "invalid",
            Self::Changing => "changing",
        }
    }
}

/// Where audit events go: the log, with the target `tower_alb_auth::audit`, and a file. Clones share it.
///
/// ```
/// use tower_alb_auth::AuditTrail;
///
/// # let folder = std::env::temp_dir();
/// let trail = AuditTrail::builder("orders").file(folder.join("audit.jsonl")).build()?;
/// # #[cfg(feature = "test-util")] {
/// # use tower_alb_auth::test_util::MockAlb;
/// let layer = MockAlb::new().layer().audit_trail(&trail);
/// # let _ = layer;
/// # }
/// trail.reopen(); // After the file was renamed.
/// # std::fs::remove_file(folder.join("audit.jsonl"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An event names its user by the entity ref, or by issuer and subject if the sign-in policy names no users. No event has a token.
#[derive(Clone)]
pub struct AuditTrail(Arc<Inner>);

/// The provider of events of machines.
#[cfg(feature = "https")]
const MACHINE: &str = "machine";

/// The events that share a limit.
#[derive(PartialEq, Eq, Hash)]
struct Limited {
    what: What,
    /// Of a refusal.
    kind: Option<&'static str>,
    /// Of a success, and of a refusal of a machine: refused machines leave no refused user out.
    provider: Option<&'static str>,
}

struct Inner {
    service: std::sync::Arc<str>,
    with_profile: bool,
    file: Option<AuditFile>,
    limits: Mutex<HashMap<Limited, Limit>>,
    seen: Option<BoundedCache<UserHash, SeenAt>>,
    hashes: RandomState,
}

#[derive(Clone, Copy)]
struct SeenAt(Instant);

impl HeapSize for UserHash {
    fn heap_size(&self) -> usize {
        0
    }
}

impl HeapSize for SeenAt {
    fn heap_size(&self) -> usize {
        0
    }
}

/// Collects the settings of an [`AuditTrail`]. Made by [`AuditTrail::builder`].
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before build()"]
pub struct AuditTrailBuilder {
    service: String,
    with_profile: bool,
    file: Option<PathBuf>,
}

impl AuditTrailBuilder {
    /// Writes each event into this file too, as a JSON object a line in the shape of OCSF. The file is opened for appending, with
    /// mode 0600 if it is created.
    ///
    /// A thread writes it, so no request waits for the disk. Events that cannot be written are counted, and reported once a minute.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Adds email and display name of users to events.
    pub fn with_profile(mut self) -> Self {
        self.with_profile = true;
        self
    }

    /// Opens the file, if there is one.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn build(self) -> Result<AuditTrail, ConfigError> {
        let Self { service, with_profile, file } = self;
        let service: std::sync::Arc<str> = service.into();
        let file = file.map(|path| AuditFile::open(path, std::sync::Arc::clone(&service))).transpose()?;
        metrics::describe_audit();
        Ok(AuditTrail(Arc::new(Inner {
            service,
            with_profile,
            file,
            limits: Mutex::default(),
            seen: BoundedCache::new(MAX_SEEN, MAX_SEEN_BYTES),
            hashes: RandomState::new(),
        })))
    }
}

impl AuditTrail {
    /// The version of the fields of events, `audit_version`. A version has all fields of the one before, unless CHANGELOG.md names
    /// the difference.
    pub const VERSION: u32 = AUDIT_VERSION;

    /// A trail of the service with this name, which events have as `service`.
    pub fn builder(service: impl Into<String>) -> AuditTrailBuilder {
        AuditTrailBuilder { service: service.into(), with_profile: false, file: None }
    }

    /// Opens the file again, for a tool that has renamed it. Without a call, that is noticed within a second.
    pub fn reopen(&self) {
        if let Some(file) = &self.0.file {
            file.reopen();
        }
    }

    /// Waits until all events are in the file, but not longer than this: at the end of a program. Returns whether they are. It blocks
    /// the thread.
    pub fn flush(&self, max_wait: Duration) -> bool {
        self.0.file.as_ref().is_none_or(|file| file.flush(max_wait))
    }

    /// Records an event, unless its limit is reached.
    pub(crate) fn record(&self, what: What, kind: Option<&'static str>, details: impl FnOnce() -> Details) {
        if let Some(left_out) = self.due(Limited { what, kind, provider: None }, None) {
            self.write(what, kind, left_out, details());
        }
    }

    /// Records the refusal of a machine, unless its limit is reached. `details` are those without the provider.
    #[cfg(feature = "https")]
    pub(crate) fn machine_refused(&self, kind: &'static str, details: impl FnOnce() -> Details) {
        let (what, kind, provider) = (What::Refused, Some(kind), Some(MACHINE));
        if let Some(left_out) = self.due(Limited { what, kind, provider }, None) {
            self.write(what, kind, left_out, Details { provider, ..details() });
        }
    }

    /// Records a success, unless the limit of the provider or the one of the subject is reached. Returns whether it did. `details` are
    /// those without provider and user.
    pub(crate) fn succeeded(
        &self,
        what: What,
        provider: Option<&'static str>,
        subject: Subject<'_>,
        details: impl FnOnce() -> Details,
    ) -> bool {
        let user = UserHash(self.0.hashes.hash_one(subject.id()));
        let Some(left_out) = self.due(Limited { what, kind: None, provider }, Some(user)) else { return false };
        let user = match subject {
            Subject::User(None, None) => None,
            Subject::User(name, claims) => Some(self.user(name, claims)),
            #[cfg(feature = "https")]
            Subject::Client(client, issuer) => {
                Some(AuditUser { uid: Some(bounded(client)), domain: Some(bounded(issuer)), ..AuditUser::default() })
            }
            #[cfg(feature = "backstage")]
            Subject::Service(name) => Some(AuditUser { name: Some(name.to_owned()), ..AuditUser::default() }),
        };
        self.write(what, None, left_out, Details { provider, user, ..details() });
        true
    }

    /// The number of events that were left out, if there may be an event now. It counts as recorded.
    fn due(&self, limited: Limited, user: Option<UserHash>) -> Option<u64> {
        let max = limited.what.row().max;
        let due = self.0.limits.lock().entry(limited).or_default().event_at(Instant::now(), max, user);
        if due.is_none() {
            metrics::audit_events_lost(AuditLoss::Limit, 1);
        }
        due
    }

    /// Writes an event that is [`due`](Self::due).
    fn write(&self, what: What, kind: Option<&'static str>, left_out: u64, details: Details) {
        let event = Event::new(what, kind, left_out, details);
        event.log(&self.0.service);
        if let Some(file) = &self.0.file {
            file.write(event);
        }
    }

    /// Records a refusal, or a session that is refused.
    pub(crate) fn refused(&self, what: What, error: &AuthError, details: impl FnOnce() -> Details) {
        self.record(what, Some(error.kind().as_str()), || Details {
            status: Some(error.status().as_u16()),
            operator_can_act: error.fault() != Fault::Client,
            ..details()
        });
    }

    /// Records that changed settings or files cannot be used. The reason is in the log: it can quote what is written there.
    pub(crate) fn reload_failed(&self, entity: &str, failure: ReloadFailure) {
        self.record(What::ReloadFailed, Some(failure.as_str()), || Details {
            operator_can_act: true,
            entity: Some(entity.to_owned()),
            ..Details::default()
        });
    }

    /// Records that a user is signed in, once in [`SEEN_FOR`].
    pub(crate) fn signed_in(&self, name: Option<&EntityRef>, claims: &Claims, trace_id: TraceId<'_>) {
        // By the name too: a reload can give the user another one.
        let id = (claims.issuer(), claims.subject(), name.map(EntityRef::as_str));
        self.accepted(id, "awsalb", Subject::User(name, Some(claims)), trace_id);
    }

    /// Records that a machine is accepted, once in [`SEEN_FOR`].
    #[cfg(feature = "https")]
    pub(crate) fn machine_accepted(&self, client: &str, issuer: &str, trace_id: TraceId<'_>) {
        self.accepted((MACHINE, client, issuer), MACHINE, Subject::Client(client, issuer), trace_id);
    }

    /// Records a success of this subject, unless there was one with this id in [`SEEN_FOR`].
    fn accepted(&self, id: impl Hash, provider: &'static str, subject: Subject<'_>, trace_id: TraceId<'_>) {
        let Some(seen) = &self.0.seen else { return };
        let (now, user) = (Instant::now(), UserHash(self.0.hashes.hash_one(id)));
        if seen.find(&user).is_some_and(|SeenAt(at)| now.saturating_duration_since(at) < SEEN_FOR) {
            return;
        }
        let details = || Details { trace_id: trace_id.text(), ..Details::default() };
        // A subject that is left out is recorded by a later request.
        if self.succeeded(What::SignedIn, Some(provider), subject, details) {
            seen.insert(user, SeenAt(now));
        }
    }

    /// The user with this entity ref or these claims.
    pub(crate) fn user(&self, name: Option<&EntityRef>, claims: Option<&Claims>) -> AuditUser {
        let unnamed = claims.filter(|_| name.is_none());
        let shown = claims.filter(|_| self.0.with_profile);
        AuditUser {
            name: name.map(|name| bounded(name.as_str())),
            uid: unnamed.map(|claims| bounded(claims.subject())),
            domain: unnamed.map(|claims| bounded(claims.issuer())),
            email: shown.and_then(Claims::email).map(bounded),
            full_name: shown.and_then(Claims::name).map(bounded),
        }
    }

    /// Whether emails may be named.
    pub(crate) fn names_emails(&self) -> bool {
        self.0.with_profile
    }
}

impl fmt::Debug for AuditTrail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditTrail").field("service", &self.0.service).finish_non_exhaustive()
    }
}
