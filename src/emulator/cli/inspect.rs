//! The command `alb-emulator inspect`.

use std::{fs, io::Read, path::PathBuf, sync::Arc};

use clap::Args;

use super::{
    exit_kind::ExitKind,
    settings_file::{message_of, read_settings},
    streams::Streams,
};
use crate::{
    ConfigError,
    config::{AlbAuthConfig, AlbAuthSettings, AppConfig, EmailSettings, SignInSettings, TrustSettings},
    emulator::{
        inspect::{InspectRequest, KeyChoice, MAX_INPUT, Verdict, inspect},
        print_config::ApplicationSettings,
    },
    internal::{PublicKey, SharedClock},
    sign_in::ClaimsOnly,
};

/// Maximum size of a key file. The PEM text of one key has 178 bytes.
const MAX_PEM_BYTES: u64 = 64 * 1024;

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
pub(super) struct Inspect {
    /// Check it against the environment variables ALB_AUTH_SIGNERS, ALB_AUTH_ISSUER,
    /// ALB_AUTH_CLIENT_IDS, ...
    #[arg(long, group = "configuration")]
    env: bool,

    /// Check it against auth.providers.awsalb of Backstage's files; may be given several times,
    /// later files override earlier ones.
    #[arg(long, value_name = "FILE", group = "configuration")]
    app_config: Vec<PathBuf>,

    /// Check it against the configuration that an application behind this emulator needs: the
    /// emulator's YAML file, which may be empty.
    #[arg(long, value_name = "FILE", group = "configuration")]
    config: Option<PathBuf>,

    /// Check it against this load balancer's ARN; may be given several times. Requires --issuer and
    /// --client-id.
    #[arg(long, value_name = "ARN", group = "configuration", requires = "issuer")]
    signer: Vec<String>,

    /// The issuer that goes with --signer.
    #[arg(long, value_name = "URL", requires = "signer")]
    issuer: Option<String>,

    /// A client id that goes with --signer; may be given several times.
    #[arg(long, value_name = "ID", requires = "signer")]
    client_id: Vec<String>,

    /// Key endpoint of --signer, if AWS documents none for its region.
    #[arg(long, value_name = "URL", requires = "signer")]
    key_endpoint: Option<String>,

    /// With --signer or --config: sign users of this domain in by the local part of their email;
    /// may be given several times. Without it only the token is checked.
    #[arg(long, value_name = "DOMAIN", conflicts_with_all = ["env", "app_config"])]
    email_domain: Vec<String>,

    /// Check the signature with the public key in this file.
    #[arg(long, value_name = "FILE.pem", conflicts_with = "fetch_key")]
    key: Option<PathBuf>,

    /// Check the signature with the key from the key endpoint, as the layer does. Makes a network
    /// request.
    #[arg(long)]
    fetch_key: bool,

    /// Print the values of all claims, and the user's entity ref.
    #[arg(long)]
    show_claims: bool,

    /// Accepted only to give a specific error.
    #[arg(hide = true, value_name = "VALUE")]
    as_argument: Vec<std::ffi::OsString>,
}

