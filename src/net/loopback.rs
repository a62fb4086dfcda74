//! Which hosts are this machine.

use std::net::IpAddr;

/// Names could resolve to anything, so only `localhost` and loopback addresses count.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
