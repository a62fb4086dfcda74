//! Checks a configuration before any listener is opened.

use http::Uri;

use super::{EmulatorConfig, IdentityProvider, identity_provider::Kind};
use crate::{ConfigError, LoadBalancerArn, internal::is_loopback};

/// The account of signers that no AWS customer has.
const EMULATOR_ACCOUNT: &str = "000000000000";

/// Parameters that a load balancer itself sends to the authorization endpoint.
const OWN_PARAMETERS: [&str; 5] = ["client_id", "redirect_uri", "response_type", "scope", "state"];

/// A checked configuration.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) config: EmulatorConfig,
    /// Host and port of the target.
    pub(crate) target: Option<http::uri::Authority>,
}

impl Checked {
    pub(crate) fn new(config: EmulatorConfig) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let target = config.target.as_deref().and_then(|target| target_of(target).map_err(|p| problems.push(p)).ok());
        check_signer(&config.signer, &mut problems);
        if !config.keys_listen.ip().is_loopback() {
            problems.push(format!(
                "the keys cannot be served at {}: plain http proves nothing on a network; listen on 127.0.0.1",
                config.keys_listen
            ));
        }
        if config.session_timeout.as_secs() == 0 {
            problems.push("the session timeout must be at least 1 s".to_owned());
        }
        if config.rotate_every.is_some_and(|every| every.as_secs() == 0) {
            problems.push("the rotation interval must be at least 1 s".to_owned());
        }
        for host in config.more_hosts.iter().chain([&config.public_host]) {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
            if host.is_empty() || !host.bytes().all(plain) {
                problems.push(format!("{} is not a host name: write app.localhost", crate::internal::quoted(host)));
            }
        }
        // The builder checks the cookie name.
        if let Err(error) = crate::SignOut::builder().cookie_name(&config.cookie_name).build() {
            problems.extend(error.problems().iter().map(ToString::to_string));
        }
        if !config.scope.split(' ').any(|scope| scope == "openid") {
            problems.push(format!(
                "the scope {} has no openid, so the provider would issue no ID token",
                crate::internal::quoted(&config.scope)
            ));
        }
        for rule in config.rules.iter().filter(|rule| !rule.path.starts_with(['/', '*'])) {
            problems.push(format!(
                "the rule for {} matches no path: a path begins with /",
                crate::internal::quoted(&rule.path)
            ));
        }
        for path in config.post_logout_paths.iter().filter(|path| !path.starts_with('/')) {
            problems.push(format!("{} is not a path: it begins with /", crate::internal::quoted(path)));
        }
        for (name, _) in config.authorize_parameters.iter().filter(|(name, _)| OWN_PARAMETERS.contains(&name.as_str()))
        {
            problems.push(format!(
                "the parameter {} is set by the load balancer itself, so it would be sent twice",
                crate::internal::quoted(name)
            ));
        }
        check_provider(&config, &mut problems);
        if problems.is_empty() { Ok(Self { config, target }) } else { Err(ConfigError::new(problems)) }
    }
}

fn target_of(target: &str) -> Result<http::uri::Authority, String> {
    let shown = crate::internal::quoted(target);
    let uri: Option<Uri> = target.parse().ok();
    if uri.as_ref().is_some_and(has_credentials) {
        // The URL is not shown.
        return Err("the target must be a URL without user name and password".to_owned());
    }
    let plain = uri.filter(|uri| matches!(uri.path(), "" | "/") && uri.query().is_none());
    let Some(uri) = plain else {
        return Err(format!("the target {shown} must be a URL without a path: http://localhost:3000"));
    };
    match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(authority)) if !authority.host().is_empty() => Ok(authority.clone()),
        (Some("https"), _) => {
            Err(format!("the target {shown} must be plain http, like a target group of protocol HTTP"))
        }
        _ => Err(format!("the target {shown} must begin with http:// and name a host")),
    }
}

fn check_signer(signer: &str, problems: &mut Vec<String>) {
    match signer.parse::<LoadBalancerArn>() {
        Ok(arn) if arn.account() == EMULATOR_ACCOUNT => {}
        Ok(arn) => problems.push(format!(
            "the signer's account is {}; the emulator must sign with the account {EMULATOR_ACCOUNT}, which no AWS customer has",
            arn.account()
        )),
        Err(error) => problems.push(format!("the signer: {error}")),
    }
}

fn check_provider(config: &EmulatorConfig, problems: &mut Vec<String>) {
    let IdentityProvider(kind) = &config.provider;
    let urls: Vec<(&str, &String)> = match kind {
        Kind::Demo(demo) => {
            let mut hosts = config.more_hosts.iter().chain([&config.public_host]);
            if hosts.any(|host| host.eq_ignore_ascii_case(&demo.host)) {
                problems.push(format!(
                    "the demo provider is at {}; use another host for the application, because cookies ignore ports",
                    demo.host
                ));
            }
            return;
        }
        Kind::Discovery(issuer) => vec![("issuer", issuer)],
        Kind::Endpoints(endpoints) => vec![
            ("issuer", &endpoints.issuer),
            ("authorization endpoint", &endpoints.authorization),
            ("token endpoint", &endpoints.token),
            ("userinfo endpoint", &endpoints.userinfo),
            ("JWKS", &endpoints.jwks),
        ],
    };
    problems.extend(urls.into_iter().filter_map(|(what, url)| problem_of_address(what, url)));
    if config.client_secret.is_none() {
        problems.push("the client has no secret: set the one that the provider issued".to_owned());
    }
}

/// What is wrong with a URL of the provider, if anything. Plain http is allowed on this machine
/// only.
pub(crate) fn problem_of_address(what: &str, url: &str) -> Option<String> {
    let uri: Option<Uri> = url.parse().ok();
    if uri.as_ref().is_some_and(has_credentials) {
        // The URL is not shown.
        return Some(format!("the provider's {what} must be a URL without user name and password"));
    }
    let is_safe = match uri.as_ref().and_then(Uri::scheme_str) {
        Some("https") => uri.as_ref().and_then(Uri::host).is_some_and(|host| !host.is_empty()),
        Some("http") => is_on_this_machine(url),
        _ => false,
    };
    (!is_safe).then(|| {
        let shown = crate::internal::quoted(url);
        format!("the provider's {what} {shown} must begin with https:// (http:// only on this machine)")
    })
}

/// Whether the URL is on this machine. Names below `localhost` are not looked up.
pub(crate) fn is_on_this_machine(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    uri.as_ref().and_then(Uri::host).is_some_and(|host| is_loopback(host) || host.ends_with(".localhost"))
}

fn has_credentials(uri: &Uri) -> bool {
    uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
}
