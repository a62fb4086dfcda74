//! The address of the public keys.

use std::{error::Error, fmt, sync::Arc};

use crate::net::{HttpUrl, HttpUrlError, is_private_host};

/// The base address of a region's public keys. The key of a kid is at `{endpoint}/{kid}`.
///
/// The address always comes from the configuration, never from a token. Its scheme is `https`. For the
/// local emulator only, the configuration permits `http`: for a loopback address, and for the one host
/// of a private network that it names.
#[doc(alias = "jwks")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct KeyEndpoint {
    /// Without a slash at the end.
    base: Arc<str>,
    is_https: bool,
}

impl KeyEndpoint {
    pub(crate) fn parse(text: &str) -> Result<Self, KeyEndpointError> {
        Self::parse_with(text, None)
    }

    /// The same; plain http is accepted from this host of a private network too.
    pub(crate) fn parse_with(text: &str, plain_http_from: Option<&str>) -> Result<Self, KeyEndpointError> {
        let refused = |reason| Err(KeyEndpointError { found: crate::error::quoted(text), reason });
        let base = text.strip_suffix('/').unwrap_or(text);
        let url = match HttpUrl::parse(base) {
            Ok(url) => url,
            Err(error) => {
                return refused(match error {
                    HttpUrlError::UserInfo => Reason::UserInfo,
                    HttpUrlError::Host => Reason::NoHost,
                    HttpUrlError::Scheme => Reason::NotHttps,
                    HttpUrlError::Fragment => Reason::NotPlain,
                    HttpUrlError::Port | HttpUrlError::Invalid => Reason::NotUrl,
                });
            }
        };
        // By the URL Standard, `\` is a slash and `%2e%2e` a dot segment; `Uri` keeps both as they are.
        let is_read_otherwise = text.contains('\\')
            || text.to_ascii_lowercase().contains("%2e")
            || url.path().split('/').any(|segment| segment == ".");
        if is_read_otherwise
            || url.has_query()
            || text.contains('#')
            || text.contains("..")
            || url.path().contains("//")
        {
            return refused(Reason::NotPlain);
        }
        match plain_http_from {
            None if !url.is_protected() => return refused(Reason::PlainHttp),
            None => {}
            Some(_) if url.is_protected() => return refused(Reason::NeedsNoPermission),
            Some(host) if !is_same_host(host, url.host()) => return refused(Reason::OtherHost),
            Some(_) if !is_private_host(url.host()) => return refused(Reason::NotPrivate),
            Some(_) => {}
        }
        Ok(Self { base: base.into(), is_https: url.is_https() })
    }

    /// The address as text, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.base
    }

    /// Whether keys are transferred without TLS, which is permitted for the local emulator only.
    pub(crate) fn is_plain_http(&self) -> bool {
        !self.is_https
    }

    /// The host, if keys cross a network without TLS.
    pub(crate) fn unprotected_host(&self) -> Option<String> {
        let url = HttpUrl::parse(&self.base).ok().filter(|url| !url.is_protected())?;
        Some(url.host().to_owned())
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

/// Why an address is not that of a key endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyEndpointError {
    found: String,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    UserInfo,
    NotUrl,
    NoHost,
    NotPlain,
    PlainHttp,
    NotHttps,
    NeedsNoPermission,
    OtherHost,
    NotPrivate,
}

/// Whether the setting names this host. An IPv6 address may have its brackets or not.
fn is_same_host(named: &str, host: &str) -> bool {
    let bare = |host: &str| host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    bare(named) == bare(host)
}

impl KeyEndpointError {
    /// Whether plain http is the only problem.
    pub(crate) fn is_plain_http(&self) -> bool {
        self.reason == Reason::PlainHttp
    }
}

impl fmt::Display for KeyEndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { found, reason } = self;
        match reason {
            // The address is not shown, because it may contain a password.
            Reason::UserInfo => f.write_str("the key endpoint must name a host, without user or password"),
            Reason::NotUrl => write!(f, "the key endpoint {found} is not a URL"),
            Reason::NoHost => write!(f, "the key endpoint {found} must name a host"),
            Reason::NotPlain => {
                write!(f, "the key endpoint {found} must be a plain address: no query, no fragment, no dot segments")
            }
            Reason::PlainHttp => {
                write!(f, "the key endpoint {found} must be https: keys from plain http cannot be trusted")
            }
            Reason::NeedsNoPermission => write!(
                f,
                "the key endpoint {found} is https or on this machine, so the host for keys over plain http has no effect: remove \
                 dangerously_fetch_keys_over_http_from (environment: ALB_AUTH_DANGEROUSLY_FETCH_KEYS_OVER_HTTP_FROM, \
                 app-config.yaml: dangerouslyFetchKeysOverHttpFrom)"
            ),
            Reason::OtherHost => {
                write!(f, "the key endpoint {found} is plain http, and its host is not the one that is named for that")
            }
            Reason::NotPrivate => write!(
                f,
                "the key endpoint {found} must be https: only a private address, a name without a dot, or a name that ends with \
                 .internal, .local, .localhost, .test or .home.arpa can be named for keys over plain http"
            ),
            Reason::NotHttps => write!(f, "the key endpoint {found} must begin with https://"),
        }
    }
}

impl Error for KeyEndpointError {}

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
            "https://keys.example.com:99999",
            "https://keys.example.com:x",
            "https://keys.example.com:0",
            "https://keys.example.com\\a",
            "https://keys.example.com/@a",
            "https://a;b",
            "https://keys.example.com/a\\b",
            "https://keys.example.com/a/%2E%2e/b",
            "https://keys.example.com/a/./b",
            "https://keys%2eexample.com",
            "https://keys.example.com:65536",
            "https://keys.example.com:",
        ] {
            assert!(KeyEndpoint::parse(text).is_err(), "{text}");
        }
    }
}
