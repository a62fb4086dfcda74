//! The test for loopback hosts.

use std::net::IpAddr;

/// Whether the host is this machine. Only `localhost` and loopback addresses count, because any
/// other name may resolve to any address.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
