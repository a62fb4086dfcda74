//! The command line: every flag is a key of the file, and an environment variable.

use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, parser::ValueSource, value_parser};
use tower_alb_auth::auth_proxy::Override;

const EXAMPLES: &str = "\
Examples:
  In front of Grafana, as a sidecar; ALB_AUTH_SIGNERS, ALB_AUTH_ISSUER, ALB_AUTH_CLIENT_IDS and
  ALB_AUTH_EMAIL_DOMAINS are set:
      alb-auth-proxy --upstream http://127.0.0.1:3000 --profile grafana
  For a gateway that sends a query before it passes a request on:
      alb-auth-proxy --forward-auth-listen 127.0.0.1:9180 --header 'X-Forwarded-User={email}'
  What becomes of each setting:
      alb-auth-proxy check --config proxy.yaml
  On a laptop, with ready users, at http://app.localhost:9000:
      alb-emulator --demo -- alb-auth-proxy --upstream http://127.0.0.1:3000 --profile grafana

Exit codes: 0 the proxy was stopped, or the check found no problem; 1 the settings are invalid, or a
port is taken; 2 the arguments are invalid.

docs/PROXY.md of the package tower-alb-auth describes every setting.";

const CONFIG_VARIABLE: &str = "ALB_PROXY_CONFIG";
const VARIABLE_PREFIX: &str = "ALB_PROXY_";
/// The variables of the layer's own settings.
const LAYER_PREFIX: &str = "ALB_AUTH_";

/// The task and its settings.
pub struct Invocation {
    pub task: Task,
    pub file: Option<PathBuf>,
    pub overrides: Vec<Override>,
    /// `ALB_AUTH_...` and `PORT`.
    pub variables: Vec<(String, String)>,
}

pub enum Task {
    Serve,
    Check,
}

/// A setting that has a flag: its key in the file, its flag, its environment variable, the name of its value, and its help.
struct Flag {
    key: &'static str,
    flag: &'static str,
    variable: &'static str,
    value: &'static str,
    help: &'static str,
}

const fn flag(
    key: &'static str,
    flag: &'static str,
    variable: &'static str,
    value: &'static str,
    help: &'static str,
) -> Flag {
    Flag { key, flag, variable, value, help }
}

/// The settings that are a list: their flags may be given several times.
const REPEATED: [&str; 3] = ["headers", "strip_headers", "exempt"];
/// The value of a flag without one.
const SWITCH: &str = "";

