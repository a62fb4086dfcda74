//! The list: entries from code and from a source, and the set that is made of both.

use std::{
    fmt,
    sync::{Arc, OnceLock, Weak},
};

use super::{
    changes, cleared,
    entry::{Denied, Entry},
    set::Set,
};
use crate::{
    sync::{ArcSwap, Mutex},
    telemetry::audit::{AuditTrail, ReloadFailure},
};

/// Users that are shut out. Clones share their entries. See the [module](super).
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use tower_alb_auth::deny_list::{Denied, DenyList};
///
/// let denied = DenyList::new();
/// let week = SystemTime::now() + Duration::from_secs(7 * 24 * 3600);
/// denied.deny(Denied::email("jane@example.com")?.until(week));
/// denied.deny(Denied::user("user:default/john".parse()?));
/// denied.allow(&Denied::email("jane@example.com")?);
/// assert_eq!(denied.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct DenyList(Arc<Shared>);

#[derive(Default)]
struct Shared {
    published: ArcSwap<Set>,
    entries: Mutex<Entries>,
    problem: Mutex<Option<Arc<str>>>,
    audit: OnceLock<AuditTrail>,
}

#[derive(Default, Clone)]
struct Entries {
    /// Of [`DenyList::deny`].
    of_code: Vec<Entry>,
    /// Of the file or the database.
    of_source: Vec<Entry>,
}

/// Where entries are from, for the audit trail.
const OF_CODE: &str = "entries of the application";
const OF_SOURCE: &str = "entries of a file or a database";

impl Entries {
    fn all(&self) -> Vec<&Entry> {
        self.of_code.iter().chain(&self.of_source).collect()
    }
}

impl DenyList {
    /// An empty list, for entries from code.
    pub fn new() -> Self {
        Self::default()
    }

    /// Shuts a user out, from the next request on. An entry of the same user from code is replaced, with its end.
    pub fn deny(&self, user: Denied) {
        self.edit(OF_CODE, |entries| {
            entries.of_code.retain(|entry| !entry.denied.is_same_user(&user));
            entries.of_code.push(Entry::of_code(user));
        });
    }

    /// Takes back what [`deny`](Self::deny) did, whatever the end of the two. An entry of a file or a database stays in force.
    pub fn allow(&self, user: &Denied) {
        self.edit(OF_CODE, |entries| entries.of_code.retain(|entry| !entry.denied.is_same_user(user)));
    }

    /// The number of entries, those whose end is reached included.
    pub fn len(&self) -> usize {
        self.0.published.load().len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Why the file or the database could not be read the last time, if it could not. The former entries are in force then.
    pub fn problem(&self) -> Option<String> {
        self.0.problem.lock().as_deref().map(str::to_owned)
    }

    /// The number of entries of the file or the database.
    pub(super) fn len_of_source(&self) -> usize {
        self.0.entries.lock().of_source.len()
    }

    /// Replaces the entries of the file or the database.
    pub(crate) fn replace_source(&self, entries: Vec<Entry>) {
        let changed = self.0.entries.lock().of_source != entries;
        if changed {
            self.edit(OF_SOURCE, |held| held.of_source = entries);
        }
        *self.0.problem.lock() = None;
    }

    /// The file or the database cannot be read: the entries stay.
    pub(crate) fn report(&self, problem: &str) {
        *self.0.problem.lock() = Some(problem.into());
    }

    /// The same of a changed file, which is recorded.
    pub(super) fn report_failed_reload(&self, failure: ReloadFailure, problem: &str) {
        self.report(problem);
        if let Some(trail) = self.0.audit.get() {
            trail.reload_failed("deny list: file", failure);
        }
    }

    pub(crate) fn downgrade(&self) -> WeakDenyList {
        WeakDenyList(Arc::downgrade(&self.0))
    }

    pub(super) fn published(&self) -> &ArcSwap<Set> {
        &self.0.published
    }

    /// Records changes from now on. The first trail counts.
    pub(crate) fn set_audit(&self, trail: &AuditTrail) {
        let _ = self.0.audit.set(trail.clone());
    }

    fn edit(&self, origin: &'static str, change: impl FnOnce(&mut Entries)) {
        // Held until the set is published, so that no older set replaces a newer one.
        let mut entries = self.0.entries.lock();
        let trail = self.0.audit.get();
        let before = trail.map(|trail| (trail, entries.clone()));
        change(&mut entries);
        let set = Set::of(entries.of_code.iter().chain(&entries.of_source));
        self.0.published.store(Arc::new(set));
        cleared::changed();
        if let Some((trail, before)) = before {
            changes::record(trail, origin, &before.all(), &entries.all());
        }
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for DenyList {
    /// Without the entries, which name users.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenyList").field("entries", &self.len()).field("problem", &self.problem()).finish()
    }
}

/// A list that its watcher does not keep alive.
#[derive(Clone)]
pub(crate) struct WeakDenyList(Weak<Shared>);

impl WeakDenyList {
    pub(crate) fn upgrade(&self) -> Option<DenyList> {
        self.0.upgrade().map(DenyList)
    }
}
