//! The command line.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{CommandFactory as _, Parser, Subcommand, ValueEnum};
use tower_alb_auth::emulator::EmulatorSettings;

use crate::inspect::Inspect;

const EXAMPLES: &str = "\
Examples:
  An application that listens at port 3000, and built-in users to sign in as:
      alb-emulator --target http://localhost:3000 --demo
  The same, but the emulator starts the application, with its settings in the environment and its
  port in PORT:
      alb-emulator --demo -- cargo run
      alb-emulator --demo -- npm start -- --port {port}
  Without the login page, for scripts: curl signs in by following redirects with a cookie jar.
      alb-emulator --demo --as jane -- cargo run
      curl -L -c jar -b jar http://app.localhost:9000/
  Your own provider. First register http://app.localhost:9000/oauth2/idpresponse as redirect URI there:
      ALB_EMULATOR_CLIENT_SECRET=... alb-emulator --target http://localhost:3000 \\
          --discovery https://login.microsoftonline.com/<tenant>/v2.0 --client-id <id>
  An API that responds 401 instead of a redirect, and a path that needs no sign-in:
      alb-emulator --demo --rule '/api/*=deny' --rule /healthz=forward -- cargo run
  The rules of a deployed listener, and of a template; --print-rules shows them and exits:
      aws elbv2 describe-rules --listener-arn <arn> >rules.json
      alb-emulator --rules rules.json --target web=http://localhost:3000
      alb-emulator --rules template.yaml --rules-parameter Host=app.localhost --print-rules
  The settings of the application, as variables, as Backstage's app-config.yaml, or as Rust:
      alb-emulator --demo --print-config env
  Why a header is rejected:
      pbpaste | alb-emulator inspect --env

Full documentation: docs/EMULATOR.md of the package tower-alb-auth.";

/// A load balancer for the laptop: signs users in as an AWS Application Load Balancer does, and
/// signs x-amzn-oidc-data for the application behind it.
///
/// A tool for development. Its tokens are signed under the account 000000000000, which belongs to
/// no AWS customer, so no production configuration accepts them. It listens on loopback only,
/// unless --listen names another address.
#[derive(Debug, Parser)]
#[command(
    name = "alb-emulator",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = EXAMPLES,
    override_usage = "alb-emulator [OPTIONS] --target URL\n       alb-emulator [OPTIONS] -- COMMAND [ARGS]...\n       alb-emulator --provider-only [OPTIONS]\n       alb-emulator inspect [OPTIONS]\n       alb-emulator healthcheck [--address ADDRESS]"
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    #[command(flatten)]
    pub(crate) emulate: Emulate,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Inspect(Inspect),
    /// Exits with 0 if the emulator that runs at an address responds: the health check of an image
    /// without a shell.
    Healthcheck {
        /// The address at which the load balancer listens without TLS, or that of the demo provider,
        /// such as 127.0.0.1:9001.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9000")]
        address: SocketAddr,
    },
}

/// The format in which settings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PrintFormat {
    /// Environment variables.
    Env,
    /// Backstage's app-config.yaml.
    AppConfig,
    /// Rust.
    Rust,
}

/// What to emulate. A value that is `None` or empty comes from the settings file, or is the
/// default.
#[derive(Debug, clap::Args)]
pub(crate) struct Emulate {
    #[command(flatten)]
    pub(crate) settings: EmulatorSettings,

    /// Starts this command as the application, with ALB_AUTH_* and PORT in its environment. {port}
    /// in an argument is replaced by the port.
    #[arg(last = true, value_name = "COMMAND", help_heading = "Application")]
    pub(crate) command: Vec<OsString>,

    /// Keeps running after the application that it started has ended.
    #[arg(long, help_heading = "Application", requires = "command")]
    pub(crate) keep: bool,

    /// Domain of the users' email addresses, for the settings of the application; may be given
    /// several times [default: example.com].
    #[arg(long, value_name = "DOMAIN", help_heading = "Application")]
    pub(crate) email_domain: Vec<String>,

    /// Uses the built-in demo provider, where users sign in by a click and without a password. This
    /// is the default, unless another provider is named.
    #[arg(id = "demo", long = "demo", conflicts_with_all = ["issuer", "endpoints.authorization"], help_heading = "Users")]
    pub(crate) is_demo: bool,

    /// Starts only the demo provider, without a load balancer, for other tests that sign users in.
    #[arg(long, conflicts_with_all = ["target", "command", "issuer", "endpoints.authorization", "metrics", "print_config"], help_heading = "Users")]
    pub(crate) provider_only: bool,

    /// With --provider-only: a redirect URI to which users may be sent after sign-in; may be given
    /// several times.
    #[arg(long, value_name = "URL", help_heading = "Users")]
    pub(crate) redirect_uri: Vec<String>,

    /// Accepted only to give a specific error.
    #[arg(long = "client-secret", hide = true, value_name = "SECRET")]
    pub(crate) secret_as_argument: Option<OsString>,

    /// YAML file with settings. The command line overrides it.
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    pub(crate) config: Option<PathBuf>,

    /// Prints the settings that the application needs, and exits.
    #[arg(long, value_name = "FORM", value_enum, help_heading = "Settings")]
    pub(crate) print_config: Option<PrintFormat>,

    /// Prints the rules in the order in which they apply, and exits.
    #[arg(long, conflicts_with_all = ["provider_only", "print_config"], help_heading = "Settings")]
    pub(crate) print_rules: bool,
}

/// The flags of the settings with this key in the file, or below it.
pub(crate) fn flags_below(key: &str) -> Vec<String> {
    let command = Arguments::command();
    let is_below = |id: &str| id.strip_prefix(key).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let arguments = command.get_arguments().filter(|argument| is_below(argument.get_id().as_str()));
    arguments.filter_map(|argument| argument.get_long().map(|long| format!("--{long}"))).collect()
}

/// The flag of the setting with this key in the file.
pub(crate) fn flag_of(key: &str) -> Option<String> {
    let command = Arguments::command();
    let argument = command.get_arguments().find(|argument| argument.get_id() == key)?;
    argument.get_long().map(|long| format!("--{long}"))
}