const FLAGS: [Flag; 24] = [
    flag(
        "upstream",
        "upstream",
        "ALB_PROXY_UPSTREAM",
        "URL",
        "The service behind the reverse proxy, such as http://127.0.0.1:3000",
    ),
    flag(
        "upstream_protocol",
        "upstream-protocol",
        "ALB_PROXY_UPSTREAM_PROTOCOL",
        "PROTOCOL",
        "http1, or http2 for gRPC: h2c on plain http [default: http1]",
    ),
    flag(
        "upstream_ca",
        "upstream-ca",
        "ALB_PROXY_UPSTREAM_CA",
        "FILE",
        "Root certificates for an https upstream, as PEM [default: Mozilla's]",
    ),
    flag(
        "dangerously_upstream_over_plain_http",
        "dangerously-upstream-over-plain-http",
        "ALB_PROXY_DANGEROUSLY_UPSTREAM_OVER_PLAIN_HTTP",
        SWITCH,
        "Allow plain http to another machine: for a network inside one host, or a service mesh with encryption",
    ),
    flag(
        "response_timeout_seconds",
        "response-timeout-seconds",
        "ALB_PROXY_RESPONSE_TIMEOUT_SECONDS",
        "SECONDS",
        "How long the service may take to begin its response [default: 60]",
    ),
    flag(
        "listen",
        "listen",
        "ALB_PROXY_LISTEN",
        "ADDRESS",
        "Where the reverse proxy listens [default: 0.0.0.0:$PORT, or 0.0.0.0:8080]",
    ),
    flag(
        "forward_auth_listen",
        "forward-auth-listen",
        "ALB_PROXY_FORWARD_AUTH_LISTEN",
        "ADDRESS",
        "Where forward auth listens; only the gateway may reach it",
    ),
    flag(
        "forward_auth_by_original_request",
        "forward-auth-by-original-request",
        "ALB_PROXY_FORWARD_AUTH_BY_ORIGINAL_REQUEST",
        SWITCH,
        "Apply the rules to X-Forwarded-Method, -Uri and -Host: for a gateway that sets all three itself",
    ),
    flag(
        "admin_listen",
        "admin-listen",
        "ALB_PROXY_ADMIN_LISTEN",
        "ADDRESS",
        "Where liveness, readiness and Prometheus metrics are served",
    ),
    flag(
        "tls_certificate",
        "tls-certificate",
        "ALB_PROXY_TLS_CERTIFICATE",
        "FILE",
        "Certificate chain of the listeners, as PEM",
    ),
    flag("tls_key", "tls-key", "ALB_PROXY_TLS_KEY", "FILE", "Private key of the certificate, as PEM"),
    flag(
        "profile",
        "profile",
        "ALB_PROXY_PROFILE",
        "NAME",
        "Headers of a known service: grafana, kafka-ui, akhq, airflow, jupyterhub, mlflow, superset, django, flask, streamlit",
    ),
    flag(
        "headers",
        "header",
        "ALB_PROXY_HEADER",
        "NAME=TEMPLATE",
        "A header made from claims, such as X-Forwarded-User={email}; may be repeated",
    ),
    flag(
        "strip_headers",
        "strip-header",
        "ALB_PROXY_STRIP_HEADER",
        "NAME",
        "Another header that clients may not send; may be repeated",
    ),
    flag(
        "keep_alb_headers",
        "keep-alb-headers",
        "ALB_PROXY_KEEP_ALB_HEADERS",
        SWITCH,
        "Pass the verified x-amzn-oidc-* headers on",
    ),
    flag(
        "exempt",
        "exempt",
        "ALB_PROXY_EXEMPT",
        "METHOD PATH",
        "A path that needs no user, such as 'GET /healthz'; may be repeated",
    ),
    flag(
        "header_timeout_seconds",
        "header-timeout-seconds",
        "ALB_PROXY_HEADER_TIMEOUT_SECONDS",
        "SECONDS",
        "How long a client may take to send headers [default: 30]",
    ),
    flag(
        "idle_timeout_seconds",
        "idle-timeout-seconds",
        "ALB_PROXY_IDLE_TIMEOUT_SECONDS",
        "SECONDS",
        "How long an idle connection is kept; longer than at the load balancer [default: 75]",
    ),
    flag(
        "max_header_bytes",
        "max-header-bytes",
        "ALB_PROXY_MAX_HEADER_BYTES",
        "BYTES",
        "Maximum size of all headers [default: 65536]",
    ),
    flag(
        "max_body_bytes",
        "max-body-bytes",
        "ALB_PROXY_MAX_BODY_BYTES",
        "BYTES",
        "Maximum size of a body [default: no limit]",
    ),
    flag(
        "shutdown_delay_seconds",
        "shutdown-delay-seconds",
        "ALB_PROXY_SHUTDOWN_DELAY_SECONDS",
        "SECONDS",
        "How long to keep serving after a stop signal, while readiness reports \"not ready\" [default: 0]",
    ),
    flag("log_format", "log-format", "ALB_PROXY_LOG_FORMAT", "FORMAT", "text or json [default: text]"),
    flag(
        "log_filter",
        "log-filter",
        "ALB_PROXY_LOG_FILTER",
        "FILTER",
        "What is logged, such as tower_alb_auth=debug [default: tower_alb_auth=info,warn]",
    ),
    flag("record_user", "record-user", "ALB_PROXY_RECORD_USER", SWITCH, "Record entity refs of users in spans"),
];

