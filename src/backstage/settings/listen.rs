//! `backend.listen`: the address that accepts connections.

use super::reader::{Path, Reader};
use crate::{
    config::{Problem, ProblemKind},
    internal::Value,
};

/// The port of stock back ends.
const PORT: u16 = 7007;

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
            let Ok(port) = port.parse() else {
                let problem =
                    Problem::of(ProblemKind::InvalidValue, backend.at(key), "must be :<port> or <host>:<port>");
                reader.problem(problem);
                return None;
            };
            Some(ListenSettings { host: host_of(host), port })
        }
        _ => {
            let listen = backend.section(key)?;
            let host = reader.text(&listen, "host").and_then(|host| host_of(&host));
            let port = reader.number(&listen, "port", "a port").unwrap_or(PORT);
            Some(ListenSettings { host, port })
        }
    }
}

fn host_of(host: &str) -> Option<String> {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    (!host.is_empty()).then(|| host.to_owned())
}
