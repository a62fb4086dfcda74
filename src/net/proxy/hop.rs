//! A mark on requests that were passed on, which reveals loops.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Contains one mark for each proxy that a request has passed. Not `Via`,
/// because servers do not compress responses to requests with that header.
const HOPS: HeaderName = HeaderName::from_static("x-tower-alb-auth-hops");

/// The mark of one `Upstream` and its clones, or of a router that requests documents from the service behind it.
pub(crate) struct HopMark(HeaderValue);

impl HopMark {
    /// `None` if the operating system provides no random bytes.
    pub(crate) fn new() -> Option<Self> {
        let mut bytes = [0; 8];
        aws_lc_rs::rand::fill(&mut bytes).ok()?;
        HeaderValue::from_str(&format!("{:016x}", u64::from_be_bytes(bytes))).ok().map(Self)
    }

    /// Adds the mark. Returns `false` if it is there already, which means that the request loops.
    #[must_use]
    pub(crate) fn mark(&self, headers: &mut HeaderMap) -> bool {
        !self.is_on(headers) && headers.try_append(HOPS, self.0.clone()).is_ok()
    }

    /// Whether the mark is there.
    pub(crate) fn is_on(&self, headers: &HeaderMap) -> bool {
        headers.get_all(HOPS).iter().any(|mark| *mark == self.0)
    }
}

/// Adds the marks of one request to another one that it causes.
#[must_use]
pub(crate) fn copy_marks(from: &HeaderMap, to: &mut HeaderMap) -> bool {
    from.get_all(HOPS).iter().all(|mark| to.try_append(HOPS, mark.clone()).is_ok())
}

#[cfg(all(test, feature = "backstage"))]
mod tests {
    use http::{Request, header};

    use super::*;
    use crate::net::proxy::headers::toward_server;

    /// Otherwise the client of a loop decides how often it is passed on.
    #[test]
    fn s_91_a_client_cannot_have_the_mark_removed_by_connection() {
        let mark = HopMark::new().expect("random bytes");
        let mut request =
            Request::get("/").header(header::CONNECTION, "X-Tower-Alb-Auth-Hops, close").body(()).unwrap();
        assert!(mark.mark(request.headers_mut()));
        toward_server(&mut request);
        assert!(mark.is_on(request.headers()) && !request.headers().contains_key(header::CONNECTION));
        assert!(!mark.mark(request.headers_mut()), "a second time");
    }
}
