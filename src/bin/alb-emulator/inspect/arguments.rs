//! The command line of `alb-emulator inspect`.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
The value is read from standard input, never from an argument, because every process of the machine
can see arguments and the shell keeps them in its history. pbpaste reads the clipboard on macOS; on
Linux use wl-paste or xclip -o -selection clipboard.

Examples:
  With the application's settings from the environment:
      pbpaste | alb-emulator inspect --env
  With Backstage's settings, and the key fetched from the key endpoint as the layer does it:
      alb-emulator inspect --app-config app-config.yaml --fetch-key < value.txt
  With flags:
      alb-emulator inspect --signer arn:aws:elasticloadbalancing:... --issuer https://... \\
          --client-id ... < value.txt

Exit codes: 0 accepted; 1 rejected; 2 the command line or the configuration is invalid; 3 no problem
was found, but the signature was not checked, or no configuration was given.";

/// Explains how the layer would handle a value of x-amzn-oidc-data, and why.
///
/// Makes no network request unless --fetch-key is given. Prints no names, addresses or other claims
/// unless --show-claims is given, and never the value itself.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Inspect {
    /// Check it against the environment variables ALB_AUTH_SIGNERS, ALB_AUTH_ISSUER,
    /// ALB_AUTH_CLIENT_IDS, ...
    #[arg(long, group = "configuration")]
    pub(super) env: bool,

    /// Check it against auth.providers.awsalb of Backstage's files; may be given several times,
    /// later files override earlier ones.
    #[arg(long, value_name = "FILE", group = "configuration")]
    pub(super) app_config: Vec<PathBuf>,

    /// Check it against the configuration that an application behind this emulator needs: the
    /// emulator's YAML file, which may be empty.
    #[arg(long, value_name = "FILE", group = "configuration")]
    pub(super) config: Option<PathBuf>,

    /// Check it against this load balancer's ARN; may be given several times. Requires --issuer and
    /// --client-id.
    #[arg(long, value_name = "ARN", group = "configuration", requires = "issuer")]
    pub(super) signer: Vec<String>,

    /// The issuer that goes with --signer.
    #[arg(long, value_name = "URL", requires = "signer")]
    pub(super) issuer: Option<String>,

    /// A client id that goes with --signer; may be given several times.
    #[arg(long, value_name = "ID", requires = "signer")]
    pub(super) client_id: Vec<String>,

    /// Key endpoint of --signer, if AWS documents none for its region.
    #[arg(long, value_name = "URL", requires = "signer")]
    pub(super) key_endpoint: Option<String>,

    /// With --signer or --config: sign users of this domain in by the local part of their email;
    /// may be given several times. Without it only the token is checked.
    #[arg(long, value_name = "DOMAIN", conflicts_with_all = ["env", "app_config"])]
    pub(super) email_domain: Vec<String>,

    /// Check the signature with the public key in this file.
    #[arg(long, value_name = "FILE.pem", conflicts_with = "fetch_key")]
    pub(super) key: Option<PathBuf>,

    /// Check the signature with the key from the key endpoint, as the layer does. Makes a network
    /// request.
    #[arg(long)]
    pub(super) fetch_key: bool,

    /// Print the values of all claims, and the user's entity ref.
    #[arg(long)]
    pub(super) show_claims: bool,

    /// Accepted only to give a specific error.
    #[arg(hide = true, value_name = "VALUE")]
    pub(super) as_argument: Vec<std::ffi::OsString>,
}
