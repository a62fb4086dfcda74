//! Checks a configuration before any listener is opened.

use std::collections::BTreeMap;

use super::{
    EmulatorConfig, IdentityProvider, OnJwtValidation, identity_provider::Kind, provider_url::problem_of_address,
};
use crate::{
    ConfigError, LoadBalancerArn,
    config::{Problem, ProblemKind},
    emulator::{
        provider::DemoClient,
        rules::{Authenticate, Files, Table, problem_of_parameter, problem_of_scope},
        session::SessionCookies,
    },
    internal::{HttpUrl, HttpUrlError, KeyAt, is_private_host, quoted},
};

/// The account of signers that no AWS customer has.
const EMULATOR_ACCOUNT: &str = "000000000000";

/// A checked configuration.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) config: EmulatorConfig,
    /// The rules, with host and port of each target.
    pub(crate) table: Table,
}

impl Checked {
    pub(crate) fn new(config: EmulatorConfig) -> Result<Self, ConfigError> {
        Self::check(config, true)
    }

    /// The same, except that rules may have no target.
    pub(crate) fn without_targets(config: EmulatorConfig) -> Result<Self, ConfigError> {
        Self::check(config, false)
    }

    fn check(config: EmulatorConfig, needs_targets: bool) -> Result<Self, ConfigError> {
        let mut problems = Vec::new();
        let table = table_of(&config, needs_targets, &mut problems);
        check_signer(&config.signer, &mut problems);
        if config.provider.is_demo() && table.validates_bearer_tokens() && config.client_id == DemoClient::MACHINE_ID {
            let text = format!(
                "the client id {} is that of the machines for the rules with jwt-validation: use another one for the load balancer",
                quoted(&config.client_id)
            );
            problems.push(invalid("client_id", text));
        }
        check_keys(&config, &mut problems);
        if config.session_timeout.as_secs() == 0 {
            problems.push(invalid("session_timeout_seconds", "the session timeout must be at least 1 s"));
        }
        if config.rotate_every.is_some_and(|every| every.as_secs() == 0) {
            problems.push(invalid("rotate_every_seconds", "the rotation interval must be at least 1 s"));
        }
        let more_hosts = config.more_hosts.iter().map(|host| ("more_hosts", host));
        for (key, host) in more_hosts.chain([("public_host", &config.public_host)]) {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
            if host.is_empty() || !host.bytes().all(plain) {
                problems.push(invalid(key, format!("{} is not a host name: write app.localhost", quoted(host))));
            }
        }
        // The builder checks the cookie name.
        if let Err(error) = crate::SignOut::builder().cookie_name(&config.cookie_name).build() {
            problems
                .extend(error.problems().iter().cloned().map(|problem| problem.for_key(KeyAt::path("cookie_name"))));
        }
        problems.extend(problem_of_scope(&config.scope).map(|text| invalid("scope", text)));
        for rule in config.rules.iter().filter(|rule| !rule.path.starts_with(['/', '*'])) {
            let path = quoted(&rule.path);
            problems.push(invalid("rules", format!("the rule for {path} matches no path: a path begins with /")));
        }
        for path in config.post_logout_paths.iter().filter(|path| !path.starts_with('/')) {
            problems.push(invalid("post_logout_paths", format!("{} is not a path: it begins with /", quoted(path))));
        }
        let parameters = config.authorize_parameters.iter().filter_map(|(name, _)| problem_of_parameter(name));
        problems.extend(parameters.map(|text| invalid("authorize_parameters", text)));
        check_provider(&config, &mut problems);
        if problems.is_empty() { Ok(Self { config, table }) } else { Err(ConfigError::new(problems)) }
    }
}

/// A problem of the setting with this key, with a text that names it.
fn invalid(key: &str, text: impl Into<String>) -> Problem {
    Problem::invalid(text).for_key(KeyAt::path(key))
}

fn insecure(key: &str, text: impl Into<String>) -> Problem {
    Problem::sentence(ProblemKind::Insecure, text).for_key(KeyAt::path(key))
}

