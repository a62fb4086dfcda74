//! The host of an authority (RFC 3986 section 3.2): one reader for addresses in settings and for the host that a request names.

/// Whether it is a name, an IPv4 address, or an IPv6 address in brackets. Names have a `_` in some container networks.
pub(super) fn is_host(host: &str) -> bool {
    if let Some(bare) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return bare.parse::<std::net::Ipv6Addr>().is_ok();
    }
    !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// The host that a request names.
#[cfg(any(feature = "backstage", feature = "proxy"))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostName {
    #[cfg(feature = "proxy")]
    name: String,
    written: String,
}

#[cfg(any(feature = "backstage", feature = "proxy"))]
impl HostName {
    /// Reads `host` or `host:port`. `None` for anything else, which servers read in different ways: for
    /// `app.example.com:x`, nginx and Caddy serve `app.example.com`. The parser of `http` accepts it.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let end = match text.starts_with('[') {
            true => text.find(']')?.checked_add(1)?,
            false => text.find(':').unwrap_or(text.len()),
        };
        let (host, after) = text.split_at_checked(end)?;
        let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let is_whole = after.is_empty() || after.strip_prefix(':').is_some_and(is_port);
        let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let has_labels = name.starts_with('[') || name.split('.').all(|label| !label.is_empty());
        (is_whole && has_labels && is_host(&name)).then(|| Self {
            #[cfg(feature = "proxy")]
            name,
            written: text.to_owned(),
        })
    }

    /// In lower case, without port and final dot, so that names of one host are equal.
    #[cfg(feature = "proxy")]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// As the request has it, with the port.
    pub(crate) fn as_written(&self) -> &str {
        &self.written
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "proxy")]
    #[test]
    fn s_191_the_host_of_a_request_has_one_reading() {
        use super::HostName;
        for (text, name) in [
            ("app.example.com", "app.example.com"),
            ("APP.example.com:443", "app.example.com"),
            ("app.example.com.:8443", "app.example.com"),
            ("app.example.com:", "app.example.com"),
            ("orders_api:3000", "orders_api"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[2001:DB8::1]:443", "[2001:db8::1]"),
        ] {
            let read = HostName::read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((read.name(), read.as_written()), (name, text));
        }
        for text in [
            "",
            ".",
            "..",
            "app.example.com..",
            "app.example.com..:443",
            "app..example.com",
            ".app.example.com",
            "[::1].",
            ":",
            ":80",
            "app.example.com:x",
            "app.example.com:80:80",
            "app.example.com:+80",
            "app.example.com: 80",
            "app.example.com:80 ",
            " app.example.com",
            "[app.example.com]",
            "[::1",
            "[::1]x",
            "[::1]80",
            "::1",
            "a,b",
            "a;b",
            "user@app.example.com",
            "app.example.com/x",
            "app.example.com?x",
            "app.example.com#x",
            "app.example.com\\x",
            "app%2eexample.com",
            "app\u{3002}example.com",
            "*.example.com",
            "[]",
            "[]:80",
            "a]b",
        ] {
            assert_eq!(HostName::read(text), None, "{text}");
        }
    }
}
