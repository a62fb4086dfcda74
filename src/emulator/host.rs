//! The host that a request names.

use http::{HeaderMap, Uri, header, uri::Authority};

/// The host that a request names, with the port if there is one. There must be exactly one. It is
/// taken from the request target if that has it (HTTP/2, and the absolute form of HTTP/1.1, which
/// overrides the header: RFC 9112 section 3.2.2), otherwise from the header `Host`.
pub(super) fn named(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let named = match uri.authority() {
        Some(authority) => authority.clone(),
        None => {
            let mut hosts = headers.get_all(header::HOST).iter();
            let (first, second) = (hosts.next(), hosts.next());
            first.filter(|_| second.is_none())?.to_str().ok()?.parse().ok()?
        }
    };
    // The URI parser also accepts user information, and a port that is not a number.
    let plain = match named.port() {
        Some(port) => named.as_str().strip_suffix(port.as_str()).and_then(|rest| rest.strip_suffix(':')),
        None => Some(named.as_str()),
    };
    (plain == Some(named.host())).then_some(named)
}
