//! A mark on requests that were passed on, by which one that comes back is known.

use http::{HeaderMap, HeaderName, HeaderValue};

/// One mark for each [`Upstream`](super::Upstream) that a request has passed. Not `Via`: servers compress no responses to
/// requests that have it.
const HOPS: HeaderName = HeaderName::from_static("x-tower-alb-auth-hops");

/// The mark of one `Upstream`, which its clones share.
pub(super) struct HopMark(HeaderValue);

impl HopMark {
    /// `None` where the system has no random bytes.
    pub(super) fn new() -> Option<Self> {
        let mut bytes = [0; 8];
        aws_lc_rs::rand::fill(&mut bytes).ok()?;
        HeaderValue::from_str(&format!("{:016x}", u64::from_be_bytes(bytes))).ok().map(Self)
    }

    /// Adds the mark. `false` if it is there already: the request goes in a circle.
    #[must_use]
    pub(super) fn mark(&self, headers: &mut HeaderMap) -> bool {
        let is_back = headers.get_all(HOPS).iter().any(|mark| *mark == self.0);
        !is_back && headers.try_append(HOPS, self.0.clone()).is_ok()
    }
}
