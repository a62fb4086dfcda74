//! The settings of the proxy: a file, environment variables and flags.
//!
//! A flag overrides a variable, and a variable overrides the file. The layer's own settings (`trust`,
//! `sign_in`, `accept_missing_email_verified`) are those of [`AlbAuthSettings`]; variables `ALB_AUTH_...`
//! replace them as a whole.

mod assertion;
mod read;
mod rules;
mod sources;
mod trust;
mod values;

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use http::{
    HeaderName,
    uri::{Authority, Scheme},
};

pub(super) use self::assertion::{AssertionDatabase, AssertionSettings};
pub use self::sources::Override;
use super::{profile::Profile, rules::Rule, server::Limits, template::Template};
use crate::{AlbAuthSettings, ConfigError, internal::Node};

/// Every key of a file, in the order of the documentation.
pub const KEYS: [&str; 43] = [
    "trust",
    "sign_in",
    "accept_missing_email_verified",
    "upstream",
    "upstream_protocol",
    "upstream_ca",
    "dangerously_upstream_over_plain_http",
    "response_timeout_seconds",
    "listen",
    "forward_auth_listen",
    "forward_auth_by_original_request",
    "ext_authz_listen",
    "ext_authz_http_listen",
    "admin_listen",
    "tls_certificate",
    "tls_key",
    "profile",
    "headers",
    "strip_headers",
    "keep_alb_headers",
    "exempt",
    "rules",
    "deny_list",
    "assertion_issuer",
    "assertion_audience",
    "assertion_header",
    "assertion_claims",
    "assertion_lifetime_seconds",
    "assertion_keys",
    "assertion_database",
    "assertion_database_password_file",
    "assertion_database_schema",
    "assertion_listen",
    "header_timeout_seconds",
    "idle_timeout_seconds",
    "max_header_bytes",
    "max_body_bytes",
    "max_connections",
    "end_streams_with_token",
    "shutdown_delay_seconds",
    "log_format",
    "log_filter",
    "record_user",
];

/// The keys that name a file or a folder whose contents are read again when they change. Another change needs a restart.
const WATCHED: [&str; 4] = ["deny_list", "tls_certificate", "tls_key", "assertion_keys"];

/// The keys whose value is a list also if it has one element.
const LISTS: [&str; 2] = ["strip_headers", "exempt"];

/// All settings, checked.
pub struct Settings {
    pub(super) alb_auth: AlbAuthSettings,
    pub(super) record_user: bool,
    pub(super) upstream: Option<UpstreamSettings>,
    pub(super) listen: SocketAddr,
    pub(super) forward_auth_listen: Option<SocketAddr>,
    pub(super) forward_auth_by_original_request: bool,
    pub(super) ext_authz_listen: Option<SocketAddr>,
    pub(super) ext_authz_http_listen: Option<SocketAddr>,
    pub(super) admin_listen: Option<SocketAddr>,
    pub(super) assertion: Option<AssertionSettings>,
    pub(super) assertion_listen: Option<SocketAddr>,
    pub(super) deny_list: Option<PathBuf>,
    pub(super) tls: Option<TlsFiles>,
    pub(super) profile: Option<&'static Profile>,
    pub(super) headers: Vec<(HeaderName, Template)>,
    pub(super) strip_headers: Vec<String>,
    pub(super) keep_alb_headers: bool,
    pub(super) rules: Vec<Rule>,
    pub(super) limits: Limits,
    pub(super) max_body: Option<u64>,
    pub(super) end_streams_with_token: bool,
    pub(super) shutdown_delay: Duration,
    pub(super) log: LogSettings,
}

pub(super) struct UpstreamSettings {
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    pub(super) over_http2: bool,
    pub(super) ca: Option<PathBuf>,
    pub(super) response_timeout: Duration,
}

pub(super) struct TlsFiles {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
}

/// How the program logs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LogSettings {
    /// One JSON object a line.
    pub json: bool,
    /// A filter of tracing: `tower_alb_auth=debug`.
    pub filter: Option<String>,
}

impl Settings {
    /// Reads everything. `variables` are those of the environment; only `ALB_AUTH_...` and `PORT` count.
    ///
    /// # Errors
    /// Every problem.
    pub fn read(
        file: Option<&Path>,
        overrides: &[Override],
        variables: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        Check::of(file, overrides, variables).settings
    }

    /// How the program logs.
    pub fn log(&self) -> &LogSettings {
        &self.log
    }

