//! The checks of a configuration, before anything is opened.

use http::Uri;

use super::{EmulatorConfig, IdentityProvider, identity_provider::Kind};
use crate::config::{ConfigError, LoadBalancerArn, is_loopback};

/// The account of a signer that is none.
const NOBODYS_ACCOUNT: &str = "000000000000";

/// A configuration that can be started.
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
                "the keys cannot be served at {}: plain http proves nothing there; listen on 127.0.0.1",
                config.keys_listen
            ));
        }
        if config.session_timeout.as_secs() == 0 {
            problems.push("the session timeout is at least 1 s".to_owned());
        }
        if config.rotate_every.is_some_and(|every| every.as_secs() == 0) {
            problems.push("keys are rotated every 1 s at most".to_owned());
        }
        for host in config.more_hosts.iter().chain([&config.public_host]) {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
            if host.is_empty() || !host.bytes().all(plain) {
                problems.push(format!("{} is not a host name: write app.localhost", crate::error::quoted(host)));
            }
        }
        // Its checks are those of the cookie's name.
        if let Err(error) = crate::SignOut::builder().cookie_name(&config.cookie_name).build() {
            problems.extend(error.problems().iter().cloned());
        }
        if !config.scope.split(' ').any(|scope| scope == "openid") {
            problems.push(format!(
                "the scope {} has no openid: a provider gives no ID token then",
                crate::error::quoted(&config.scope)
            ));
        }
        for rule in config.rules.iter().filter(|rule| !rule.path.starts_with(['/', '*'])) {
            problems
                .push(format!("the rule for {} fits no path: a path begins with /", crate::error::quoted(&rule.path)));
        }
        for path in config.post_logout_paths.iter().filter(|path| !path.starts_with('/')) {
            problems.push(format!("{} is not a path: it begins with /", crate::error::quoted(path)));
        }
        check_provider(&config, &mut problems);
        if problems.is_empty() { Ok(Self { config, target }) } else { Err(ConfigError::new(problems)) }
    }
}

fn target_of(target: &str) -> Result<http::uri::Authority, String> {
    let shown = crate::error::quoted(target);
    let uri: Option<Uri> = target.parse().ok();
    let plain = uri.filter(|uri| matches!(uri.path(), "" | "/") && uri.query().is_none());
    let Some(uri) = plain else {
        return Err(format!("the target {shown} must be an address without a path: http://localhost:3000"));
    };
    match (uri.scheme_str(), uri.authority()) {
        (Some("http"), Some(authority)) if !authority.as_str().contains('@') && !authority.host().is_empty() => {
            Ok(authority.clone())
        }
        (Some("https"), _) => Err(format!("the target {shown} must be plain http, as a target group of HTTP is")),
        _ => Err(format!("the target {shown} must begin with http:// and name a host")),
    }
}

fn check_signer(signer: &str, problems: &mut Vec<String>) {
    match signer.parse::<LoadBalancerArn>() {
        Ok(arn) if arn.account() == NOBODYS_ACCOUNT => {}
        Ok(arn) => problems.push(format!(
            "the signer's account is {}: an emulator signs as nobody's load balancer, with the account {NOBODYS_ACCOUNT}",
            arn.account()
        )),
        Err(error) => problems.push(format!("the signer: {error}")),
    }
}

fn check_provider(config: &EmulatorConfig, problems: &mut Vec<String>) {
    let IdentityProvider(kind) = &config.provider;
    let urls: Vec<(&str, &String)> = match kind {
        Kind::Demo(_) => return,
        Kind::Discovery(issuer) => vec![("issuer", issuer)],
        Kind::Endpoints(endpoints) => vec![
            ("issuer", &endpoints.issuer),
            ("authorization endpoint", &endpoints.authorization),
            ("token endpoint", &endpoints.token),
            ("userinfo endpoint", &endpoints.userinfo),
            ("JWKS", &endpoints.jwks),
        ],
    };
    for (what, url) in urls {
        let uri: Option<Uri> = url.parse().ok();
        let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
        let local = is_loopback(host) || host.ends_with(".localhost");
        let scheme = uri.as_ref().and_then(Uri::scheme_str);
        if !matches!((scheme, local), (Some("https"), _) | (Some("http"), true)) || host.is_empty() {
            problems.push(format!(
                "the provider's {what} {} must begin with https:// (http:// on this machine alone)",
                crate::error::quoted(url)
            ));
        }
    }
    if config.client_secret.is_none() {
        problems.push("the client has no secret: give the one that the provider made for it".to_owned());
    }
}
