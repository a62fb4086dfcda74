//! From values with their places to checked settings.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use http::HeaderName;

use super::{
    AuditSettings, KEYS, LogSettings, Settings, TlsFiles, UpstreamSettings, assertion,
    claim_uses::ClaimUses,
    rules, trust,
    values::{is_reserved, number},
};
use crate::{
    AlbAuthSettings, ConfigError, ConnectionLimits,
    auth_proxy::{
        identity_headers::is_same,
        profile::{self, PROFILES},
        template::Template,
    },
    config::{Problem, ProblemKind},
    internal::{HttpUrl, HttpUrlError, KeyAt, Node, Problems, Section, proxy::RESPONSE_TIMEOUT, quoted},
};

const DEFAULT_PORT: u16 = 8080;
/// The smallest buffer that hyper accepts.
const MIN_HEADER_BYTES: u64 = 8 * 1024;

/// The settings, with every problem. They are used only if there are no problems.
pub(super) fn settings(
    node: &Node,
    of_variables: Option<Result<AlbAuthSettings, ConfigError>>,
    variables: &[(String, String)],
) -> (Settings, Vec<Problem>) {
    let problems = Problems::default();
    let top = Section { path: String::new(), node, problems: &problems };
    top.only(&KEYS);
    // Read as absent, a blank deny_list would shut out no user, and blank rules would require nothing. A misspelt key may be one of
    // them.
    for (key, _) in top.members().iter().filter(|(key, _)| top.is_null(key)) {
        let problem = Problem::of(ProblemKind::WrongType, top.at(key), "has no value");
        problems.add(problem.with_fix("give it one, or leave it out"));
    }
    let alb_auth = match of_variables {
        Some(Ok(settings)) => settings,
        Some(Err(error)) => {
            error.problems().iter().for_each(|problem| problems.add(problem.clone()));
            AlbAuthSettings::default()
        }
        None => trust::from_file(node, &problems),
    };
    let upstream = upstream(&top);
    let (listen, forward_auth_listen) = (listen(&top, variables), address(&top, "forward_auth_listen"));
    let modes = ["upstream", "forward_auth_listen", "ext_authz_listen", "ext_authz_http_listen"];
    if modes.iter().all(|key| top.find(key).is_none()) {
        let fix = "name the service behind the proxy, such as http://127.0.0.1:3000; or set forward_auth_listen, \
                   ext_authz_listen or ext_authz_http_listen";
        problems.add(Problem::of(ProblemKind::Missing, KeyAt::path("upstream"), "is not set").with_fix(fix));
    }
    let uses = ClaimUses::new(&top, &alb_auth);
    let headers = headers(&top, &uses);
    let assertion = assertion::read(&top, &uses, &headers);
    let strip_headers = top.text_or_texts("strip_headers").unwrap_or_default();
    for name in strip_headers.iter().filter(|name| header_name(name).is_none()) {
        let what = format!("{} is not a header name", quoted(name));
        let problem = Problem::of(ProblemKind::InvalidValue, top.at("strip_headers"), what);
        problems.add(problem.with_fix("name each header; a family of names, as X-Corp-*, cannot be named at once"));
    }
    let limits = limits(&top);
    let (rules, rule_warnings) = rules::read(&top, &uses);
    let keep_alb_headers = top.flag("keep_alb_headers");
    if keep_alb_headers {
        uses.keeps_alb_headers(&top);
    }
    let settings = Settings {
        alb_auth,
        record_user: top.flag("record_user"),
        upstream,
        listen,
        forward_auth_listen,
        forward_auth_by_original_request: top.flag("forward_auth_by_original_request"),
        ext_authz_listen: address(&top, "ext_authz_listen"),
        ext_authz_http_listen: address(&top, "ext_authz_http_listen"),
        admin_listen: address(&top, "admin_listen"),
        assertion,
        assertion_listen: address(&top, "assertion_listen"),
        deny_list: top.text("deny_list").map(Into::into),
        tls: tls(&top),
        profile: top.text("profile").and_then(|name| profile::find(&name)),
        headers,
        strip_headers,
        keep_alb_headers,
        rules,
        rule_warnings,
        claim_warnings: uses.warnings(),
        limits,
        end_streams_with_token: top.flag("end_streams_with_token"),
        max_body: number(&top, "max_body_bytes", 1..=u64::MAX / 2),
        shutdown_delay: Duration::from_secs(number(&top, "shutdown_delay_seconds", 0..=3_600).unwrap_or(0)),
        log: log(&top),
        audit: audit(&top),
    };
    let mut found = problems.into_inner();
    // The layer's own checks, if what it reads could be read.
    if settings.alb_auth != AlbAuthSettings::default()
        && let Err(error) = settings.alb_auth.to_builder().build()
    {
        found.extend(error.problems().iter().cloned());
    }
    (settings, found)
}

