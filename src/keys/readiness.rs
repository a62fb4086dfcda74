//! Whether requests can be judged, in words.

/// Whether this process can judge requests.
///
/// A process that needed no key yet is ready: a replica that waits for its first request must not be taken out for that.
/// Only an endpoint from which a fetch failed just now, while no key of it that has verified a token is held, makes it not
/// ready. The answer that there is no such key does so for a kid whose key has verified a token before a reload, and for no
/// other, since any stranger can make up a kid. "Just now" ends when a request would
/// try again: a replica that gets no requests because it is not ready would else never find out that the endpoint is back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Readiness {
    pub(super) ready: bool,
    pub(super) problems: Vec<String>,
}

impl Readiness {
    /// Whether requests can be judged.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// What is wrong, a sentence each. There can be problems while it is ready: an endpoint that is down while its keys are
    /// still good.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}