/// The compiled rules.
fn table_of(config: &EmulatorConfig, needs_targets: bool, problems: &mut Vec<Problem>) -> Table {
    let target = config.target.as_deref().and_then(|target| target_of(target).map_err(|p| problems.push(p)).ok());
    let mut groups = BTreeMap::new();
    for (name, url) in &config.target_groups {
        match target_of(url) {
            Ok(_) if groups.contains_key(name) => {
                problems.push(invalid("target", format!("the target group {} has two targets", quoted(name))));
            }
            Ok(address) => {
                groups.insert(name.clone(), address);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if config.rules_files.is_empty() {
        let settings = [
            ("target", !groups.is_empty()),
            ("rules_parameters", !config.rules_parameters.is_empty()),
            ("rules_listener", config.rules_listener.is_some()),
        ];
        for (key, _) in settings.into_iter().filter(|(_, is_set)| *is_set) {
            let text = "target groups, parameters and listeners are those of a file of rules: set rules_files";
            problems.push(Problem::sentence(ProblemKind::Missing, text).for_key(KeyAt::path(key)));
        }
    }
    let sign_in = Authenticate {
        on_unauthenticated: config.on_unauthenticated,
        scope: config.scope.clone(),
        parameters: config.authorize_parameters.clone(),
        session_timeout: config.session_timeout,
        cookies: SessionCookies { name: config.cookie_name.clone(), secure: config.tls.is_some() },
    };
    let files = Files {
        paths: &config.rules_files,
        parameters: &config.rules_parameters,
        listener: config.rules_listener.as_deref(),
        responds_501: config.on_jwt_validation == OnJwtValidation::Respond501,
        groups: &groups,
        is_demo: config.provider.is_demo(),
        needs_targets,
    };
    Table::new(&config.rules, &sign_in, target.as_ref(), &files, problems)
}

fn target_of(target: &str) -> Result<http::uri::Authority, Problem> {
    let wrong = |text: String| Err(invalid("target", text));
    let shown = quoted(target);
    match HttpUrl::parse(target) {
        // The URL is not shown.
        Err(HttpUrlError::UserInfo) => wrong("the target must be a URL without user name and password".to_owned()),
        Err(HttpUrlError::Scheme | HttpUrlError::Host) => {
            wrong(format!("the target {shown} must begin with http:// and name a host"))
        }
        Ok(url) if url.is_server() && url.is_https() => {
            wrong(format!("the target {shown} must be plain http, like a target group of protocol HTTP"))
        }
        Ok(url) if url.is_server() => Ok(url.into_server().1),
        Ok(_) | Err(_) => wrong(format!("the target {shown} must be a URL without a path: http://localhost:3000")),
    }
}

/// Keys over plain http are for this machine, and for the one private network that is named.
fn check_keys(config: &EmulatorConfig, problems: &mut Vec<Problem>) {
    match &config.keys_host {
        None if !config.keys_listen.ip().is_loopback() => problems.push(insecure(
            "keys_listen",
            format!(
                "the keys cannot be served at {}: {}; listen on 127.0.0.1, or name the host by which other containers of a private \
                 network reach them",
                config.keys_listen,
                match config.keys_tls {
                    Some(_) => "their certificate is for one name",
                    None => "plain http proves nothing on a network",
                }
            ),
        )
        .for_key(KeyAt::path("keys_host"))),
        Some(host) if !is_private_host(&host.to_ascii_lowercase()) || HttpUrl::parse(&format!("http://{host}")).is_err() => {
            problems.push(insecure(
                "keys_host",
                format!(
                    "{} is not the host of a private network: a private IP address, a name without a dot, or a name that ends with \
                     .internal, .local, .localhost, .test or .home.arpa",
                    quoted(host)
                ),
            ));
        }
        _ => {}
    }
}

fn check_signer(signer: &str, problems: &mut Vec<Problem>) {
    match signer.parse::<LoadBalancerArn>() {
        Ok(arn) if arn.account() == EMULATOR_ACCOUNT => {}
        Ok(arn) => {
            let text = format!(
                "the signer's account is {}; the emulator must sign with the account {EMULATOR_ACCOUNT}, which no AWS \
                 customer has",
                arn.account()
            );
            problems.push(insecure("signer", text));
        }
        Err(error) => problems.push(invalid("signer", format!("the signer: {error}")).caused_by(error)),
    }
}

fn check_provider(config: &EmulatorConfig, problems: &mut Vec<Problem>) {
    let IdentityProvider(kind) = &config.provider;
    if let Some(address) = &config.provider_address {
        check_provider_address(address, kind, problems);
    }
    let urls: Vec<(&str, &str, &String)> = match kind {
        Kind::Demo(demo) => {
            let mut hosts = config.more_hosts.iter().chain([&config.public_host]);
            if hosts.any(|host| host.eq_ignore_ascii_case(&demo.host)) {
                let host = &demo.host;
                let text = format!(
                    "the demo provider is at {host}; use another host for the application, because cookies ignore ports"
                );
                problems.push(Problem::sentence(ProblemKind::Conflict, text).for_key(KeyAt::path("public_host")));
            }
            return;
        }
        Kind::Discovery(issuer) => vec![("issuer", "issuer", issuer)],
        Kind::Endpoints(endpoints) => vec![
            ("endpoints.issuer", "issuer", &endpoints.issuer),
            ("endpoints.authorization", "authorization endpoint", &endpoints.authorization),
            ("endpoints.token", "token endpoint", &endpoints.token),
            ("endpoints.userinfo", "userinfo endpoint", &endpoints.userinfo),
            ("endpoints.jwks", "JWKS", &endpoints.jwks),
        ],
    };
    let of_url = |(key, what, url): (&str, &str, &String)| Some(insecure(key, problem_of_address(what, url)?));
    problems.extend(urls.into_iter().filter_map(of_url));
    if config.client_secret.is_none() {
        let text = "the client has no secret: set the one that the provider issued";
        problems.push(Problem::sentence(ProblemKind::Missing, text).for_key(KeyAt::path("client_secret_file")));
    }
}

fn check_provider_address(address: &str, kind: &Kind, problems: &mut Vec<Problem>) {
    const KEY: &str = "provider_address";
    let server = HttpUrl::parse_server(&format!("http://{address}")).ok().filter(|server| server.port().is_some());
    let Some(server) = server else {
        let text = format!("{} is not the address of a provider: write host:port", quoted(address));
        problems.push(invalid(KEY, text));
        return;
    };
    let issuer = match kind {
        Kind::Demo(_) => {
            let text = "the demo provider is a part of the emulator: it has no other address";
            problems.push(Problem::sentence(ProblemKind::Conflict, text).for_key(KeyAt::path(KEY)));
            return;
        }
        Kind::Discovery(issuer) => issuer,
        Kind::Endpoints(endpoints) => &endpoints.issuer,
    };
    let is_https = HttpUrl::parse(issuer).is_ok_and(|issuer| issuer.is_https());
    if !is_https && !server.is_on_this_machine() && !is_private_host(server.host()) {
        let text = format!(
            "the issuer is plain http, and {} is not the host of a private network: the client secret and the tokens would be sent \
             without TLS",
            quoted(address)
        );
        problems.push(insecure(KEY, text));
    }
}