fn audit(top: &Section<'_>) -> AuditSettings {
    let (file, with_profile) = (top.text("audit_file").map(Into::into), top.flag("audit_with_profile"));
    let audit = AuditSettings { log: top.flag("audit_log"), file, with_profile };
    if with_profile && !audit.is_on() {
        let what = "has no effect without audit_log or audit_file";
        let problem = Problem::of(ProblemKind::Conflict, top.at("audit_with_profile"), what);
        top.problems.add(problem.with_fix("add one of them"));
    }
    audit
}

fn upstream(top: &Section<'_>) -> Option<UpstreamSettings> {
    let over_http2 = match top.text("upstream_protocol").as_deref() {
        None | Some("http1") => false,
        Some("http2") => true,
        Some(other) => {
            top.problems.add(Problem::unknown_value(top.at("upstream_protocol"), other, ["http1", "http2"]));
            false
        }
    };
    let seconds = number(top, "response_timeout_seconds", 1..=3_600);
    let waived = top.flag("dangerously_upstream_over_plain_http");
    let ca = top.text("upstream_ca").map(Into::into);
    let text = top.text("upstream")?;
    let problem = |kind, what: String, fix: &str| {
        top.problems.add(Problem::of(kind, top.at("upstream"), what).with_fix(fix));
        None
    };
    let form = "write it as http://127.0.0.1:3000 or https://app.internal.example.com, without a path";
    let url = match HttpUrl::parse_server(&text) {
        Ok(url) => url,
        Err(HttpUrlError::UserInfo) => {
            return problem(ProblemKind::InvalidValue, "has a user name or password".to_owned(), form);
        }
        Err(_) => {
            let what = format!("is {}, which is not the address of a server", quoted(&text));
            return problem(ProblemKind::InvalidValue, what, form);
        }
    };
    if !url.is_protected() && !waived {
        let what = format!(
            "{} is plain http to another machine: an attacker on the network path can read and change what users send, and \
             any client that reaches the service there can set the identity headers",
            quoted(&text)
        );
        return problem(ProblemKind::Insecure, what, "use https, or set dangerously_upstream_over_plain_http: true");
    }
    let (scheme, authority) = url.into_server();
    let response_timeout = seconds.map_or(RESPONSE_TIMEOUT, Duration::from_secs);
    Some(UpstreamSettings { scheme, authority, over_http2, ca, response_timeout })
}

fn address(top: &Section<'_>, key: &str) -> Option<SocketAddr> {
    let text = top.text(key)?;
    let parsed = text.parse().ok();
    if parsed.is_none() {
        let what = format!("is {}, which is not an address to listen at", quoted(&text));
        top.problems
            .add(Problem::of(ProblemKind::InvalidValue, top.at(key), what).with_fix("write it as 0.0.0.0:8080"));
    }
    parsed
}

/// Of the connections of each listener.
fn limits(top: &Section<'_>) -> ConnectionLimits {
    let mut limits = ConnectionLimits::new();
    if let Some(seconds) = number(top, "header_timeout_seconds", 1..=3_600) {
        limits.header_timeout = Duration::from_secs(seconds);
    }
    if let Some(seconds) = number(top, "idle_timeout_seconds", 1..=4_000) {
        limits.idle_timeout = Duration::from_secs(seconds);
    }
    if let Some(bytes) = number(top, "max_header_bytes", MIN_HEADER_BYTES..=1024 * 1024) {
        limits.max_header_bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
    }
    if let Some(connections) = number(top, "max_connections", 1..=1_000_000) {
        limits.max_connections = usize::try_from(connections).unwrap_or(usize::MAX);
    }
    limits
}

