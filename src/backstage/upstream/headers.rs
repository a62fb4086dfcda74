//! The forwarding headers for the upstream.

use std::net::IpAddr;

use http::{HeaderName, HeaderValue, Request, header, uri::Authority};

use crate::internal::{
    OidcHeaders,
    proxy::{add_forwarded_for, set},
};

const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whether the request names at most one host, and nothing else with it. With two, one server may
/// read the first and the next server the last. The authority of the target replaces `Host`.
pub(super) fn names_one_host<B>(request: &Request<B>) -> bool {
    let without_user = |authority: &Authority| !authority.as_str().contains('@');
    let is_host = |host: &HeaderValue| {
        host.is_empty() || Authority::try_from(host.as_bytes()).is_ok_and(|named| without_user(&named))
    };
    let mut hosts = request.headers().get_all(header::HOST).iter();
    request.uri().authority().is_none_or(without_user) && hosts.next().is_none_or(is_host) && hosts.next().is_none()
}

/// Whether the request may be passed on.
pub(super) fn toward_upstream<B>(
    request: &mut Request<B>,
    client: Option<IpAddr>,
    keeps_identity_headers: bool,
) -> bool {
    let host = match request.uri().authority() {
        Some(authority) => Some(authority.as_str().to_owned()),
        None => request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned),
    };
    let headers = request.headers_mut();
    let found = OidcHeaders::scan(headers).to_strip();
    match keeps_identity_headers {
        true => found.strip_look_alikes(headers),
        false => found.strip_all(headers),
    }
    headers.remove(header::FORWARDED);
    headers.remove(X_FORWARDED_HOST);
    if let Some(host) = host {
        set(headers, X_FORWARDED_HOST, &host);
    }
    if !headers.contains_key(X_FORWARDED_PROTO) {
        set(headers, X_FORWARDED_PROTO, "http");
    }
    client.is_none_or(|client| add_forwarded_for(headers, client))
}
