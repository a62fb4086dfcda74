//! Audit events of the configuration: reloads, and the deny lists.

use super::{Authenticator, Snapshot};
use crate::{
    settings::{ConfigError, ProblemKind},
    telemetry::audit::{AuditTrail, Details, Items, ReloadFailure, What},
};

/// What a reload replaces, in events.
const ENTITY: &str = "trust and sign-in";

impl Authenticator {
    /// Records reloads and changes of deny lists, from now on. The first trail counts.
    pub(crate) fn set_audit(&self, trail: &AuditTrail) {
        if self.audit.set(trail.clone()).is_ok() {
            self.denied.set_audit(trail);
            self.audit_configured_list(&self.current());
        }
    }

    /// Records what a reload changes. The text of a sign-in policy can name addresses, so it is left out.
    pub(super) fn audit_reload(&self, before: &Snapshot, after: &Snapshot) {
        self.audit_configured_list(after);
        let Some(trail) = self.audit.get() else { return };
        trail.record(What::Reloaded, None, || {
            let (old, new) = (&before.config.inner.trust, &after.config.inner.trust);
            let (mut added, removed) = (new.withdrawn(old), old.withdrawn(new));
            if added.is_empty() && removed.is_empty() && before.config.summary() != after.config.summary() {
                added.push("other policies or key sources for the same load balancers, issuers and clients".to_owned());
            }
            let (added, removed) = (Items::of(&added, String::clone), Items::of(&removed, String::clone));
            Details { entity: Some(ENTITY.to_owned()), added, removed, ..Details::default() }
        });
    }

    /// Records that changed settings cannot be used. `None`: they were different at each of several reads.
    pub(crate) fn audit_failed_reload(&self, error: Option<&ConfigError>) {
        let Some(trail) = self.audit.get() else { return };
        let unreadable =
            |error: &ConfigError| error.problems().iter().all(|problem| problem.kind() == ProblemKind::Unreadable);
        let failure = match error {
            None => ReloadFailure::Changing,
            Some(error) if unreadable(error) => ReloadFailure::Unreadable,
            Some(_) => ReloadFailure::Invalid,
        };
        trail.reload_failed(ENTITY, failure);
    }

    fn audit_configured_list(&self, snapshot: &Snapshot) {
        if let (Some(trail), Some(list)) = (self.audit.get(), snapshot.settings().denied.as_ref()) {
            list.set_audit(trail);
        }
    }
}
