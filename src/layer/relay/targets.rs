//! The services that the user may be sent to.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{
    Uri,
    uri::{Authority, Scheme},
};

use crate::error::quoted;

/// At most one warning in this time: a handler that calls an unlisted service does so at each
/// request.
const SAME_WARNING: Duration = Duration::from_secs(60);

/// A request without an authority goes to the one server that the client is connected to, and is
/// always allowed.
#[derive(Debug, Clone)]
pub(super) enum Targets {
    /// Requests to these services.
    Only(Arc<[Target]>),
    /// Every request.
    Any,
}

impl Default for Targets {
    fn default() -> Self {
        Self::Only(Arc::default())
    }
}

impl Targets {
    /// Adds these to the list. A text that is not an authority is logged and ignored.
    pub(super) fn with(self, authorities: impl Iterator<Item = impl AsRef<str>>) -> Self {
        let listed = match &self {
            Self::Only(listed) => listed.to_vec(),
            Self::Any => Vec::new(),
        };
        let added = authorities.filter_map(|authority| {
            let target = Target::parse(authority.as_ref());
            if target.is_none() {
                tracing::warn!(
                    target: "tower_alb_auth",
                    "only_to({}) lists nothing: write users.internal.example.com for https at port 443, users:8080 for this port, \
                     or http://users",
                    quoted(authority.as_ref())
                );
            }
            target
        });
        Self::Only(listed.into_iter().chain(added).collect())
    }

    pub(super) fn allow(&self, uri: &Uri) -> bool {
        match (self, uri.authority()) {
            (Self::Any, _) | (_, None) => true,
            (Self::Only(listed), Some(authority)) => listed.iter().any(|target| target.is_of(uri.scheme(), authority)),
        }
    }
}

/// A service: a host and a port, with one scheme or any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    scheme: Option<Scheme>,
    host: String,
    port: u16,
}

impl Target {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("https", rest)) => (Some(Scheme::HTTPS), rest),
            Some(("http", rest)) => (Some(Scheme::HTTP), rest),
            Some(_) => return None,
            None => (None, text),
        };
        let authority: Authority = rest.parse().ok()?;
        let host = authority.host();
        // For an invalid port, as in `users:` or `users:x`, the parser reports no port.
        let sound = !host.is_empty() && !rest.contains('@') && (authority.port().is_some() || rest == host);
        let (scheme, port) = match (scheme, authority.port_u16()) {
            (scheme, Some(port)) => (scheme, port),
            (Some(scheme), None) => (Some(scheme.clone()), usual_port(&scheme)?),
            (None, None) => (Some(Scheme::HTTPS), usual_port(&Scheme::HTTPS)?),
        };
        sound.then(|| Self { scheme, host: host.to_ascii_lowercase(), port })
    }

    fn is_of(&self, scheme: Option<&Scheme>, authority: &Authority) -> bool {
        let without_port = authority.as_str().rsplit('@').next() == Some(authority.host());
        // For an invalid port, as in `users:x`, the parser reports no port.
        let port = authority.port_u16().or_else(|| scheme.and_then(usual_port).filter(|_| without_port));
        self.host.eq_ignore_ascii_case(authority.host())
            && port == Some(self.port)
            && self.scheme.as_ref().is_none_or(|wanted| scheme == Some(wanted))
    }
}

fn usual_port(scheme: &Scheme) -> Option<u16> {
    match scheme.as_str() {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

/// Logs where the user was not sent to, and how to allow it.
pub(super) fn not_sent_to(uri: &Uri) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);

    let sentence = NotSent(uri);
    let now = Instant::now();
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if last.is_none_or(|last| now.saturating_duration_since(last) >= SAME_WARNING) {
        *last = Some(now);
        drop(last);
        tracing::warn!(target: "tower_alb_auth", "{sentence}");
    } else {
        drop(last);
        tracing::debug!(target: "tower_alb_auth", "{sentence}");
    }
}

struct NotSent<'u>(&'u Uri);

impl fmt::Display for NotSent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the userinfo, which may hold a password, and without the path.
        let scheme = self.0.scheme_str().unwrap_or("no scheme");
        let host = self.0.host().unwrap_or_default();
        let port = self.0.port_u16().map(|port| format!(":{port}")).unwrap_or_default();
        write!(
            f,
            "the user is not sent to {} ({scheme}): RelayIdentityLayer::only_to(..) does not list it; add it there if the service is \
             your own, and leave it out if the request was redirected",
            quoted(&format!("{host}{port}"))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(listed: &[&str], uri: &str) -> bool {
        Targets::default().with(listed.iter()).allow(&uri.parse().expect(uri))
    }

    #[test]
    fn s_90_the_authority_counts_and_nothing_that_looks_like_it() {
        for (listed, allowed, not) in [
            (
                "users.internal",
                &["https://users.internal/x", "https://USERS.internal:443/", "/x", "https://a:b@users.internal/"][..],
                &[
                    "http://users.internal/",
                    "https://users.internal:8443/",
                    "https://users.internal.evil.example/",
                    "https://evil.example/users.internal",
                    "https://users.internal@evil.example/",
                    "https://users.internal./",
                    "https://a.users.internal/",
                    // The parser of `http` reports no port, and another reader may take the text for a part of the host.
                    "https://users.internal:99999/",
                    "https://users.internal:x/",
                    "https://users.internal:/",
                ][..],
            ),
            (
                "users:8080",
                &["http://users:8080/", "https://users:8080/", "users:8080"],
                &["http://users/", "http://users:80/", "http://users:8081/"],
            ),
            ("http://users", &["http://users/", "http://users:80/"], &["https://users/", "https://users:80/"]),
            ("https://users:8443", &["https://users:8443/"], &["http://users:8443/", "https://users/"]),
            ("[::1]:8080", &["http://[::1]:8080/"], &["http://[::1]/", "http://[::2]:8080/"]),
        ] {
            allowed.iter().for_each(|uri| assert!(allow(&[listed], uri), "{listed}: {uri}"));
            not.iter().for_each(|uri| assert!(!allow(&[listed], uri), "{listed}: {uri}"));
        }
        assert!(allow(&["a", "b"], "https://b/") && !allow(&[], "https://b/") && allow(&[], "/x"));
    }

    #[test]
    fn what_is_no_authority_lists_nothing() {
        for text in
            ["", "https://", "users/x", "https://users/", "ftp://users", "jane@users", "users:", "users:x", "a b"]
        {
            assert_eq!(Target::parse(text), None, "{text}");
        }
    }
}
