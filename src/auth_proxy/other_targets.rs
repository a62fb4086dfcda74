//! Headers by which a service takes another path, method or host than that of the request line, or another request than the one
//! that a rule has checked.
//!
//! Names are compared as those of [identity headers](super::identity_headers): a server that folds `X_Original_URL` and
//! `X-Original-URL` together reads both.

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, Request};
use hyper::body::Frame;

use super::identity_headers::{IdentityHeaders, strip_families, strip_folded, strip_twins};
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

/// Headers of which the real spelling means something to this proxy or was set by the load balancer. uWSGI reads `Content_Length`
/// and `Content-Length` as one: a server that takes another length from them takes a part of the body for the next request.
const WITHOUT_TWINS: [&str; 8] = [
    "content-length",
    "transfer-encoding",
    "content-type",
    "proxy-connection",
    "keep-alive",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-port",
];

/// What RFC 9110 section 6.5.1 keeps out of trailers, as far as a service could take another request from it.
const NEVER_TRAILERS: [&str; 11] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "keep-alive",
    "proxy-connection",
    "http2-settings",
];

/// Of a load balancer.
const FAMILIES_OF_ALB: [&str; 2] = ["x-forwarded-", "x-amzn-"];

/// Removes those that replace path or host, and other spellings of headers that have one; without a user, those that replace
/// the method too.
pub(super) fn strip_other_targets(headers: &mut HeaderMap, has_user: bool) {
    strip_twins(headers, &WITHOUT_TWINS);
    strip_folded(headers, &PATHS);
    strip_folded(headers, &HOSTS);
    if !has_user {
        strip_folded(headers, &METHODS);
    }
}

/// A frame of a client's body, without the trailers that may not be there. Some servers treat trailers as headers.
pub(super) fn strip_client_trailers(identity: &IdentityHeaders, frame: Frame<Bytes>) -> Frame<Bytes> {
    match identity.strip_trailers(frame).into_trailers() {
        Ok(mut trailers) => {
            strip_other_targets(&mut trailers, false);
            strip_folded(&mut trailers, &NEVER_TRAILERS);
            strip_families(&mut trailers, &FAMILIES_OF_ALB);
            Frame::trailers(trailers)
        }
        Err(frame) => frame,
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
