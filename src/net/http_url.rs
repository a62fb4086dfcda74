//! Addresses of HTTP servers in settings and documents: one reader for all of them.
//!
//! | text | result |
//! |---|---|
//! | `http` or `https`, a host, perhaps a port, a path and a query | [`HttpUrl`] |
//! | an at-sign anywhere: there may be a password before it | [`HttpUrlError::UserInfo`]; such a text is never shown |
//! | another scheme, or none | [`HttpUrlError::Scheme`] |
//! | no host, or one with other characters than those of names and IP addresses | [`HttpUrlError::Host`] |
//! | a port that is empty, 0, no number or above 65535 | [`HttpUrlError::Port`] |
//! | a fragment, which clients do not send | [`HttpUrlError::Fragment`] |
//! | anything else that is no URL: a blank, a backslash, a control character | [`HttpUrlError::Invalid`] |
//!
//! The parser of `http` alone accepts a port of any digits and letters, drops a fragment, and accepts a host such as `a;b`.

use http::{
    Uri,
    uri::{Authority, Scheme},
};

use super::{host::is_host, is_loopback};

/// The URL of an HTTP server or of something on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HttpUrl {
    scheme: Scheme,
    authority: Authority,
    /// In lower case; an IPv6 address in brackets.
    host: String,
    port: Option<u16>,
    path: String,
    has_query: bool,
}

/// Why a text is not the URL of an HTTP server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HttpUrlError {
    UserInfo,
    Scheme,
    Host,
    Port,
    Fragment,
    Invalid,
}

