//! The origins whose pages may request a session.

use http::{HeaderMap, HeaderValue, header, uri::Authority};

use crate::internal::{HttpUrl, is_loopback};

/// Origins (RFC 6454 section 7) whose pages may request a session, as browsers write them.
#[derive(Debug, Clone, Default)]
pub(super) struct Origins(Vec<HeaderValue>);

impl Origins {
    /// Adds the origin of a URL, with or without a path.
    pub(super) fn add_address(&mut self, name: &str, address: &str) -> Result<(), String> {
        let (origin, _) = parse(address).ok_or_else(|| {
            format!(
                "the {name} {} is not a URL: write it as https://backstage.example.com",
                crate::internal::quoted(address)
            )
        })?;
        self.0.push(origin);
        Ok(())
    }

    /// Adds an origin.
    pub(super) fn add_origin(&mut self, origin: &str) -> Result<(), String> {
        match parse(origin) {
            Some((parsed, "")) => {
                self.0.push(parsed);
                Ok(())
            }
            _ => Err(format!(
                "{} is not an origin: write it as https://app.example.com, without a path or a pattern",
                crate::internal::quoted(origin)
            )),
        }
    }

    /// The origins on other machines whose pages are served over plain http.
    pub(super) fn unprotected(&self) -> impl Iterator<Item = &str> {
        let hosts = self.0.iter().filter_map(|origin| origin.to_str().ok()?.strip_prefix("http://"));
        hosts.filter(|authority| {
            let host = authority.parse::<Authority>().ok();
            !host.is_some_and(|host| is_this_machine(host.host()))
        })
    }

    /// The origins that are [insecure](is_insecure).
    pub(super) fn insecure(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|origin| origin.to_str().ok()).filter(|origin| is_insecure(origin))
    }

    /// Whether the browser says that the request comes from one of these origins, or that no other
    /// site is involved.
    ///
    /// A page cannot write either header, and a browser that sends no `Origin` reports the relation
    /// in `Sec-Fetch-Site` (Fetch Metadata). A client that sends neither is not a browser, so it
    /// has no session that a page could misuse.
    pub(super) fn allow(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(header::ORIGIN) {
            return self.names(headers);
        }
        headers
            .get_all("sec-fetch-site")
            .iter()
            .all(|site| matches!(site.as_bytes(), b"none" | b"same-origin" | b"same-site"))
    }

    /// Whether the request's only `Origin` is one of these.
    pub(super) fn names(&self, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(header::ORIGIN).iter();
        matches!((sent.next(), sent.next()), (Some(origin), None) if self.0.contains(origin))
    }
}

/// Why an origin is [insecure](is_insecure).
pub(super) const WHY_INSECURE: &str = "any program on a visitor's machine, or an attacker on the network path of plain http, could \
                                       serve a page there and take the visitor's tokens";

/// The warning for an insecure origin that is allowed nevertheless.
pub(super) fn allowed_though_insecure(origin: &str, public: &str) -> String {
    format!("pages of {origin} may request sessions of {public}, because the check is waived: {WHY_INSECURE}")
}

/// Whether others than the site can serve pages of this origin: an attacker on the network path, if
/// it uses plain http, or any program on the visitor's own machine.
pub(super) fn is_insecure(origin: &str) -> bool {
    HttpUrl::parse(origin).map_or(true, |url| !url.is_https() || is_this_machine(url.host()))
}

/// Whether this is the URL of a site that is served over https, and not from the visitor's own
/// machine.
pub(super) fn is_public_https(address: &str) -> bool {
    HttpUrl::parse(address).is_ok_and(|url| url.is_https() && !is_this_machine(url.host()))
}

/// Whether browsers resolve this host to their own machine.
fn is_this_machine(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    is_loopback(&host) || host.ends_with(".localhost") || matches!(host.as_str(), "0.0.0.0" | "[::]")
}

/// The origin as browsers write it, in lower case and without the scheme's default port, and the
/// rest of the URL.
fn parse(address: &str) -> Option<(HeaderValue, &str)> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    let path = rest.get(rest.find(['/', '?']).unwrap_or(rest.len())..)?;
    let origin = HttpUrl::parse(address).ok()?.origin();
    Some((HeaderValue::from_str(&origin).ok()?, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (address, origin, path) in [
            ("https://backstage.example.com", "https://backstage.example.com", ""),
            ("https://Backstage.Example.com:443/portal?x", "https://backstage.example.com", "/portal?x"),
            ("http://localhost:3000/", "http://localhost:3000", "/"),
            ("http://localhost:80", "http://localhost", ""),
            ("http://[::1]:7007/api/auth", "http://[::1]:7007", "/api/auth"),
        ] {
            let (parsed, rest) = parse(address).unwrap_or_else(|| panic!("{address}"));
            assert_eq!((parsed.to_str().unwrap(), rest), (origin, path), "{address}");
        }
    }

    #[test]
    fn what_is_no_origin_is_none() {
        for address in [
            "",
            "*",
            "null",
            "backstage.example.com",
            "https://",
            "https:///x",
            "https://*.example.com",
            "https://jane@example.com",
            "https://example.com:",
            "https://example.com:99999",
            "https://ex ample.com",
            "https://example.com/#",
            "https://example.com:0",
            "https://example.com\\x",
            "https://a;b",
            "HTTPS://example.com",
            "ftp://example.com",
            "javascript://example.com",
        ] {
            assert!(parse(address).is_none(), "{address}");
        }
    }
}
