//! The action `redirect`.

use http::HeaderValue;
use percent_encoding::{CONTROLS, utf8_percent_encode};

/// A redirect. The parts may contain `#{protocol}`, `#{host}`, `#{port}`, `#{path}` and `#{query}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::emulator) struct Redirect {
    pub(super) status: u16,
    pub(super) protocol: String,
    pub(super) host: String,
    pub(super) port: String,
    pub(super) path: String,
    pub(super) query: String,
}

/// The parts of the request that a redirect may take over.
pub(in crate::emulator) struct RequestParts<'r> {
    /// `http` or `https`.
    pub(in crate::emulator) scheme: &'r str,
    /// Without a port.
    pub(in crate::emulator) host: &'r str,
    pub(in crate::emulator) port: u16,
    pub(in crate::emulator) path: &'r str,
    pub(in crate::emulator) query: &'r str,
}

impl Redirect {
    pub(in crate::emulator) fn status(&self) -> u16 {
        self.status
    }

    /// The address, as a load balancer writes it: with the port. `None` if it is no header value.
    pub(in crate::emulator) fn location(&self, request: &RequestParts<'_>) -> Option<HeaderValue> {
        let port = request.port.to_string();
        let path = request.path.strip_prefix('/').unwrap_or(request.path);
        let filled = |part: &str| filled(part, request, &port, path);
        let protocol = filled(&self.protocol).to_ascii_lowercase();
        let (host, port, path, query) =
            (filled(&self.host), filled(&self.port), filled(&self.path), filled(&self.query));
        let query = if query.is_empty() { query } else { format!("?{query}") };
        let address = format!("{protocol}://{host}:{port}{path}{query}");
        HeaderValue::from_str(&utf8_percent_encode(&address, CONTROLS).to_string()).ok()
    }
}

/// The part with its placeholders filled in, once: what is filled in may look like a placeholder.
fn filled(part: &str, request: &RequestParts<'_>, port: &str, path: &str) -> String {
    let (mut text, mut rest) = (String::new(), part);
    while let Some((before, after)) = rest.split_once("#{") {
        text.push_str(before);
        let named = after.split_once('}').and_then(|(name, after)| {
            let value = match name {
                "protocol" => request.scheme,
                "host" => request.host,
                "port" => port,
                "path" => path,
                "query" => request.query,
                _ => return None,
            };
            Some((value, after))
        });
        match named {
            Some((value, after)) => {
                text.push_str(value);
                rest = after;
            }
            None => {
                text.push_str("#{");
                rest = after;
            }
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_once() {
        let redirect = |path: &str, query: &str| Redirect {
            status: 301,
            protocol: "HTTPS".to_owned(),
            host: "#{host}".to_owned(),
            port: "443".to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
        };
        let request =
            RequestParts { scheme: "http", host: "app.localhost", port: 9000, path: "/a/#{query}", query: "x=#{host}" };
        for (path, query, expected) in [
            ("/#{path}", "#{query}", "https://app.localhost:443/a/#{query}?x=#{host}"),
            ("/new/#{path}", "", "https://app.localhost:443/new/a/#{query}"),
            ("/#{unknown}/#{", "p=#{port}&#{protocol}", "https://app.localhost:443/#{unknown}/#{?p=9000&http"),
        ] {
            assert_eq!(redirect(path, query).location(&request).unwrap(), expected);
        }
    }
}
