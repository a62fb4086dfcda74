//! Trust, compiled: what a token's header is compared with.

use std::{fmt, path::PathBuf, sync::Arc};

#[cfg(feature = "https")]
use super::AccessTokenRule;
use super::trusted_alb::EntryLocations;
use crate::alb::{KeyEndpoint, LoadBalancerArn};
use crate::{
    error::{AuthError, AuthErrorKind, quotable, quoted},
    sign_in::{EmailClaim, Policy, SignInResolver},
};

/// All entries, checked.
#[derive(Debug, Clone)]
pub(crate) struct Trust {
    pub(super) entries: Arc<Vec<Entry>>,
}

#[cfg(feature = "https")]
impl Trust {
    /// The rule for access tokens of each entry, in their order. Empty if no entry has one.
    pub(crate) fn access_token_rules(&self) -> Vec<Option<&Arc<AccessTokenRule>>> {
        let rules = self.entries.iter().map(|entry| entry.access_token.as_ref());
        if rules.clone().any(|rule| rule.is_some()) { rules.collect() } else { Vec::new() }
    }

    /// Lets no entry fetch keys for access tokens, so that their check fails with the reason.
    pub(crate) fn fetch_no_issuer_keys(&mut self) {
        for rule in Arc::make_mut(&mut self.entries).iter_mut().filter_map(|entry| entry.access_token.as_mut()) {
            *rule = Arc::new(rule.without_fetching());
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Each with the endpoint of its region.
    pub(super) signers: Vec<(LoadBalancerArn, KeyEndpoint)>,
    pub(super) issuer: String,
    /// `None`: any.
    pub(super) client_ids: Option<Vec<String>>,
    pub(crate) sign_in: Arc<dyn SignInResolver>,
    pub(crate) policy: Policy,
    /// Whether the user that the policy names may be kept with the claims.
    pub(crate) names_by_claims_alone: bool,
    /// The namespace that the policy is held to.
    pub(super) only_namespace: Option<String>,
    /// The file with the CA of the emulator's key endpoint.
    pub(super) emulator_ca: Option<PathBuf>,
    /// If access tokens are verified.
    #[cfg(feature = "https")]
    pub(crate) access_token: Option<Arc<AccessTokenRule>>,
    pub(super) written: EntryLocations,
}

/// The users that the policy of an entry may name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Naming<'c> {
    NoUser,
    AnyUser,
    /// Users of this namespace.
    Only(&'c str),
}

impl Entry {
    pub(crate) fn naming(&self) -> Naming<'_> {
        match &self.only_namespace {
            _ if !self.policy.gives_identities => Naming::NoUser,
            Some(namespace) => Naming::Only(namespace),
            None => Naming::AnyUser,
        }
    }
}

/// What of the configuration a token matches, as a whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TrustMatch<'c> {
    pub(crate) signer: &'c str,
    pub(crate) issuer: &'c str,
    pub(crate) endpoint: &'c KeyEndpoint,
    pub(crate) entry: &'c Entry,
    pub(crate) index: EntryIndex,
}

/// Where in the configuration a token matched: what a cache keeps of a [`TrustMatch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryIndex {
    entry: u32,
    signer: u32,
}

impl EntryIndex {
    /// Positions beyond `u32` name no entry.
    fn new(entry: usize, signer: usize) -> Self {
        let position = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Self { entry: position(entry), signer: position(signer) }
    }

    pub(crate) fn entry(self) -> usize {
        self.entry as usize
    }

    fn signer(self) -> usize {
        self.signer as usize
    }
}

