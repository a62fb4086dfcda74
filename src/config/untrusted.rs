//! Why no entry matches a token, as a text that is written only where it is shown.

use std::{fmt, sync::Arc};

use super::trust::{Entry, EntryIndex};
use crate::error::{AuthErrorKind, quotable, quoted};

/// What was found, what is trusted, and the setting to change.
///
/// Arbitrary clients cause these errors, and most of them are never shown: the value keeps the entries and a bounded part of
/// what was found.
pub(super) struct Untrusted {
    kind: AuthErrorKind,
    /// As much as the text shows. `None`: the token has no such member.
    found: Option<Box<str>>,
    /// An entry that has all of the token that was compared before.
    nearest: EntryIndex,
    entries: Arc<Vec<Entry>>,
}

impl Untrusted {
    pub(super) fn new(
        kind: AuthErrorKind,
        found: Option<&str>,
        nearest: EntryIndex,
        entries: &Arc<Vec<Entry>>,
    ) -> Self {
        Self { kind, found: found.map(|found| quotable(found).into()), nearest, entries: Arc::clone(entries) }
    }
}

impl fmt::Display for Untrusted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, nearest, .. } = *self;
        let name = match kind {
            AuthErrorKind::UntrustedSigner => "signer",
            AuthErrorKind::UntrustedIssuer => "iss",
            _ => "client",
        };
        let found = self.found.as_deref().map_or("none".to_owned(), quoted);
        let near = self.entries.get(nearest.entry);
        let signer = near.and_then(|entry| entry.signers.get(nearest.signer)).map(|(arn, _)| arn);
        let issuer = near.map(|entry| entry.issuer.as_str());
        // Only what is trusted together with what the token has already got right.
        let entries = self.entries.iter().filter(|entry| {
            let has_signer = entry.signers.iter().any(|(arn, _)| Some(arn) == signer);
            match kind {
                AuthErrorKind::UntrustedSigner => true,
                AuthErrorKind::UntrustedIssuer => has_signer,
                _ => has_signer && issuer == Some(entry.issuer.as_str()),
            }
        });
        let (mut trusted, mut places) = (Vec::<&str>::new(), Vec::<String>::new());
        for entry in entries {
            let (values, written): (Vec<&str>, _) = match kind {
                AuthErrorKind::UntrustedSigner => {
                    (entry.signers.iter().map(|(arn, _)| arn.as_str()).collect(), &entry.written.signers)
                }
                AuthErrorKind::UntrustedIssuer => (vec![entry.issuer.as_str()], &entry.written.issuer),
                _ => (entry.client_ids.iter().flatten().map(String::as_str).collect(), &entry.written.client_ids),
            };
            trusted.extend(values);
            places.extend(written.iter().map(ToString::to_string));
        }
        trusted.dedup();
        places.dedup();
        write!(f, "{name} is {found}, trusted: {}", trusted.join(", "))?;
        // Where there is a file, that is where it has to be changed.
        match (places.is_empty(), kind) {
            (true, _) => {
                let variable = match kind {
                    AuthErrorKind::UntrustedSigner => "ALB_AUTH_SIGNERS",
                    AuthErrorKind::UntrustedIssuer => "ALB_AUTH_ISSUER",
                    _ => "ALB_AUTH_CLIENT_IDS",
                };
                write!(f, "; if it is yours, add it to a TrustedAlb, or set it by {variable}")
            }
            (false, AuthErrorKind::UntrustedIssuer) => {
                write!(f, ", by {}; if it is yours, write it there", places.join(", "))
            }
            (false, _) => write!(f, ", by {}; if it is yours, add it there", places.join(", ")),
        }
    }
}
