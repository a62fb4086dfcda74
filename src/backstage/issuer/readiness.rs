//! Readiness of a token issuer.

use std::time::Duration;

/// Whether this process can issue tokens that all back ends accept.
///
/// A first key signs as soon as it is published; otherwise no user could sign in after a first
/// start. But a back end that fetched the key set from another replica less than 30 s ago does not
/// fetch it again, and rejects tokens by the new key. So a replica that joins others is not ready
/// for 35 s; a deployment that waits for readiness sends it no users before. A replica that is alone
/// on its store ([`PublicKeyStore::has_other_processes`](crate::backstage::store::PublicKeyStore::has_other_processes))
/// is ready at once, because no other replica serves its users meanwhile. Later keys are published
/// long before they sign.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuerReadiness {
    pub(super) ready: bool,
    pub(super) problems: Vec<String>,
    pub(super) ready_in: Option<Duration>,
}

impl IssuerReadiness {
    /// Whether tokens can be issued.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// How long it still waits until back ends know its published key. `None` if that is not what it
    /// waits for.
    pub fn ready_in(&self) -> Option<Duration> {
        self.ready_in
    }

    /// The problems. There can be problems while it is ready, such as an unavailable store while
    /// the signing key is valid.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}