impl Trust {
    /// The entry that has all three, compared byte for byte.
    ///
    /// # Errors
    /// The first of signer, issuer and client that no entry has together with those before it; with what was found and what
    /// would be trusted.
    pub(crate) fn find(
        &self,
        signer: Option<&str>,
        issuer: Option<&str>,
        client: Option<&str>,
    ) -> Result<TrustMatch<'_>, AuthError> {
        // How far the best entry got: for the message alone.
        let mut furthest = (AuthErrorKind::UntrustedSigner, signer);
        let mut nearest = EntryIndex::new(0, 0);
        for (index, entry) in self.entries.iter().enumerate() {
            let Some(position) = entry.signers.iter().position(|(arn, _)| Some(arn.as_str()) == signer) else {
                continue;
            };
            let index = EntryIndex::new(index, position);
            if issuer != Some(entry.issuer.as_str()) {
                if furthest.0 == AuthErrorKind::UntrustedSigner {
                    (furthest, nearest) = ((AuthErrorKind::UntrustedIssuer, issuer), index);
                }
                continue;
            }
            let known = |ids: &Vec<String>| client.is_some_and(|client| ids.iter().any(|id| id == client));
            if !entry.client_ids.as_ref().is_none_or(known) {
                (furthest, nearest) = ((AuthErrorKind::UntrustedClient, client), index);
                continue;
            }
            if let Some(found) = self.at(index) {
                return Ok(found);
            }
        }
        let (kind, found) = furthest;
        Err(AuthError::with_written_detail(kind, Untrusted::new(kind, found, nearest, &self.entries)))
    }

    /// The match that was found before.
    pub(crate) fn at(&self, index: EntryIndex) -> Option<TrustMatch<'_>> {
        let entry = self.entries.get(index.entry())?;
        let (arn, endpoint) = entry.signers.get(index.signer())?;
        Some(TrustMatch { signer: arn.as_str(), issuer: &entry.issuer, endpoint, entry, index })
    }

    pub(crate) fn endpoints(&self) -> Vec<KeyEndpoint> {
        let mut endpoints: Vec<KeyEndpoint> = Vec::new();
        for (_, endpoint) in self.entries.iter().flat_map(|entry| &entry.signers) {
            if !endpoints.contains(endpoint) {
                endpoints.push(endpoint.clone());
            }
        }
        endpoints
    }

    /// The claims other than `email` that hold the address of this issuer's users.
    pub(crate) fn email_claims(&self, issuer: &str) -> impl Iterator<Item = &EmailClaim> {
        self.entries.iter().filter(move |entry| entry.issuer == issuer).flat_map(|entry| entry.policy.email_claims())
    }

    /// Issuers whose sign-in policy names no users.
    #[cfg(feature = "backstage")]
    pub(crate) fn issuers_without_users(&self) -> Vec<String> {
        let unnamed = self.entries.iter().filter(|entry| matches!(entry.naming(), Naming::NoUser));
        unnamed.map(|entry| entry.issuer.clone()).collect()
    }

    /// What is trusted here and not in `next`: each signer with its issuer and client ids.
    pub(crate) fn withdrawn(&self, next: &Self) -> Vec<String> {
        let mut withdrawn = Vec::new();
        for entry in self.entries.iter() {
            for (arn, _) in &entry.signers {
                let of_next = || {
                    let with_signer = |held: &&Entry| held.signers.iter().any(|(other, _)| other == arn);
                    next.entries.iter().filter(|held| held.issuer == entry.issuer).filter(with_signer)
                };
                if of_next().next().is_none() {
                    withdrawn.push(format!("{arn} with issuer {}", entry.issuer));
                    continue;
                }
                let gone =
                    |id: &&String| !of_next().any(|held| held.client_ids.as_ref().is_none_or(|ids| ids.contains(*id)));
                let any_client = entry.client_ids.is_none() && !of_next().any(|held| held.client_ids.is_none());
                let clients = entry.client_ids.iter().flatten().filter(gone).map(|id| format!("client {id}"));
                for client in clients.chain(any_client.then(|| "any client".to_owned())) {
                    withdrawn.push(format!("{arn} with issuer {}, {client}", entry.issuer));
                }
            }
        }
        withdrawn.dedup();
        withdrawn
    }

    pub(crate) fn summary(&self) -> String {
        let entry = |entry: &Entry| {
            let signers: Vec<&str> = entry.signers.iter().map(|(arn, _)| arn.as_str()).collect();
            let clients =
                entry.client_ids.as_ref().map_or("any client".to_owned(), |ids| format!("client {}", ids.join(" or ")));
            let mut endpoints: Vec<&str> = Vec::new();
            for (arn, endpoint) in &entry.signers {
                if arn.documented_endpoint().as_ref() != Some(endpoint) && !endpoints.contains(&endpoint.as_str()) {
                    endpoints.push(endpoint.as_str());
                }
            }
            let keys =
                if endpoints.is_empty() { String::new() } else { format!(", keys at {}", endpoints.join(" or ")) };
            let ca =
                entry.emulator_ca.as_ref().map(|path| format!(" by the CA in {}", path.display())).unwrap_or_default();
            #[cfg(feature = "https")]
            let access = entry.access_token.as_ref().map_or_else(String::new, |rule| format!(", {rule}"));
            #[cfg(not(feature = "https"))]
            let access = "";
            format!(
                "{} with issuer {}, {clients}{keys}{ca}{access}; sign-in by {}",
                signers.join(" or "),
                entry.issuer,
                entry.policy.summary
            )
        };
        self.entries.iter().map(entry).collect::<Vec<_>>().join("; and ")
    }
}

/// Why no entry matches a token: what was found, what is trusted, and the setting to change.
///
/// Arbitrary clients cause these errors, and most of them are never shown: the value keeps the entries and a bounded part of
/// what was found.
struct Untrusted {
    kind: AuthErrorKind,
    /// As much as the text shows. `None`: the token has no such member.
    found: Option<Box<str>>,
    /// An entry that has all of the token that was compared before.
    nearest: EntryIndex,
    entries: Arc<Vec<Entry>>,
}

impl Untrusted {
    fn new(kind: AuthErrorKind, found: Option<&str>, nearest: EntryIndex, entries: &Arc<Vec<Entry>>) -> Self {
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
        let near = self.entries.get(nearest.entry());
        let signer = near.and_then(|entry| entry.signers.get(nearest.signer())).map(|(arn, _)| arn);
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
