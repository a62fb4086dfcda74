//! `backend.listen`: the address that accepts connections.

use std::net::{IpAddr, Ipv6Addr};

use super::reader::{Path, Reader, Warning, unknown};
use crate::{
    config::{Problem, ProblemKind},
    internal::Value,
};

/// The port of stock back ends.
const PORT: u16 = 7007;
const MEMBERS: [&str; 2] = ["host", "port"];

/// The address that accepts connections.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenSettings {
    /// A host name or an IP address; `None` means every interface.
    pub host: Option<String>,
    /// 7007 unless another is named.
    pub port: u16,
}

/// `:7007`, `7007`, `127.0.0.1:7007`, or an object with host and port.
pub(super) fn read_listen(reader: &Reader<'_>, path: Path) -> Option<ListenSettings> {
    let (backend, key) = (reader.section(path.section()), path.key());
    reader.tell_unset(&backend, key);
    // Stock back ends look for listen.host in each file, also where a later one has null.
    if let Some(problem) = backend
        .node
        .member(key)
        .filter(|node| matches!(node.value, Value::Null))
        .and_then(|node| node.hidden(path.whole()))
    {
        reader.problem(problem.with_fix("leave out one of the two"));
        return None;
    }
    let Some(node) = backend.find(key) else { return Some(ListenSettings { host: None, port: PORT }) };
    match &node.value {
        Value::Text(text) => {
            let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
            // Without brackets it is not clear where the address ends.
            let host = if host.contains(':') && !host.starts_with('[') { None } else { host_of(host) };
            let (Ok(port), Some(host)) = (port.parse(), host) else {
                let predicate = "must be :<port> or <host>:<port>";
                reader.problem(Problem::of(ProblemKind::InvalidValue, backend.at(key), predicate));
                return None;
            };
            Some(ListenSettings { host, port })
        }
        _ => {
            let listen = backend.section(key)?;
            for (name, _) in listen.members().iter().filter(|(name, _)| !MEMBERS.contains(&name.as_str())) {
                reader.warn(Warning::ignored(listen.at(name), unknown(name, &MEMBERS)));
            }
            let host = match reader.text(&listen, "host") {
                None => Some(None),
                Some(host) => host_of(&host),
            };
            if host.is_none() {
                let problem = Problem::of(ProblemKind::InvalidValue, listen.at("host"), "is no host");
                let fix = "write a host name or an IP address alone, or leave it out for every interface";
                reader.problem(problem.with_fix(fix));
            }
            let port = reader.number(&listen, "port", "a port").unwrap_or(PORT);
            Some(ListenSettings { host: host?, port })
        }
    }
}

/// The inner `None` is every interface; the outer one means that it is no host.
fn host_of(host: &str) -> Option<Option<String>> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let is_address = |text: &str| text.parse::<IpAddr>().is_ok();
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
    match bare {
        _ if host.is_empty() => Some(None),
        Some(bare) if bare.parse::<Ipv6Addr>().is_ok() => Some(Some(bare.to_owned())),
        None if is_name(host) || is_address(host) => Some(Some(host.to_owned())),
        _ => None,
    }
}
