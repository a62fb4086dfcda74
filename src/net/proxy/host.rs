//! The host that a request names.

use http::{Request, header};

use super::super::host::HostName;

/// A request that names two hosts, or something else than a host. With two, one server may read the first and the next server
/// the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotOneHost;

/// The host that the request names; `None` if it names none, or an empty one. The authority of the target replaces `Host`.
pub(crate) fn named_host<B>(request: &Request<B>) -> Result<Option<HostName>, NotOneHost> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let of_header = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(host), None) if host.is_empty() => None,
        (Some(host), None) => Some(host.to_str().ok().and_then(HostName::read).ok_or(NotOneHost)?),
        (Some(_), Some(_)) => return Err(NotOneHost),
    };
    match request.uri().authority() {
        Some(authority) => HostName::read(authority.as_str()).map(Some).ok_or(NotOneHost),
        None => Ok(of_header),
    }
}