impl HttpUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, HttpUrlError> {
        // Wherever the at-sign is: a password may have a slash or a number sign.
        if text.contains('@') {
            return Err(HttpUrlError::UserInfo);
        }
        if text.contains('\\') || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HttpUrlError::Invalid);
        }
        let parts = text.parse::<Uri>().map_err(|_| HttpUrlError::Invalid)?.into_parts();
        let path = parts.path_and_query;
        let scheme = parts.scheme.filter(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
        let scheme = scheme.ok_or(HttpUrlError::Scheme)?;
        let authority = parts.authority.ok_or(HttpUrlError::Host)?;
        let host = authority.host().to_ascii_lowercase();
        if !is_host(&host) {
            return Err(HttpUrlError::Host);
        }
        let after_host = authority.as_str().get(host.len()..).unwrap_or_default();
        let port = match after_host.strip_prefix(':') {
            None if after_host.is_empty() => None,
            // `http::Uri` accepts more text after an IPv6 address.
            None => return Err(HttpUrlError::Host),
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                let port = digits.parse().ok().filter(|port: &u16| *port > 0);
                Some(port.ok_or(HttpUrlError::Port)?)
            }
            Some(_) => return Err(HttpUrlError::Port),
        };
        if text.contains('#') {
            return Err(HttpUrlError::Fragment);
        }
        let has_query = path.as_ref().is_some_and(|path| path.query().is_some());
        let path = path.map(|path| path.path().to_owned()).unwrap_or_default();
        Ok(Self { scheme, authority, host, port, path, has_query })
    }

    /// Reads the address of a server: a URL without path and query.
    #[cfg(any(feature = "https", feature = "proxy", feature = "emulator", feature = "backstage"))]
    pub(crate) fn parse_server(text: &str) -> Result<Self, HttpUrlError> {
        Self::parse(text).and_then(|url| if url.is_server() { Ok(url) } else { Err(HttpUrlError::Invalid) })
    }

    /// Whether it has neither a path nor a query.
    #[cfg(any(feature = "https", feature = "proxy", feature = "emulator", feature = "backstage"))]
    pub(crate) fn is_server(&self) -> bool {
        !self.has_query && matches!(self.path.as_str(), "" | "/")
    }

    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// Whether nothing between this machine and the server can read and change the traffic: by TLS, or because the server
    /// is on this machine.
    pub(crate) fn is_protected(&self) -> bool {
        self.is_https() || self.is_loopback()
    }

    /// Whether the host is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback(&self.host)
    }

    /// Whether it is loopback, or a name below `localhost`, which is this machine too (RFC 6761 section 6.3). For addresses of
    /// development: a resolver may send such a name to a name server.
    #[cfg(any(feature = "emulator", feature = "backstage"))]
    pub(crate) fn is_on_this_machine(&self) -> bool {
        self.is_loopback() || self.host.ends_with(".localhost")
    }

    /// In lower case; an IPv6 address in brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// The port, if it is written.
    #[cfg(feature = "https")]
    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }

    /// As it is written; `/` for a URL without a path.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    pub(crate) fn has_query(&self) -> bool {
        self.has_query
    }

    /// What browsers write into `Origin` for its pages (RFC 6454 section 6.2): in lower case, without the scheme's own port.
    #[cfg(any(feature = "emulator", feature = "backstage"))]
    pub(crate) fn origin(&self) -> String {
        let usual = if self.is_https() { 443 } else { 80 };
        match self.port.filter(|port| *port != usual) {
            Some(port) => format!("{}://{}:{port}", self.scheme, self.host),
            None => format!("{}://{}", self.scheme, self.host),
        }
    }

    #[cfg(any(feature = "proxy", feature = "emulator", feature = "backstage"))]
    pub(crate) fn into_server(self) -> (Scheme, Authority) {
        (self.scheme, self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_into_its_parts() {
        for (text, https, host, port, path, query) in [
            ("https://idp.example.com", true, "idp.example.com", None, "/", false),
            ("http://LOCALHOST:3000/a/b?c=d", false, "localhost", Some(3000), "/a/b", true),
            ("https://[::1]:9000/", true, "[::1]", Some(9000), "/", false),
            ("HTTPS://auth_server:00443/x", true, "auth_server", Some(443), "/x", false),
        ] {
            let url = HttpUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
            let parts = (url.is_https(), &*url.host, url.port, url.path(), url.has_query());
            assert_eq!(parts, (https, host, port, path, query), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused_for_their_reason() {
        use HttpUrlError::{Fragment, Host, Invalid, Port, Scheme, UserInfo};
        let cases = [
            ("", Invalid),
            ("idp.example.com", Scheme),
            ("/path", Scheme),
            ("ftp://idp.example.com", Scheme),
            ("https://", Invalid),
            ("https:///path", Invalid),
            ("https://:443", Host),
            ("https://a;b", Host),
            ("https://*.example.com", Host),
            ("https://b%C3%BCcher.example", Invalid),
            ("https://[::1%25eth0]", Host),
            ("https://[1.2.3.4]", Host),
            ("https://[::1]example.com", Host),
            ("https://[::1]80", Host),
            ("https://host:", Port),
            ("https://host:0", Port),
            ("https://host:65536", Port),
            ("https://host:99999999999", Port),
            ("https://host:x", Port),
            ("https://host:+80", Port),
            ("https://host/#", Fragment),
            ("https://host/a b", Invalid),
            ("https://host\\path", Invalid),
            ("https://host/a\\b", Invalid),
            ("https://h\u{f6}st", Invalid),
            ("https://user@host", UserInfo),
            ("https://user:secret@host:x", UserInfo),
            ("https://user:secret@host/a b", UserInfo),
            ("https://user:secret\\@host", UserInfo),
            ("https://user:sec/ret@host", UserInfo),
            ("https://user:sec#ret@host", UserInfo),
            ("https://host/a@b", UserInfo),
        ];
        let found = cases.map(|(text, _)| (text, HttpUrl::parse(text).err()));
        assert_eq!(found, cases.map(|(text, expected)| (text, Some(expected))));
    }

    #[test]
    fn only_tls_and_this_machine_are_protected() {
        for (text, protected) in [
            ("https://idp.example.com", true),
            ("http://localhost:1", true),
            ("http://LOCALHOST", true),
            ("http://127.9.9.9", true),
            ("http://[::1]", true),
            ("http://idp.example.com", false),
            ("http://localhost.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("http://x.localhost", false),
            ("http://0.0.0.0", false),
            ("http://[::ffff:127.0.0.1]", false),
            ("http://2130706433", false),
        ] {
            assert_eq!(
                HttpUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}")).is_protected(),
                protected,
                "{text}"
            );
        }
    }

    #[cfg(any(feature = "emulator", feature = "backstage"))]
    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (text, origin) in [
            ("https://Backstage.Example.com:443/portal?x", "https://backstage.example.com"),
            ("http://localhost:80", "http://localhost"),
            ("http://localhost:443/", "http://localhost:443"),
            ("http://[::1]:7007/api", "http://[::1]:7007"),
        ] {
            assert_eq!(HttpUrl::parse(text).map(|url| url.origin()), Ok(origin.to_owned()), "{text}");
        }
    }
}
