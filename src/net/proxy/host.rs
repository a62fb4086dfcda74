//! The host that a request names.

use http::{HeaderValue, Request, header, uri::Authority};

/// Whether the request names at most one host, and nothing else with it. With two, one server may
/// read the first and the next server the last. The authority of the target replaces `Host`.
pub(crate) fn names_one_host<B>(request: &Request<B>) -> bool {
    let without_user = |authority: &Authority| !authority.as_str().contains('@');
    let is_host = |host: &HeaderValue| {
        host.is_empty() || Authority::try_from(host.as_bytes()).is_ok_and(|named| without_user(&named))
    };
    let mut hosts = request.headers().get_all(header::HOST).iter();
    request.uri().authority().is_none_or(without_user) && hosts.next().is_none_or(is_host) && hosts.next().is_none()
}

/// The host that the request names, with its port. The authority of the target replaces `Host`.
pub(crate) fn named_host<B>(request: &Request<B>) -> Option<String> {
    match request.uri().authority() {
        Some(authority) => Some(authority.as_str().to_owned()),
        None => request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).map(str::to_owned),
    }
}
