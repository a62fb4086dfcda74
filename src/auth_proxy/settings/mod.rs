//! The settings of the proxy: a file, environment variables and flags.
//!
//! A flag overrides a variable, and a variable overrides the file. The layer's own settings (`trust`,
//! `sign_in`, `limits`, ...) are those of [`AlbAuthSettings`]; variables `ALB_AUTH_...`
//! replace them as a whole.

mod assertion;
mod check;
mod claim_uses;
mod files;
mod read;
mod rules;
mod sources;
mod trust;
mod values;

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use http::{
    HeaderName,
    uri::{Authority, Scheme},
};

pub(super) use self::assertion::{AssertionDatabase, AssertionSettings};
use self::claim_uses::ClaimWarnings;
pub use self::{check::Check, sources::Override};
use super::{profile::Profile, rules::Rule, template::Template};
use crate::{AlbAuthConfigBuilder, AlbAuthSettings, ConfigError, ConnectionLimits};

/// Every key of a file, in the order of the documentation.
pub const KEYS: [&str; 50] = [
    "trust",
    "sign_in",
    "groups",
    "accept_missing_email_verified",
    "dangerously_ignore_identity_header",
    "limits",
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
    "dangerously_share_claims_between_issuers",
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
    "audit_log",
    "audit_file",
    "audit_with_profile",
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
    rule_warnings: Vec<String>,
    pub(super) claim_warnings: ClaimWarnings,
    pub(super) limits: ConnectionLimits,
    pub(super) max_body: Option<u64>,
    pub(super) end_streams_with_token: bool,
    pub(super) shutdown_delay: Duration,
    pub(super) log: LogSettings,
    pub(super) audit: AuditSettings,
}

/// The audit trail. It is off if neither of the first two is set.
pub(super) struct AuditSettings {
    pub(super) log: bool,
    pub(super) file: Option<PathBuf>,
    pub(super) with_profile: bool,
}

impl AuditSettings {
    pub(super) fn is_on(&self) -> bool {
        self.log || self.file.is_some()
    }
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
    /// The path that responds with 200 as long as the proxy runs.
    pub const LIVENESS_PATH: &str = "/.alb-auth-proxy/live";

    /// Reads everything except the files that settings name, which the start reads. `variables` are those of the environment;
    /// only `ALB_AUTH_...` and `PORT` count.
    ///
    /// # Errors
    /// Every problem.
    pub fn read(
        file: Option<&Path>,
        overrides: &[Override],
        variables: &[(String, String)],
    ) -> Result<Self, ConfigError> {
        let node = sources::merged(file, overrides)?;
        match read::settings(&node, trust::from_variables(variables), variables) {
            (settings, problems) if problems.is_empty() => Ok(settings),
            (_, problems) => Err(ConfigError::new(problems)),
        }
    }

    /// The configuration of the layer, with the warnings that are about settings of the proxy.
    pub(super) fn config_builder(&self) -> AlbAuthConfigBuilder {
        let builder = self.claim_warnings.add_to(self.alb_auth.to_builder());
        self.rule_warnings.iter().fold(builder, |builder, text| builder.warning(text.clone()))
    }

    /// How the program logs.
    pub fn log(&self) -> &LogSettings {
        &self.log
    }

    /// Whether there is an audit trail: `audit_log` or `audit_file` is set.
    pub fn has_audit_trail(&self) -> bool {
        self.audit.is_on()
    }

    /// For how long the proxy serves after a stop signal, while it reports "not ready".
    pub fn shutdown_delay(&self) -> Duration {
        self.shutdown_delay
    }

    /// The address at which this machine reaches [liveness](Self::LIVENESS_PATH) over plain HTTP: `admin_listen`, or else the reverse
    /// proxy's if it is without TLS.
    pub fn liveness_address(&self) -> Option<SocketAddr> {
        let service = self.upstream.as_ref().filter(|_| self.tls.is_none()).map(|_| self.listen);
        self.admin_listen.or(service).map(|mut address| {
            match address.ip() {
                IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
                IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
                _ => {}
            }
            address
        })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("listen", &self.listen).finish_non_exhaustive()
    }
}