    /// For how long the proxy serves after a stop signal, while it reports "not ready".
    pub fn shutdown_delay(&self) -> Duration {
        self.shutdown_delay
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("listen", &self.listen).finish_non_exhaustive()
    }
}

/// What becomes of every key.
#[derive(Debug)]
pub struct Check {
    settings: Result<Settings, ConfigError>,
    uses: Vec<Use>,
}

/// A key, where it is, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Use {
    key: String,
    place: String,
    effect: String,
}

impl Check {
    /// Reads everything; see [`Settings::read`].
    pub fn of(file: Option<&Path>, overrides: &[Override], variables: &[(String, String)]) -> Self {
        let node = match file.map(sources::read_file).transpose() {
            Ok(node) => node.unwrap_or_else(Node::empty),
            Err(error) => return Self { settings: Err(error), uses: Vec::new() },
        };
        let of_alb_auth = trust::from_variables(variables);
        let uses = Use::all(&node, overrides, of_alb_auth.is_some());
        let merged = sources::overridden(node, overrides);
        let settings = read::settings(&merged, of_alb_auth, variables);
        Self { settings, uses }
    }

    /// Whether the proxy starts with these settings.
    pub fn is_sound(&self) -> bool {
        self.settings.is_ok()
    }
}

impl Use {
    fn all(file: &Node, overrides: &[Override], has_alb_auth: bool) -> Vec<Self> {
        let names = |key: &str| file.member(key).is_some() || overrides.iter().any(|over| over.key == key);
        let mut uses = Vec::new();
        let members = match &file.value {
            crate::internal::Value::Object(members) => members.as_slice(),
            _ => &[],
        };
        for (key, node) in members {
            let replaced = overrides.iter().find(|over| over.key == *key).map(|over| over.source.clone());
            let by_variables = (has_alb_auth && trust::KEYS.contains(&key.as_str())).then(|| "ALB_AUTH_...".to_owned());
            let effect = match replaced.or(by_variables) {
                _ if !KEYS.contains(&key.as_str()) => "refused: there is no such key".to_owned(),
                Some(source) => format!("replaced by {source}"),
                None => effect(key, &names).to_owned(),
            };
            uses.push(Self { key: key.clone(), place: node.origin.to_string(), effect });
        }
        for over in overrides {
            let effect = effect(&over.key, &names).to_owned();
            uses.push(Self { key: over.key.clone(), place: over.source.clone(), effect });
        }
        uses
    }
}

/// What a key that is there does.
fn effect(key: &str, names: &impl Fn(&str) -> bool) -> &'static str {
    match key {
        "listen"
        | "upstream_protocol"
        | "upstream_ca"
        | "dangerously_upstream_over_plain_http"
        | "response_timeout_seconds"
        | "max_body_bytes"
        | "end_streams_with_token"
            if !names("upstream") =>
        {
            "no effect: there is no upstream"
        }
        "forward_auth_by_original_request" if !names("forward_auth_listen") => {
            "no effect: there is no forward_auth_listen"
        }
        _ if assertion::KEYS.contains(&key) && !names("assertion_issuer") => "no effect: there is no assertion_issuer",
        "profile" if names("headers") => "used, with headers added",
        _ if WATCHED.contains(&key) => "used; the file is watched",
        _ => "used",
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&Use) -> &str| self.uses.iter().map(|entry| of(entry).chars().count()).max().unwrap_or(0);
        let (keys, places) = (width(|entry| &entry.key), width(|entry| &entry.place));
        for Use { key, place, effect } in &self.uses {
            writeln!(f, "{key:keys$}  {place:places$}  {effect}")?;
        }
        if !self.uses.is_empty() {
            writeln!(
                f,
                "A change of these settings needs a restart. Files that are watched may change: {}.",
                WATCHED.join(", ")
            )?;
        }
        match &self.settings {
            Ok(settings) => {
                for (name, _) in &settings.headers {
                    writeln!(f, "sets {name}, and removes it from what clients send")?;
                }
                if let Some(assertion) = &settings.assertion {
                    let (name, issuer) = (&assertion.header, &assertion.issuer);
                    writeln!(f, "sets {name} to an assertion of {issuer}, and removes it from what clients send")?;
                }
                match settings.profile {
                    Some(profile) => writeln!(f, "{} needs: {}", profile.name, profile.service_setting),
                    None => Ok(()),
                }
            }
            Err(error) => writeln!(f, "\n{error}"),
        }
    }
}
