//! Patterns of paths and hosts.

use std::{fmt, str::FromStr};

use crate::internal::{
    HostName,
    path_readings::{is_below_or_in_a_format, is_oddly_written},
};

/// `/healthz`, or `/public/*` for all paths below `/public/`, or `/*` for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::auth_proxy) struct PathPattern {
    /// Without a slash at its end, unless it is the path `/`.
    path: String,
    with_all_below: bool,
}

impl FromStr for PathPattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (path, with_all_below) = match text.strip_suffix("/*") {
            Some(path) => (path, true),
            None => (text, false),
        };
        let is_path = path.starts_with('/') || (with_all_below && path.is_empty());
        let is_plain = path.bytes().all(|byte| byte.is_ascii_graphic()) && !path.contains(['?', '#', '*']);
        if !is_path || !is_plain || is_oddly_written(path) || (with_all_below && path.ends_with('/')) {
            return Err(
                "is not a path: write it as /healthz, or as /public/* for all below it, without %, ;, // and dot \
                        segments",
            );
        }
        Ok(Self { path: path.to_owned(), with_all_below })
    }
}

impl PathPattern {
    pub(super) fn matches(&self, path: &str) -> bool {
        match path.strip_prefix(self.path.as_str()) {
            Some(rest) if self.with_all_below => rest.starts_with('/'),
            Some(rest) => rest.is_empty(),
            None => false,
        }
    }

    pub(super) fn may_mean(&self, reading: &str) -> bool {
        self.path.is_empty() || is_below_or_in_a_format(reading, self.path.trim_end_matches('/'))
    }

    /// Whether all paths that the other one matches match this one too.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self.with_all_below, other.with_all_below) {
            (true, true) => self.matches(&format!("{}/", other.path)),
            (_, false) => self.matches(&other.path),
            (false, true) => false,
        }
    }

    pub(in crate::auth_proxy) fn is_exact(&self) -> bool {
        !self.with_all_below
    }
}

impl fmt::Display for PathPattern {
    /// Its path; without `/*`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// `app.example.com`, or `*.example.com` for all hosts below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::auth_proxy) struct HostPattern {
    host: String,
    with_all_below: bool,
}

impl FromStr for HostPattern {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, with_all_below) = match text.strip_prefix("*.") {
            Some(host) => (host, true),
            None => (text, false),
        };
        let is_host = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        // As HostName has it.
        let host = host.strip_suffix('.').unwrap_or(host);
        if host.split('.').any(str::is_empty) || !is_host(host) {
            return Err("is not a host: write it as app.example.com or *.example.com, without a port");
        }
        Ok(Self { host: host.to_ascii_lowercase(), with_all_below })
    }
}

impl HostPattern {
    pub(super) fn matches(&self, host: &HostName) -> bool {
        self.matches_name(host.name())
    }

    fn matches_name(&self, host: &str) -> bool {
        match host.strip_suffix(self.host.as_str()) {
            Some(before) if self.with_all_below => before.ends_with('.'),
            Some(before) => before.is_empty(),
            None => false,
        }
    }

    pub(super) fn covers(&self, other: &Self) -> bool {
        self == other || (self.with_all_below && self.matches_name(&other.host))
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.with_all_below { "*." } else { "" }, self.host)
    }
}