impl Flag {
    fn argument(&self) -> Arg {
        let argument = Arg::new(self.key).long(self.flag).help(self.help).env(self.variable).hide_env_values(true);
        match self.value {
            // A variable gives such a flag a value.
            SWITCH => argument
                .action(ArgAction::Set)
                .num_args(0..=1)
                .require_equals(true)
                .default_missing_value("true")
                .value_name("BOOL"),
            value if REPEATED.contains(&self.key) => {
                // A variable separates the values by semicolons, which no header name and no path has.
                argument.value_name(value).action(ArgAction::Append).value_delimiter(';')
            }
            value => argument.value_name(value),
        }
    }

    fn overriding(&self, matches: &ArgMatches) -> Option<Override> {
        let values: Vec<String> =
            matches.get_many::<String>(self.key)?.filter(|value| !value.is_empty()).cloned().collect();
        let source = match matches.value_source(self.key)? {
            ValueSource::CommandLine => format!("--{}", self.flag),
            ValueSource::EnvVariable => self.variable.to_owned(),
            _ => return None,
        };
        // A variable that is set to nothing counts as unset.
        (!values.is_empty()).then(|| Override { key: self.key.to_owned(), values, source })
    }
}

fn command() -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .help("The settings: YAML, or TOML if the name ends with .toml")
        .env(CONFIG_VARIABLE)
        .value_parser(value_parser!(PathBuf))
        .global(true);
    let with_flags = |command: Command| command.args(FLAGS.iter().map(Flag::argument));
    let check =
        Command::new("check").about("Says what becomes of each setting, and whether the proxy starts with them");
    with_flags(Command::new("alb-auth-proxy"))
        .version(env!("CARGO_PKG_VERSION"))
        .about(
            "Verifies the users that an AWS Application Load Balancer signed in, in front of a service in any language",
        )
        .after_help(EXAMPLES)
        .max_term_width(100)
        .disable_help_subcommand(true)
        .args_conflicts_with_subcommands(false)
        .arg(config)
        .subcommand(with_flags(check))
}

impl Invocation {
    /// # Errors
    /// A variable is unknown. clap reports unknown arguments, and ends the process.
    pub fn parse() -> Result<Self, String> {
        unknown_variables()?;
        let matches = command().get_matches();
        let (task, given) = match matches.subcommand() {
            Some((_, check)) => (Task::Check, check),
            None => (Task::Serve, &matches),
        };
        // Flags before the subcommand count too.
        let all = FLAGS.iter().filter_map(|flag| {
            let outer = flag.overriding(&matches);
            let inner = flag.overriding(given).filter(|over| outer.is_none() || over.source.starts_with("--"));
            inner.or(outer)
        });
        let wanted = |name: &str| name.starts_with(LAYER_PREFIX) || name == "PORT";
        let variables = variables().filter(|(name, _)| wanted(name)).collect();
        let file = given.get_one("config").cloned();
        Ok(Self { task, file, overrides: all.collect(), variables })
    }
}

/// A value that is not Unicode is not printed, so it may be changed.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.to_string_lossy().into_owned())))
}

/// A variable with a typo would otherwise leave a setting at its default.
fn unknown_variables() -> Result<(), String> {
    let known: Vec<&str> = FLAGS.iter().map(|flag| flag.variable).chain([CONFIG_VARIABLE]).collect();
    let unknown: Vec<String> = variables()
        .map(|(name, _)| name)
        .filter(|name| name.starts_with(VARIABLE_PREFIX) && !known.contains(&name.as_str()))
        .collect();
    match unknown.as_slice() {
        [] => Ok(()),
        _ => Err(format!("unknown variables: {}; known: {}", unknown.join(", "), known.join(", "))),
    }
}