impl Inspect {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> Result<ExitKind, String> {
        if !self.as_argument.is_empty() {
            return Err("a token as an argument is visible to every process of this machine and stays in the shell's \
                        history, so it is not accepted there. Pipe it in: pbpaste | alb-emulator inspect --env"
                .to_owned());
        }
        let mut request = InspectRequest {
            config: None,
            config_from: String::new(),
            key: self.key_choice()?,
            show_claims: self.show_claims,
            input: Vec::new(),
        };
        if let Some((from, config)) = self.configuration()? {
            (request.config, request.config_from) = (Some(config), from);
        } else if self.fetch_key {
            return Err(
                "--fetch-key needs a configuration that names the key endpoint: add --env, --app-config FILE, --config FILE or --signer"
                    .to_owned(),
            );
        }
        let unread = |error| format!("standard input cannot be read: {error}");
        streams.stdin.take(MAX_INPUT).read_to_end(&mut request.input).map_err(unread)?;

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("the runtime cannot be started: {error}"))?;
        let now = SharedClock::default().unix_now().ok_or("the system clock is before 1970; correct it")?;
        let verdict = runtime.block_on(inspect(&request, now, &mut streams.stdout));
        Ok(match verdict.map_err(|error| format!("writing the explanation failed: {error}"))?? {
            Verdict::Accepted => ExitKind::Success,
            Verdict::Rejected => ExitKind::Rejected,
            Verdict::Undecided => ExitKind::Undecided,
        })
    }

    fn key_choice(&self) -> Result<KeyChoice, String> {
        let Some(path) = &self.key else {
            return Ok(if self.fetch_key { KeyChoice::Fetch } else { KeyChoice::None });
        };
        let shown = path.display();
        let mut pem = Vec::new();
        let file = fs::File::open(path).map_err(|error| format!("the key file {shown} cannot be read: {error}"))?;
        file.take(MAX_PEM_BYTES)
            .read_to_end(&mut pem)
            .map_err(|error| format!("the key file {shown} cannot be read: {error}"))?;
        let key = PublicKey::from_pem(&pem).map_err(|error| {
            format!("the key file {shown} is {error}; it must be the response of the key endpoint for the token's kid")
        })?;
        Ok(KeyChoice::Given(Arc::new(key)))
    }

    /// The configuration, and a description of where it comes from.
    fn configuration(&self) -> Result<Option<(String, AlbAuthConfig)>, String> {
        let (from, config) = if self.env {
            ("the environment".to_owned(), AlbAuthConfig::from_env())
        } else if !self.app_config.is_empty() {
            let names: Vec<String> = self.app_config.iter().map(|file| file.display().to_string()).collect();
            return self.app_config().map(|(config, note)| Some((format!("{}{note}", names.join(", ")), config)));
        } else if let Some(file) = &self.config {
            let emulated = read_settings(file)?.to_config().map_err(|error| message_of(&error))?;
            let application = ApplicationSettings::before_start(&emulated, &[])?;
            let entry = self.entry(
                vec![application.signer],
                &application.issuer,
                vec![application.client_id],
                Some(application.key_endpoint),
            );
            (file.display().to_string(), entry.to_builder().build())
        } else if let Some(issuer) = &self.issuer {
            let entry = self.entry(self.signer.clone(), issuer, self.client_id.clone(), self.key_endpoint.clone());
            ("the flags".to_owned(), entry.to_builder().build())
        } else {
            return Ok(None);
        };
        config.map(|config| Some((from, config))).map_err(|error| error.to_string())
    }

    fn entry(
        &self,
        signers: Vec<String>,
        issuer: &str,
        client_ids: Vec<String>,
        key_endpoint: Option<String>,
    ) -> AlbAuthSettings {
        let sign_in = if self.email_domain.is_empty() {
            SignInSettings::ClaimsOnly
        } else {
            SignInSettings::EmailLocalPart(EmailSettings {
                domains: self.email_domain.clone(),
                ..EmailSettings::default()
            })
        };
        let issuer = issuer.to_owned();
        let entry = TrustSettings { signers, issuer, client_ids, key_endpoint, ..TrustSettings::default() };
        AlbAuthSettings { trust: vec![entry], sign_in: Some(sign_in), ..AlbAuthSettings::default() }
    }

    /// Resolvers that query the catalog are not available here. If there are any, only the token is
    /// checked.
    fn app_config(&self) -> Result<(AlbAuthConfig, &'static str), String> {
        let message = |error: ConfigError| error.to_string();
        let files = AppConfig::load(&self.app_config).map_err(message)?;
        match files.alb_auth().and_then(crate::config::AlbAuthConfigBuilder::build) {
            Ok(config) => Ok((config, "")),
            Err(error) => {
                let without = files.alb_auth_with(ClaimsOnly).and_then(crate::config::AlbAuthConfigBuilder::build);
                let note = " (without its signIn.resolvers, which inspect cannot run)";
                without.map(|config| (config, note)).map_err(|_| message(error))
            }
        }
    }
}