/// `listen`, or every interface at the port of the variable `PORT`.
fn listen(top: &Section<'_>, variables: &[(String, String)]) -> SocketAddr {
    let at_every_interface = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    if top.find("listen").is_some() {
        return address(top, "listen").unwrap_or_else(|| at_every_interface(DEFAULT_PORT));
    }
    let port = variables.iter().find(|(name, value)| name == "PORT" && !value.trim().is_empty());
    let Some((name, value)) = port else { return at_every_interface(DEFAULT_PORT) };
    at_every_interface(value.trim().parse().unwrap_or_else(|_| {
        let problem = Problem::of(ProblemKind::InvalidValue, KeyAt::path(name), format!("is {}", quoted(value)));
        top.problems.add(problem.with_fix("set it to the number of a port, or unset it, or name an address by listen"));
        DEFAULT_PORT
    }))
}

/// Those of the profile, and the operator's, which replace equal ones.
fn headers(top: &Section<'_>, uses: &ClaimUses) -> Vec<(HeaderName, Template)> {
    let mut pairs: Vec<(String, String, KeyAt)> = Vec::new();
    if let Some(name) = top.text("profile") {
        match profile::find(&name) {
            Some(profile) => pairs.extend(
                profile.headers.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned(), top.at("profile"))),
            ),
            None => {
                let known = PROFILES.iter().map(|profile| profile.name);
                top.problems.add(Problem::unknown_value(top.at("profile"), &name, known));
            }
        }
    }
    if let Some(section) = top.section("headers") {
        for (name, _) in section.members() {
            let Some(text) = section.text(name) else { continue };
            pairs.retain(|(held, ..)| !held.eq_ignore_ascii_case(name));
            pairs.push((name.clone(), text, section.at(name)));
        }
    }
    let mut headers: Vec<(HeaderName, Template)> = Vec::new();
    for (name, text, at) in pairs {
        let parsed = header_name(&name).filter(|name| !is_reserved(name.as_str()));
        let Some(name) = parsed else {
            let what = "is not the name of a header that may carry a user";
            top.problems.add(Problem::of(ProblemKind::InvalidValue, at, what));
            continue;
        };
        if let Some((other, _)) = headers.iter().find(|(other, _)| is_same(other, &name)) {
            let what = format!("is the same header as {other} to servers that do not tell - from _");
            top.problems.add(Problem::of(ProblemKind::InvalidValue, at, what).with_fix("remove one of the two"));
            continue;
        }
        match Template::parse(&text) {
            Ok(template) => {
                uses.template(top, at, &format!("sets {name} by a claim that"), &template);
                headers.push((name, template));
            }
            Err(why) => top.problems.add(Problem::of(ProblemKind::InvalidValue, at, why)),
        }
    }
    headers
}

/// RFC 9110 section 5.1 allows an asterisk in a name, but in settings it stands for a family of names.
fn header_name(name: &str) -> Option<HeaderName> {
    name.parse().ok().filter(|_| !name.contains('*'))
}

fn tls(top: &Section<'_>) -> Option<TlsFiles> {
    match (top.text("tls_certificate"), top.text("tls_key")) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate: certificate.into(), key: key.into() }),
        (None, None) => None,
        (certificate, _) => {
            let missing = if certificate.is_some() { "tls_key" } else { "tls_certificate" };
            let problem = Problem::of(ProblemKind::Missing, KeyAt::path(missing), "is not set");
            top.problems.add(problem.with_fix("set both tls_certificate and tls_key, or neither"));
            None
        }
    }
}

fn log(top: &Section<'_>) -> LogSettings {
    let json = match top.text("log_format").as_deref() {
        None | Some("text") => false,
        Some("json") => true,
        Some(other) => {
            top.problems.add(Problem::unknown_value(top.at("log_format"), other, ["text", "json"]));
            false
        }
    };
    LogSettings { json, filter: top.text("log_filter") }
}
