//! The host of a connection.

use std::net::IpAddr;

use crate::{
    backstage::settings::reader::Reader,
    config::{Problem, ProblemKind},
    internal::{KeyAt, is_loopback},
};

const VARIABLE: &str = "PGHOST";

/// The host of the connection, or of `PGHOST`. The outer `None` means that it cannot be used. Its value is in no message, because a
/// whole address with a password may stand in its place.
pub(super) fn read_host(reader: &Reader<'_>, written: Option<String>, at: Option<KeyAt>) -> Option<Option<String>> {
    let (host, at) = match written {
        Some(host) => (host, at.unwrap_or_else(|| KeyAt::path("host"))),
        None => match reader.variable(VARIABLE) {
            Some(host) => (host.to_owned(), KeyAt::path(VARIABLE)),
            None => return Some(None),
        },
    };
    if is_host(&host) {
        return Some(Some(host));
    }
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let problem = match host.rsplit_once(':').filter(|(host, port)| is_host(host) && is_port(port)) {
        Some(_) => {
            Problem::of(ProblemKind::InvalidValue, at, "has a port behind the host, which is a setting of its own")
                .with_fix("write host: <host> and port: <port>")
        }
        None => Problem::of(ProblemKind::InvalidValue, at, "is no host")
            .with_fix("write the name or the IP address of one host alone, or the folder of a Unix socket"),
    };
    reader.problem(problem.with_expected("a host"));
    None
}

/// Whether it is a name, an IP address without brackets, or the folder of a socket.
fn is_host(text: &str) -> bool {
    let is_name = || text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    // An address may have a zone: fe80::1%eth0.
    let address = text.split_once('%').map_or(text, |(address, _)| address);
    text.starts_with('/') || (!text.is_empty() && is_name()) || address.parse::<IpAddr>().is_ok()
}

/// Whether the connection uses a network: neither a loopback address, nor the folder of a socket.
pub(super) fn is_elsewhere(host: &str) -> bool {
    !is_loopback(host) && !host.ends_with(".localhost") && !host.starts_with('/')
}
