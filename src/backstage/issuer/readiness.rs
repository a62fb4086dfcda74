//! Whether tokens can be given, in words.

/// Whether this process can give tokens that all back ends take.
///
/// A first key signs as soon as it is published, or nobody could sign in at a first start. A back end that fetched the key
/// set from another replica less than 30 s ago does not look for it, though, and refuses what it signs. So a replica that
/// comes to others is not ready for 35 s: a deployment that waits for that sends no users before. Keys that follow are
/// published long before they sign.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuerReadiness {
    pub(super) ready: bool,
    pub(super) problems: Vec<String>,
}

impl IssuerReadiness {
    /// Whether tokens can be given.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// What is wrong, a sentence each. There can be problems while it is ready: a store that is down while the signing key is
    /// still good.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}
