//! The command line: every flag is a key of the file, and an environment variable.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, parser::ValueSource, value_parser};
use tower_alb_auth::auth_proxy::Override;

use crate::flags::{FLAGS, Flag, REPEATED, SWITCH};

const EXAMPLES: &str = "\
Examples:
  In front of Grafana, as a sidecar; ALB_AUTH_SIGNERS, ALB_AUTH_ISSUER, ALB_AUTH_CLIENT_IDS and
  ALB_AUTH_EMAIL_DOMAINS are set:
      alb-auth-proxy --upstream http://127.0.0.1:3000 --profile grafana
  For a gateway that sends a query before it passes a request on:
      alb-auth-proxy --forward-auth-listen 127.0.0.1:9180 --header 'X-Forwarded-User={email}'
  For Envoy's ext_authz over gRPC:
      alb-auth-proxy --ext-authz-listen 127.0.0.1:9181 --header 'X-Forwarded-User={email}'
  With a JWT for a service that verifies one:
      alb-auth-proxy --upstream http://127.0.0.1:3000 --assertion-issuer http://127.0.0.1:8081
          --assertion-listen 127.0.0.1:8081 --assertion-audience grafana
  What becomes of each setting:
      alb-auth-proxy check --config proxy.yaml
  Whether it responds, for the health check of a container:
      alb-auth-proxy healthcheck --config proxy.yaml
  On a laptop, with ready users, at http://app.localhost:9000:
      alb-emulator --demo -- alb-auth-proxy --upstream http://127.0.0.1:3000 --profile grafana

Exit codes: 0 the proxy was stopped, or a check found no problem; 1 the settings are invalid, a port
is taken, or the proxy does not respond; 2 the arguments are invalid.

docs/PROXY.md of the package tower-alb-auth describes every setting.";

/// Without one of these, more users or headers pass. So their variables may not be set to nothing.
const ADMITS_FEWER: [&str; 4] = ["deny_list", "strip_headers", "end_streams_with_token", "max_body_bytes"];

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
    /// At this address, or at the one of the settings.
    Healthcheck {
        address: Option<SocketAddr>,
    },
}

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
        // A variable that is set to nothing counts as unset, if it may be: see `is_blank`.
        (!values.is_empty()).then(|| Override { key: self.key.to_owned(), values, source })
    }

    /// Whether it is given without a value, as `--deny-list "$UNSET"` is, and may not be.
    fn is_blank(&self, matches: &ArgMatches) -> bool {
        let is_blank = matches.get_many::<String>(self.key).is_some_and(|mut values| values.any(String::is_empty));
        match matches.value_source(self.key) {
            Some(ValueSource::CommandLine) => is_blank,
            Some(ValueSource::EnvVariable) => is_blank && ADMITS_FEWER.contains(&self.key),
            _ => false,
        }
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
    let healthcheck = Command::new("healthcheck")
        .about("Whether the proxy with these settings responds: for the health check of a container")
        .arg(
            Arg::new("address")
                .long("address")
                .value_name("ADDRESS")
                .help("Where it responds, instead of admin_listen or listen")
                .value_parser(value_parser!(SocketAddr)),
        );
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
        .subcommand(with_flags(healthcheck))
}

impl Invocation {
    /// # Errors
    /// A variable is unknown, or a setting is set to nothing. clap reports unknown arguments, and ends the process.
    pub fn parse() -> Result<Self, String> {
        unknown_variables()?;
        let matches = command().get_matches();
        let (task, given) = match matches.subcommand() {
            Some(("healthcheck", given)) => (Task::Healthcheck { address: given.get_one("address").copied() }, given),
            Some((_, check)) => (Task::Check, check),
            None => (Task::Serve, &matches),
        };
        let blank: Vec<String> = FLAGS
            .iter()
            .filter(|flag| flag.is_blank(&matches) || flag.is_blank(given))
            .map(|flag| format!("--{} ({})", flag.flag, flag.variable))
            .collect();
        if !blank.is_empty() {
            return Err(format!("set to nothing: {}; give it a value, or leave it out", blank.join(", ")));
        }
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
