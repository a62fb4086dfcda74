//! The entry of the configuration that a rejected token comes nearest to: for explaining a rejection, never for accepting a token.

use super::trust::{Entry, Trust};

/// The entry that a token comes nearest to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Nearest<'c> {
    pub(crate) signers: Vec<&'c str>,
    pub(crate) issuer: &'c str,
    /// Empty where any client is accepted.
    pub(crate) client_ids: Vec<&'c str>,
}

impl Trust {
    /// The entry that has most of the three, the first of equals; a signer counts for more than an issuer, and that for more
    /// than a client.
    pub(crate) fn nearest(
        &self,
        signer: Option<&str>,
        issuer: Option<&str>,
        client: Option<&str>,
    ) -> Option<Nearest<'_>> {
        let likeness = |entry: &Entry| {
            let has_signer = entry.signers.iter().any(|(arn, _)| Some(arn.as_str()) == signer);
            let has_client = entry
                .client_ids
                .as_ref()
                .is_none_or(|ids| client.is_some_and(|client| ids.iter().any(|id| id == client)));
            (has_signer, issuer == Some(entry.issuer.as_str()), has_client)
        };
        // The last of equals is what `max_by_key` takes, so it goes backwards.
        let entry = self.entries.iter().rev().max_by_key(|entry| likeness(entry))?;
        Some(Nearest {
            signers: entry.signers.iter().map(|(arn, _)| arn.as_str()).collect(),
            issuer: &entry.issuer,
            client_ids: entry.client_ids.iter().flatten().map(String::as_str).collect(),
        })
    }

    /// The same trust, had the entries of this issuer been written with the other one.
    pub(crate) fn with_issuer_for(&self, issuer: &str, other: &str) -> Self {
        let mut entries = self.entries.as_ref().clone();
        for entry in entries.iter_mut().filter(|entry| entry.issuer == issuer) {
            other.clone_into(&mut entry.issuer);
        }
        Self { entries: entries.into() }
    }
}
