//! Headers that a request must not have when it goes on: those that replace the path or the method, which a
//! rule has checked, and what the authenticator has removed.

use axum::body::Body;
use http::{HeaderMap, HeaderName, Request};

use crate::Claims;

/// Headers by which some frameworks take another path than that of the request line. A rule has
/// checked the latter.
const OTHER_PATHS: [HeaderName; 6] = [
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-original-uri"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("x-forwarded-uri"),
    HeaderName::from_static("x-forwarded-path"),
    HeaderName::from_static("x-forwarded-prefix"),
];

/// Headers by which some frameworks take another method. An exempt path is exempt for some methods.
const OTHER_METHODS: [HeaderName; 4] = [
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-method-override"),
    HeaderName::from_static("x-forwarded-method"),
];

/// Those of the method are of use to signed-in users, whose access does not depend on it.
pub(super) fn strip_other_targets(headers: &mut HeaderMap, has_user: bool) {
    OTHER_PATHS.iter().for_each(|name| drop(headers.remove(name)));
    if !has_user {
        OTHER_METHODS.iter().for_each(|name| drop(headers.remove(name)));
    }
}

/// The headers of a client's request that Envoy has, and passes on itself.
pub(super) struct SentHeaders(Vec<HeaderName>);

impl SentHeaders {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self(headers.keys().cloned().collect())
    }

    /// What Envoy is to remove: what is not in the admitted request any more.
    pub(super) fn to_remove(&self, admitted: Request<Body>) -> impl Iterator<Item = &HeaderName> {
        let has_user = Claims::of(admitted.extensions()).is_some();
        let mut rest = admitted.into_parts().0.headers;
        strip_other_targets(&mut rest, has_user);
        self.0.iter().filter(move |name| !rest.contains_key(*name))
    }
}
