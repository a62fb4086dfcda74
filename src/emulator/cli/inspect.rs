//! `alb-emulator inspect`.

use std::{fs, io::Read, path::PathBuf, sync::Arc};

use clap::Args;

use super::{
    exit_kind::ExitKind,
    settings_file::{message_of, read_settings},
    streams::Streams,
};
use crate::{
    ConfigError,
    config::{AlbAuthConfig, AlbAuthSettings, AppConfig, SignInSettings, TrustSettings},
    emulator::{
        inspect::{KeyChoice, MAX_INPUT, Question, Verdict, inspect},
        print_config::ApplicationSettings,
    },
    internal::{PublicKey, SharedClock},
    sign_in::ClaimsOnly,
};

/// A PEM text of one key has 178 bytes.
const MAX_PEM_BYTES: u64 = 64 * 1024;

const EXAMPLES: &str = "\
The value is read from standard input, never from an argument: arguments are seen by every process
of the machine and kept in the shell's history. pbpaste is a Mac's clipboard; elsewhere it is
wl-paste or xclip -o -selection clipboard.

Examples:
  By the settings of the application, as it would have them:
      pbpaste | alb-emulator inspect --env
  By Backstage's settings, with the key from where the layer would fetch it:
      alb-emulator inspect --app-config app-config.yaml --fetch-key < value.txt
  By flags:
      alb-emulator inspect --signer arn:aws:elasticloadbalancing:... --issuer https://... \\
          --client-id ... < value.txt

Exit codes: 0 let in; 1 refused; 2 the command or the configuration is wrong; 3 nothing wrong was
found, but the signature was not checked, or there was no configuration.";

/// Explain what would happen to a value of x-amzn-oidc-data, and why.
///
/// Nothing leaves this machine unless --fetch-key is given. Names, addresses and other claims are not printed unless
/// --show-claims is given; the value itself never is.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Inspect {
    /// Compare it with the environment variables ALB_AUTH_SIGNERS, ALB_AUTH_ISSUER, ALB_AUTH_CLIENT_IDS, ...
    #[arg(long, group = "configuration")]
    env: bool,

    /// Compare it with auth.providers.awsalb of Backstage's files; may be given several times, later ones win.
    #[arg(long, value_name = "FILE", group = "configuration")]
    app_config: Vec<PathBuf>,

    /// Compare it with what an application behind this emulator has to trust: its YAML file, of which an empty one will do.
    #[arg(long, value_name = "FILE", group = "configuration")]
    config: Option<PathBuf>,

    /// Compare it with this load balancer's ARN; may be given several times. Wants --issuer and --client-id too.
    #[arg(long, value_name = "ARN", group = "configuration", requires = "issuer")]
    signer: Vec<String>,

    /// The issuer that goes with --signer.
    #[arg(long, value_name = "URL", requires = "signer")]
    issuer: Option<String>,

    /// A client id that goes with --signer; may be given several times.
    #[arg(long, value_name = "ID", requires = "signer")]
    client_id: Vec<String>,

    /// Where the keys of --signer are, if AWS documents no place.
    #[arg(long, value_name = "URL", requires = "signer")]
    key_endpoint: Option<String>,

    /// With --signer or --config: sign users of this domain in by their email's local part; may be given several times. Without
    /// it the token alone is judged.
    #[arg(long, value_name = "DOMAIN", conflicts_with_all = ["env", "app_config"])]
    email_domain: Vec<String>,

    /// Check the signature with the public key in this file.
    #[arg(long, value_name = "FILE.pem", conflicts_with = "fetch_key")]
    key: Option<PathBuf>,

    /// Check the signature with the key of the key endpoint, as the layer would. Asks the network.
    #[arg(long)]
    fetch_key: bool,

    /// Print the values of all claims, and who the user would be.
    #[arg(long)]
    show_claims: bool,

    /// Taken so that it can be refused with the reason.
    #[arg(hide = true, value_name = "VALUE")]
    as_argument: Vec<std::ffi::OsString>,
}

impl Inspect {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> Result<ExitKind, String> {
        if !self.as_argument.is_empty() {
            return Err(
                "a token as an argument would be seen by every process of this machine and stay in the shell's \
                        history, so it is not read from there. Pipe it in: pbpaste | alb-emulator inspect --env"
                    .to_owned(),
            );
        }
        let mut question = Question {
            config: None,
            config_from: String::new(),
            key: self.key_choice()?,
            show_claims: self.show_claims,
            input: Vec::new(),
        };
        if let Some((from, config)) = self.configuration()? {
            (question.config, question.config_from) = (Some(config), from);
        } else if self.fetch_key {
            return Err(
                "--fetch-key asks the key endpoint of a configuration: add --env, --app-config FILE, --config FILE or --signer"
                    .to_owned(),
            );
        }
        let unread = |error| format!("standard input cannot be read: {error}");
        streams.stdin.take(MAX_INPUT).read_to_end(&mut question.input).map_err(unread)?;

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("no runtime can be started: {error}"))?;
        let now = SharedClock::default().unix_now().ok_or("this machine's clock stands before 1970: set it")?;
        let verdict = runtime.block_on(inspect(&question, now, &mut streams.stdout));
        Ok(match verdict.map_err(|error| format!("the explanation cannot be written: {error}"))?? {
            Verdict::LetIn => ExitKind::Success,
            Verdict::Refused => ExitKind::Rejected,
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
            format!("the key file {shown} is {error}; it must be what the key endpoint answers for the token's kid")
        })?;
        Ok(KeyChoice::Given(Arc::new(key)))
    }

    /// The configuration, and in words where it is from.
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
            SignInSettings::EmailLocalPart {
                domains: self.email_domain.clone(),
                namespace: None,
                require_verified_email: false,
            }
        };
        let issuer = issuer.to_owned();
        let entry = TrustSettings { signers, issuer, client_ids, key_endpoint, ..TrustSettings::default() };
        AlbAuthSettings { trust: vec![entry], sign_in: Some(sign_in), ..AlbAuthSettings::default() }
    }

    /// Resolvers that ask the catalog cannot be asked from here, so that the token alone is judged where there are such.
    fn app_config(&self) -> Result<(AlbAuthConfig, &'static str), String> {
        let say = |error: ConfigError| error.to_string();
        let files = AppConfig::load(&self.app_config).map_err(say)?;
        match files.alb_auth().and_then(crate::config::AlbAuthConfigBuilder::build) {
            Ok(config) => Ok((config, "")),
            Err(error) => {
                let without = files.alb_auth_with(ClaimsOnly).and_then(crate::config::AlbAuthConfigBuilder::build);
                let note = " (without its signIn.resolvers, which cannot be asked from here)";
                without.map(|config| (config, note)).map_err(|_| say(error))
            }
        }
    }
}
