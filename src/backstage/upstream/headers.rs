//! The forwarding headers for the upstream.

use std::net::IpAddr;

use http::{HeaderName, Request, header};

use crate::internal::{
    OidcHeaders,
    proxy::{add_forwarded_for, named_host, set},
};

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whether the request may be passed on.
pub(super) fn toward_upstream<B>(
    request: &mut Request<B>,
    client: Option<IpAddr>,
    keeps_identity_headers: bool,
) -> bool {
    let host = named_host(request).ok().flatten();
    let headers = request.headers_mut();
    let found = OidcHeaders::scan(headers).to_strip();
    match keeps_identity_headers {
        true => found.strip_look_alikes(headers),
        false => found.strip_all(headers),
    }
    headers.remove(header::FORWARDED);
    headers.remove(X_FORWARDED_HOST);
    if let Some(host) = host {
        set(headers, X_FORWARDED_HOST, host.as_written());
    }
    if !headers.contains_key(X_FORWARDED_PROTO) {
        set(headers, X_FORWARDED_PROTO, "http");
    }
    client.is_none_or(|client| add_forwarded_for(headers, client))
}
