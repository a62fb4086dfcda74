//! `X-Forwarded-For`: through whose hands a request went.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};

use super::headers::set;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// A load balancer answers 463 to more.
const MAX_FORWARDED: usize = 30;

/// Adds this address to those that are there. Whether the request may go on: one with too many goes in a circle, or means no
/// good.
#[must_use]
pub(crate) fn add_forwarded_for(headers: &mut HeaderMap, client: IpAddr) -> bool {
    let before: Vec<String> = headers
        .get_all(X_FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(|address| address.trim().to_owned()))
        .filter(|address| !address.is_empty())
        .collect();
    if before.len() > MAX_FORWARDED {
        return false;
    }
    let addresses: Vec<String> = before.into_iter().chain([client.to_string()]).collect();
    set(headers, X_FORWARDED_FOR, &addresses.join(", "));
    true
}
