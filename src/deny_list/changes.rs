//! What a change of a list added and removed, for the audit trail.

use std::collections::HashMap;

use super::{
    entry::{Denied, Entry, Who},
    fingerprint::Fingerprint,
};
use crate::telemetry::audit::{AuditTrail, Details, Items, What};

/// Records the difference, if there is one.
pub(super) fn record(trail: &AuditTrail, origin: &'static str, before: &[&Entry], after: &[&Entry]) {
    let (added, removed) = (missing_in(before, after), missing_in(after, before));
    if added.is_empty() && removed.is_empty() {
        return;
    }
    trail.record(What::DenyListChanged, None, || {
        let items = |entries: &[&Denied]| Items::of(entries, |denied| describe(denied, trail));
        let entity = Some(format!("{origin}: {} before, {} now", before.len(), after.len()));
        Details { entity, added: items(&added), removed: items(&removed), ..Details::default() }
    });
}

/// The entries that are not among the others.
fn missing_in<'a>(others: &[&Entry], entries: &[&'a Entry]) -> Vec<&'a Denied> {
    let mut held: HashMap<Fingerprint, Vec<&Denied>> = HashMap::new();
    for entry in others {
        held.entry(entry.denied.fingerprint()).or_default().push(&entry.denied);
    }
    let is_held = |denied: &Denied| held.get(&denied.fingerprint()).is_some_and(|same| same.contains(&denied));
    entries.iter().map(|entry| &entry.denied).filter(|denied| !is_held(denied)).collect()
}

/// An email is named only if the trail names emails.
fn describe(denied: &Denied, trail: &AuditTrail) -> String {
    match &denied.who {
        Who::Subject { issuer, subject } => format!("subject {subject} of {issuer}"),
        Who::User(user) => user.as_str().to_owned(),
        Who::Email(email) if trail.names_emails() => format!("email {email}"),
        Who::Email(_) => "an email".to_owned(),
    }
}
