//! The command line.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Parser, Subcommand, ValueEnum};

use super::{inspect::Inspect, values};
use crate::emulator::{ClientAuthentication, OnUnauthenticated, Rule};

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
    override_usage = "alb-emulator [OPTIONS] --target URL\n       alb-emulator [OPTIONS] -- COMMAND [ARGS]...\n       alb-emulator --provider-only [OPTIONS]\n       alb-emulator inspect [OPTIONS]"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    #[command(flatten)]
    pub(super) emulate: Emulate,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Inspect(Inspect),
}

/// The format in which settings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PrintFormat {
    /// Environment variables.
    Env,
    /// Backstage's app-config.yaml.
    AppConfig,
    /// Rust.
    Rust,
}

/// What to emulate. A value that is `None` or empty comes from the settings file, or is the
/// default.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Emulate {
    /// URL of the application: plain http, without a path.
    #[arg(long, value_name = "URL", help_heading = "Application")]
    pub(super) target: Option<String>,

    /// Starts this command as the application, with ALB_AUTH_* and PORT in its environment. {port}
    /// in an argument is replaced by the port.
    #[arg(last = true, value_name = "COMMAND", help_heading = "Application")]
    pub(super) command: Vec<OsString>,

    /// Keeps running after the application that it started has ended.
    #[arg(long, help_heading = "Application", requires = "command")]
    pub(super) keep: bool,

    /// How long a request waits for an application that is not listening before the response is 502
    /// [default: 0s, with a COMMAND 60s].
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Application")]
    pub(super) wait: Option<Duration>,

    /// Domain of the users' email addresses, for the settings of the application; may be given
    /// several times [default: example.com].
    #[arg(long, value_name = "DOMAIN", help_heading = "Application")]
    pub(super) email_domain: Vec<String>,

    /// Uses the built-in demo provider, where users sign in by a click and without a password. This
    /// is the default, unless another provider is named.
    #[arg(long, conflicts_with_all = ["issuer", "authorization_endpoint"], help_heading = "Users")]
    pub(super) demo: bool,

    /// Signs this user of the demo provider in without showing a page.
    #[arg(long = "as", value_name = "USER", conflicts_with_all = ["issuer", "authorization_endpoint"], help_heading = "Users")]
    pub(super) sign_in_as: Option<String>,

    /// Adds the users of this YAML file to the demo provider. The file is read again when it
    /// changes.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["issuer", "authorization_endpoint"], help_heading = "Users")]
    pub(super) users: Option<PathBuf>,

    /// Listen address of the demo provider [default: 127.0.0.1:9001].
    #[arg(long, value_name = "ADDRESS", value_parser = values::address, conflicts_with_all = ["issuer", "authorization_endpoint"], help_heading = "Users")]
    pub(super) provider_listen: Option<SocketAddr>,

    /// Starts only the demo provider, without a load balancer, for other tests that sign users in.
    #[arg(long, conflicts_with_all = ["target", "command", "issuer", "authorization_endpoint", "print_config"], help_heading = "Users")]
    pub(super) provider_only: bool,

    /// With --provider-only: a redirect URI to which users may be sent after sign-in; may be given
    /// several times.
    #[arg(long, value_name = "URL", help_heading = "Users")]
    pub(super) redirect_uri: Vec<String>,

    /// Your own provider, by its issuer. The endpoints come from its discovery document, unless
    /// they are given.
    #[arg(long, visible_alias = "discovery", value_name = "URL", help_heading = "Your own provider")]
    pub(super) issuer: Option<String>,

    /// The authorization endpoint, for a provider without a discovery document. Requires --issuer
    /// and the other three endpoints.
    #[arg(long, value_name = "URL", requires_all = ["issuer", "token_endpoint", "userinfo_endpoint", "jwks"], help_heading = "Your own provider")]
    pub(super) authorization_endpoint: Option<String>,

    /// The token endpoint, where codes are exchanged for tokens.
    #[arg(long, value_name = "URL", requires = "authorization_endpoint", help_heading = "Your own provider")]
    pub(super) token_endpoint: Option<String>,

    /// The userinfo endpoint, where the claims come from.
    #[arg(long, value_name = "URL", requires = "authorization_endpoint", help_heading = "Your own provider")]
    pub(super) userinfo_endpoint: Option<String>,

    /// URL of the provider's public keys (JWKS). A listener rule has no such setting, because a
    /// load balancer finds the keys by itself.
    #[arg(long, value_name = "URL", requires = "authorization_endpoint", help_heading = "Your own provider")]
    pub(super) jwks: Option<String>,

    /// The client id at the provider [default: alb-emulator].
    #[arg(long, value_name = "ID", help_heading = "Your own provider")]
    pub(super) client_id: Option<String>,

    /// File with the client secret. Without it the variable ALB_EMULATOR_CLIENT_SECRET is read.
    /// There is no flag for the secret itself, because every process of the machine can see
    /// arguments.
    #[arg(long, value_name = "FILE", help_heading = "Your own provider")]
    pub(super) client_secret_file: Option<PathBuf>,

    /// Accepted only to give a specific error.
    #[arg(long, hide = true, value_name = "SECRET")]
    pub(super) client_secret: Option<OsString>,

    /// How the client authenticates at the token endpoint: basic or form [default: basic].
    #[arg(long, value_name = "HOW", value_parser = values::client_authentication, help_heading = "Your own provider")]
    pub(super) client_authentication: Option<ClientAuthentication>,

    /// The requested scope [default: "openid profile email"].
    #[arg(long, value_name = "SCOPE", help_heading = "Your own provider")]
    pub(super) scope: Option<String>,

    /// Additional parameter for the authorization endpoint; may be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = values::parameter, help_heading = "Your own provider")]
    pub(super) param: Vec<(String, String)>,

    /// What happens to a request without a session: authenticate, allow or deny [default:
    /// authenticate].
    #[arg(long, value_name = "WHAT", value_parser = values::on_unauthenticated, help_heading = "Load balancer")]
    pub(super) on_unauthenticated: Option<OnUnauthenticated>,

    /// The same for a path, with * and ? as wildcards; the action forward is for a path without an
    /// authenticate action. May be given several times; the first rule that matches applies.
    #[arg(long, value_name = "PATH=ACTION", value_parser = values::rule, help_heading = "Load balancer")]
    pub(super) rule: Vec<Rule>,

    /// How long a session lasts [default: 7d].
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Load balancer")]
    pub(super) session_timeout: Option<Duration>,

    /// The name of the session's cookies [default: AWSELBAuthSessionCookie].
    #[arg(long, value_name = "NAME", help_heading = "Load balancer")]
    pub(super) cookie_name: Option<String>,

    /// Rotates the signing key at this interval.
    #[arg(long, value_name = "TIME", value_parser = values::duration, help_heading = "Load balancer")]
    pub(super) rotate_every: Option<Duration>,

    /// Listen address, or a port on loopback [default: 127.0.0.1:9000].
    #[arg(long, value_name = "ADDRESS", value_parser = values::address, help_heading = "Addresses")]
    pub(super) listen: Option<SocketAddr>,

    /// Listen address of the public keys; loopback only [default: 127.0.0.1:9002].
    #[arg(long, value_name = "ADDRESS", value_parser = values::address, help_heading = "Addresses")]
    pub(super) keys_listen: Option<SocketAddr>,

    /// The host name that browsers use [default: app.localhost].
    #[arg(long, value_name = "HOST", help_heading = "Addresses")]
    pub(super) public_host: Option<String>,

    /// Serves https, with a certificate that is generated once and kept in this folder [default:
    /// ~/.local/share/alb-emulator].
    #[arg(long, value_name = "FOLDER", num_args = 0..=1, require_equals = true, help_heading = "Addresses")]
    pub(super) tls: Option<Option<PathBuf>>,

    /// YAML file with settings. The command line overrides it.
    #[arg(long, value_name = "FILE", help_heading = "Settings")]
    pub(super) config: Option<PathBuf>,

    /// Prints the settings that the application needs, and exits.
    #[arg(long, value_name = "FORM", value_enum, help_heading = "Settings")]
    pub(super) print_config: Option<PrintFormat>,
}
