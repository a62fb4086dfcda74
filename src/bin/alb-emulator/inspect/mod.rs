//! The command `alb-emulator inspect`: prints the library's explanation of a header value.
//!
//! | situation | result |
//! |---|---|
//! | no key given | everything but the signature is checked, and the output says so; the verdict is never "accepted" |
//! | a key given (`--key`) or fetched (`--fetch-key`) | the verdict of the layer |
//! | no configuration | the parts of the token, and no verdict |
//! | names, addresses, other claims | only the names of the claims, unless values are requested |
//! | the token itself | never printed |
//!
//! | exit code | meaning |
//! |---|---|
//! | 0 | accepted |
//! | 1 | rejected |
//! | 2 | the command line or the configuration is invalid |
//! | 3 | no problem was found, but the signature was not checked, or no configuration was given |

mod arguments;
mod pasted;
mod report;

use std::{
    fs,
    io::Read,
    time::{SystemTime, UNIX_EPOCH},
};

use http::{HeaderMap, HeaderValue};
use tower_alb_auth::{
    AlbAuthConfig, AlbAuthConfigBuilder, AlbAuthSettings, ConfigError,
    config::{AppConfig, EmailSettings, SignInSettings, TrustSettings},
    emulator::ApplicationSettings,
    explain::{SignatureKey, TokenParts, Verdict},
    sign_in::ClaimsOnly,
};

pub(crate) use self::arguments::Inspect;
use self::{
    pasted::Pasted,
    report::{Explained, Report},
};
use crate::{
    exit_kind::ExitKind,
    settings_file::{message_of, read_settings},
    streams::Streams,
};

/// Maximum size of a key file. The PEM text of one key has 178 bytes.
const MAX_PEM_BYTES: u64 = 64 * 1024;

impl Inspect {
    pub(crate) fn run(self, streams: &mut Streams<'_>) -> Result<ExitKind, String> {
        if !self.as_argument.is_empty() {
            return Err("a token as an argument is visible to every process of this machine and stays in the shell's \
                        history, so it is not accepted there. Pipe it in: pbpaste | alb-emulator inspect --env"
                .to_owned());
        }
        let key = self.key()?;
        let configuration = self.configuration()?;
        if configuration.is_none() && self.fetch_key {
            return Err(
                "--fetch-key needs a configuration that names the key endpoint: add --env, --app-config FILE, --config FILE or --signer"
                    .to_owned(),
            );
        }
        let mut input = Vec::new();
        let unread = |error| format!("standard input cannot be read: {error}");
        streams.stdin.take(pasted::MAX_INPUT).read_to_end(&mut input).map_err(unread)?;
        let pasted = Pasted::read(&input)?;

        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| format!("the runtime cannot be started: {error}"))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_err(|_| "the system clock is before 1970; correct it")?.as_secs();
        let explained = configuration.map(|(config_from, config)| {
            let explanation = runtime.block_on(config.explain(&headers(&pasted), key));
            Explained { config_from, trusted: config.summary(), explanation }
        });
        let report = Report {
            pasted: &pasted,
            token: TokenParts::of(pasted.value.as_bytes()),
            now,
            explained: explained.as_ref(),
            show_claims: self.show_claims,
        };
        report.write(streams.stdout).map_err(|error| format!("writing the explanation failed: {error}"))?;
        Ok(match explained.map(|explained| explained.explanation.verdict) {
            Some(Verdict::Accepted(_)) => ExitKind::Success,
            Some(Verdict::Rejected(_)) => ExitKind::Rejected,
            _ => ExitKind::Undecided,
        })
    }

    fn key(&self) -> Result<SignatureKey, String> {
        let Some(path) = &self.key else {
            return Ok(if self.fetch_key { SignatureKey::fetched() } else { SignatureKey::none() });
        };
        let shown = path.display();
        let unread = |error| format!("the key file {shown} cannot be read: {error}");
        let mut pem = Vec::new();
        fs::File::open(path).and_then(|file| file.take(MAX_PEM_BYTES).read_to_end(&mut pem)).map_err(unread)?;
        SignatureKey::from_pem(&pem).map_err(|error| format!("the key file {shown}: {}", message_of(&error)))
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
            let application = ApplicationSettings::before_start(&emulated, &[]).map_err(|error| message_of(&error))?;
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
        match files.alb_auth().and_then(AlbAuthConfigBuilder::build) {
            Ok(config) => Ok((config, "")),
            Err(error) => {
                let without = files.alb_auth_with(ClaimsOnly).and_then(AlbAuthConfigBuilder::build);
                let note = " (without its signIn.resolvers, which inspect cannot run)";
                without.map(|config| (config, note)).map_err(|_| message(error))
            }
        }
    }
}

/// A request with this value. A header cannot contain control characters, so they are replaced by
/// another byte that is not base64.
fn headers(pasted: &Pasted) -> HeaderMap {
    let bytes: Vec<u8> = pasted.value.bytes().map(|byte| if byte.is_ascii_control() { b'?' } else { byte }).collect();
    let value = HeaderValue::from_bytes(&bytes).unwrap_or(HeaderValue::from_static("?"));
    HeaderMap::from_iter([(http::HeaderName::from_static("x-amzn-oidc-data"), value)])
}
