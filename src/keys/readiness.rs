//! Whether tokens can be verified, with the reasons.

/// Whether this process can verify tokens.
///
/// A process that has needed no key yet is ready, so that a replica can wait for its first request.
/// The process is not ready if a fetch from an endpoint failed recently and no key of that endpoint
/// that has verified a token is held. A response that there is no such key counts as such a failure
/// only if the key of that kid verified a token before a reload, since any client can invent a kid.
///
/// A failure is no longer recent once a request would try the endpoint again. Otherwise a replica
/// that gets no requests because it is not ready would never notice that the endpoint works again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Readiness {
    pub(super) ready: bool,
    pub(super) problems: Vec<String>,
}

impl Readiness {
    /// Whether tokens can be verified.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// The problems, one message each. There can be problems while the process is ready, for
    /// example an endpoint that is down while its keys are still valid.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}
