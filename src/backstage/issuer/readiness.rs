//! Readiness of a token issuer.

/// Whether this process can issue tokens that all back ends accept.
///
/// A first key signs as soon as it is published; otherwise no user could sign in after a first
/// start. But a back end that fetched the key set from another replica less than 30 s ago does not
/// fetch it again, and rejects tokens by the new key. So a replica that joins others is not ready
/// for 35 s; a deployment that waits for readiness sends it no users before. Later keys are
/// published long before they sign.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuerReadiness {
    pub(super) ready: bool,
    pub(super) problems: Vec<String>,
}

impl IssuerReadiness {
    /// Whether tokens can be issued.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// The problems. There can be problems while it is ready, such as an unavailable store while
    /// the signing key is valid.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}
