//! Where the public keys are.

use std::{fmt, sync::Arc};

use http::Uri;

use crate::net::is_loopback;

/// The address under which a region's public keys are, one a kid: `{endpoint}/{kid}`.
///
/// Always from the configuration, never from a token. `https`, or `http` to a loopback address (which the configuration then
/// allows for the local emulator alone).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyEndpoint {
    /// Without a slash at the end.
    base: Arc<str>,
}

impl KeyEndpoint {
    /// # Errors
    /// A sentence that says what is wrong with the address.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let shown = crate::error::quoted(text);
        let base = text.strip_suffix('/').unwrap_or(text);
        if text.contains('@') {
            // Not shown: what stands there may be a password.
            return Err("the key endpoint must name a host, without user or password".to_owned());
        }
        let uri: Uri = base.parse().map_err(|_| format!("the key endpoint {shown} is not a URL"))?;
        let host = uri.host().unwrap_or_default();
        if host.is_empty() {
            return Err(format!("the key endpoint {shown} must name a host"));
        }
        if uri.query().is_some() || text.contains('#') || text.contains("..") || uri.path().contains("//") {
            return Err(format!(
                "the key endpoint {shown} must be a plain address: no query, no fragment, no dots as path"
            ));
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(host) => {}
            Some("http") => {
                return Err(format!(
                    "the key endpoint {shown} must be https: keys that came over plain http prove nothing"
                ));
            }
            _ => return Err(format!("the key endpoint {shown} must begin with https://")),
        }
        Ok(Self { base: base.into() })
    }

    /// The address as text, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.base
    }

    /// Whether keys travel in the clear, which only the local emulator may.
    pub(crate) fn is_plain_http(&self) -> bool {
        // Schemes are read in either case (RFC 3986 section 3.1), so `HTTP:` is plain too.
        !self.base.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
    }
}

impl fmt::Display for KeyEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.base)
    }
}

impl fmt::Debug for KeyEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyEndpoint({})", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_read() {
        for (text, base) in [
            ("https://keys.example.com", "https://keys.example.com"),
            ("https://keys.example.com/", "https://keys.example.com"),
            ("https://keys.example.com/a/b", "https://keys.example.com/a/b"),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("http://[::1]:9000", "http://[::1]:9000"),
            ("http://localhost:9000/keys/", "http://localhost:9000/keys"),
        ] {
            assert_eq!(KeyEndpoint::parse(text).unwrap().as_str(), base);
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for text in [
            "",
            "keys.example.com",
            "http://keys.example.com",
            "http://localhost.evil.test",
            "http://127.0.0.1.evil.test",
            "https://user@keys.example.com",
            "https://keys.example.com?x=",
            "https://keys.example.com/#",
            "ftp://keys.example.com",
            "https://",
            "https://a/../b",
            "https://a//b",
            "http://10.0.0.1",
            "https://keys example",
        ] {
            assert!(KeyEndpoint::parse(text).is_err(), "{text}");
        }
    }
}
