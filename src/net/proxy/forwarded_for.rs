//! `X-Forwarded-For`: the addresses that a request passed through.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};

use super::headers::set;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Maximum number of addresses that a request may have. A load balancer responds to more with 463.
const MAX_ADDRESSES: usize = 30;

/// Appends the client's address to the header. Returns whether the request may be forwarded: a
/// request with too many addresses is in a forwarding loop or is malicious.
#[must_use]
pub(crate) fn add_forwarded_for(headers: &mut HeaderMap, client: IpAddr) -> bool {
    let before: Vec<String> = headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|address| address.trim().to_owned()))
        .filter(|address| !address.is_empty())
        .collect();
    if before.len() > MAX_ADDRESSES {
        return false;
    }
    let addresses: Vec<String> = before.into_iter().chain([client.to_string()]).collect();
    set(headers, X_FORWARDED_FOR, &addresses.join(", "));
    true
}
