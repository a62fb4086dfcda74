//! Headers by which a service takes another path, method or host than that of the request line. A rule has checked the latter.
//!
//! Names are compared as those of [identity headers](super::identity_headers): a server that folds `X_Original_URL` and
//! `X-Original-URL` together reads both.

use axum::body::Body;
use http::{HeaderMap, HeaderName, Request};

use super::identity_headers::strip_folded;
use crate::Claims;

/// `SCRIPT_NAME` and `PATH_INFO`: gunicorn takes them from a proxy on the same machine, and cuts `SCRIPT_NAME` off the path.
const PATHS: [&str; 14] = [
    "x-original-url",
    "x-original-uri",
    "x-original-path",
    "x-rewrite-url",
    "x-rewrite-uri",
    "x-forwarded-uri",
    "x-forwarded-path",
    "x-forwarded-prefix",
    "x-envoy-original-path",
    "x-replaced-path",
    "script-name",
    "x-script-name",
    "path-info",
    "x-path-info",
];

const HOSTS: [&str; 6] =
    ["forwarded", "x-forwarded-host", "x-forwarded-server", "x-host", "x-original-host", "x-http-host-override"];

/// An exempt path is exempt for some methods.
const METHODS: [&str; 5] =
    ["x-http-method-override", "x-http-method", "x-method-override", "x-forwarded-method", "x-original-method"];

/// Removes those that replace path or host; without a user, those that replace the method too.
pub(super) fn strip_other_targets(headers: &mut HeaderMap, has_user: bool) {
    strip_folded(headers, &PATHS);
    strip_folded(headers, &HOSTS);
    if !has_user {
        strip_folded(headers, &METHODS);
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
