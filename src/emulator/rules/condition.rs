//! Conditions of a rule.

use std::{fmt, net::IpAddr};

use http::{HeaderMap, HeaderName, Method};
use ipnet::IpNet;
use percent_encoding::percent_decode_str;

use super::pattern::Pattern;

/// What conditions look at.
pub(in crate::emulator) struct Facts<'r> {
    pub(in crate::emulator) method: &'r Method,
    /// Without a port.
    pub(in crate::emulator) host: &'r str,
    /// As it was sent.
    pub(in crate::emulator) path: &'r str,
    /// Percent-decoded once.
    pub(in crate::emulator) unescaped: &'r [u8],
    pub(in crate::emulator) query: &'r str,
    pub(in crate::emulator) headers: &'r HeaderMap,
    /// The address of the connection. `X-Forwarded-For` does not matter.
    pub(in crate::emulator) client: IpAddr,
}

/// Which of the two readings of a path conditions compare. A listener compares the text of a path,
/// an application its meaning.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reading {
    Sent,
    Unescaped,
}

/// One condition. It matches if one of its values does.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    kind: Kind,
    /// As the rule has them, for the table.
    shown: String,
}

#[derive(Debug, Clone)]
enum Kind {
    Path(Vec<(Pattern, Pattern)>),
    /// Each with its text.
    Host(Vec<(Pattern, String)>),
    Method(Vec<String>),
    Header(HeaderName, Vec<Pattern>),
    Query(Vec<(Option<Pattern>, Pattern)>),
    SourceIp(Vec<IpNet>),
}

impl Condition {
    pub(super) fn path(values: &[String]) -> Self {
        let both = |value: &String| {
            let meant: Vec<u8> = percent_decode_str(value).collect();
            (Pattern::exact(value.as_bytes()), Pattern::exact(&meant))
        };
        Self::of(Kind::Path(values.iter().map(both).collect()), "path", values)
    }

    pub(super) fn host(values: &[String]) -> Self {
        let both = |value: &String| (Pattern::of_host(value), value.to_ascii_lowercase());
        Self::of(Kind::Host(values.iter().map(both).collect()), "host", values)
    }

    pub(super) fn method(values: &[String]) -> Self {
        Self::of(Kind::Method(values.to_vec()), "method", values)
    }

    pub(super) fn header(name: HeaderName, values: &[String]) -> Self {
        let patterns = values.iter().map(|value| Pattern::with_escapes(value)).collect();
        let shown = format!("header {name}");
        Self::of(Kind::Header(name, patterns), &shown, values)
    }

    pub(super) fn query(values: &[(Option<String>, String)]) -> Self {
        let both = |(key, value): &(Option<String>, String)| {
            (key.as_deref().map(Pattern::with_escapes), Pattern::with_escapes(value))
        };
        let shown: Vec<String> = values
            .iter()
            .map(|(key, value)| key.as_ref().map_or_else(|| value.clone(), |key| format!("{key}={value}")))
            .collect();
        Self::of(Kind::Query(values.iter().map(both).collect()), "query", &shown)
    }

    pub(super) fn source_ip(networks: Vec<IpNet>) -> Self {
        let shown: Vec<String> = networks.iter().map(ToString::to_string).collect();
        Self::of(Kind::SourceIp(networks), "source", &shown)
    }

    fn of(kind: Kind, what: &str, values: &[String]) -> Self {
        // Values are of a file: none of their characters may control the terminal.
        let values: Vec<String> = values.iter().map(|value| value.escape_default().to_string()).collect();
        Self { kind, shown: format!("{what} {}", values.join(", ")) }
    }

    /// The hosts that it names without a wildcard.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &str> {
        let hosts = match &self.kind {
            Kind::Host(hosts) => hosts.as_slice(),
            _ => &[],
        };
        hosts.iter().map(|(_, host)| host.as_str()).filter(|host| !host.contains(['*', '?']))
    }

    pub(super) fn fits(&self, facts: &Facts<'_>, reading: Reading) -> bool {
        match &self.kind {
            Kind::Path(patterns) => patterns.iter().any(|(sent, unescaped)| match reading {
                Reading::Sent => sent.fits(facts.path.as_bytes()),
                Reading::Unescaped => unescaped.fits(facts.unescaped),
            }),
            Kind::Host(patterns) => patterns.iter().any(|(pattern, _)| pattern.fits(facts.host.as_bytes())),
            Kind::Method(methods) => methods.iter().any(|method| method == facts.method.as_str()),
            Kind::Header(name, patterns) => {
                let mut values = facts.headers.get_all(name).iter();
                values.any(|value| patterns.iter().any(|pattern| pattern.fits(value.as_bytes())))
            }
            Kind::Query(pairs) => fits_query(facts.query, pairs),
            Kind::SourceIp(networks) => networks.iter().any(|network| network.contains(&facts.client.to_canonical())),
        }
    }
}

fn fits_query(query: &str, pairs: &[(Option<Pattern>, Pattern)]) -> bool {
    let plain = |text: &str| -> Vec<u8> { percent_decode_str(&text.replace('+', "%20")).collect() };
    query.split('&').filter(|pair| !pair.is_empty()).any(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (key, value) = (plain(key), plain(value));
        pairs
            .iter()
            .any(|(of_key, of_value)| of_key.as_ref().is_none_or(|pattern| pattern.fits(&key)) && of_value.fits(&value))
    })
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}
