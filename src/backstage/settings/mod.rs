//! Settings of the auth service, from the `app-config.yaml` that a Backstage has already.
//!
//! [`BackstageSettings::read`] reads the settings of an auth service.
//! [`AppConfig::alb_auth_in_catalog`](crate::config::AppConfig::alb_auth_in_catalog) reads trust and sign-in from the same files.
//!
//! | keys | what they set |
//! |---|---|
//! | `backend.baseUrl`, `app.baseUrl`, `backend.cors.origin` | the address of the service, and the origins whose pages may send requests |
//! | `backend.listen` | the address that accepts connections |
//! | `auth.backstageTokenExpiration`, `auth.omitIdentityTokenOwnershipClaim` | what its tokens are |
//! | `auth.keyStore`, `backend.auth.pluginKeyStore`, `backend.database` | where signing keys and their public halves are |
//! | `backend.lifecycle.serverShutdownDelay`, `backend.health.headers` | how the service ends, and what probes get |
//! | `discovery.endpoints`, `backend.auth.externalAccess` | the address of the catalog, and the credentials for it |
//! | `sessionCookieName`, `signOutUrl`, `exposeAccessToken` of `auth.providers.awsalb` | sign-out, and what a session shows |
//! | `auth.providers.guest` | guests, for development |
//!
//! All problems are reported at once, each with its file and line. Settings without effect are named among the
//! [`warnings`](BackstageSettings::warnings).

mod catalog;
mod check;
mod database;
mod discovery;
mod guest;
mod health;
mod key_store;
mod keys;
mod lifetime;
mod listen;
mod reader;
mod rules;
mod secret;
mod urls;

use std::time::Duration;

use http::HeaderMap;

#[cfg(feature = "postgres")]
pub(super) use self::database::PostgresUrl;
use self::{
    catalog::read_catalog,
    database::{Database, read_database},
    discovery::{Endpoints, Side, not_an_address},
    guest::read_guest,
    health::read_health_headers,
    key_store::{check_algorithm, read_key_store, read_plugin_keys},
    keys::{Key, keys_below},
    lifetime::{read_lifetime, read_shutdown_delay},
    listen::read_listen,
    reader::{Reader, Warning},
    rules::not_served_here,
    urls::{Urls, absolute, insecure_address, read_urls},
};
pub use self::{
    catalog::{CatalogCredentials, CatalogSettings},
    check::Check,
    database::{DatabaseSettings, DatabaseTls, RdsSettings},
    guest::GuestSettings,
    key_store::{KeyStoreSettings, StaticKey},
    listen::ListenSettings,
    secret::Secret,
};
use super::origins::is_insecure;
use crate::{
    ConfigError, SignOut, SignOutBuilder,
    config::{AppConfig, Problem, ProblemKind},
    internal::{Node, Problems},
};

/// The settings of an auth service.
///
/// ```
/// use std::time::Duration;
/// use tower_alb_auth::{backstage::settings::BackstageSettings, config::AppConfig};
///
/// let yaml = "
/// app:
///   baseUrl: https://backstage.example.com
/// backend:
///   baseUrl: https://backstage.example.com
/// auth:
///   backstageTokenExpiration: { minutes: 30 }
/// ";
/// let settings = BackstageSettings::read(&AppConfig::from_text("app-config.yaml", yaml, |_| None)?)?;
/// assert_eq!(settings.auth_url, "https://backstage.example.com/api/auth");
/// assert_eq!(settings.token_lifetime, Duration::from_secs(1800));
/// # Ok::<(), tower_alb_auth::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BackstageSettings {
    /// `backend.baseUrl`, without a slash at its end.
    pub base_url: String,
    /// The address of this service for browsers, and the `iss` of its tokens: `backend.baseUrl` and `/api/auth`, unless
    /// `discovery.endpoints` has an external address for the plugin `auth`.
    pub auth_url: String,
    /// `app.baseUrl`, without a slash at its end.
    pub app_url: String,
    /// Origins whose pages may send requests: that of the application, and those of `backend.cors.origin`.
    pub allowed_origins: Vec<String>,
    /// Whether origins on plain http and on the visitor's own machine are waived beside an https address:
    /// `auth.providers.awsalb.dangerouslyAllowInsecureOrigins`.
    pub allow_insecure_origins: bool,
    /// The address that accepts connections.
    pub listen: ListenSettings,
    /// How long a token lives: 1 hour unless set, 10 minutes to 24 hours.
    pub token_lifetime: Duration,
    /// Whether the claim `ent` is left out of tokens, which costs back ends a request for `/v1/userinfo` each. True unless set
    /// to false, as in stock Backstage since version 0.28.
    pub omit_ownership_claim: bool,
    /// Where signing keys come from.
    pub key_store: KeyStoreSettings,
    /// The keys of plugin tokens, if they are in files: `backend.auth.pluginKeyStore`.
    pub plugin_keys: Option<Vec<StaticKey>>,
    /// How long the service continues to serve after a signal to end: `backend.lifecycle.serverShutdownDelay`.
    pub shutdown_delay: Duration,
    /// Headers of health responses: `backend.health.headers`.
    pub health_headers: HeaderMap,
    /// The database of Backstage's auth plugin, where it is a PostgreSQL.
    pub database: Option<DatabaseSettings>,
    /// The address of the catalog, and the credentials for it.
    pub catalog: CatalogSettings,
    /// How the load balancer's session ends.
    pub sign_out: SignOut,
    /// Whether a session shows the identity provider's access token.
    pub expose_access_token: bool,
    /// Guests, where there is such a provider.
    pub guest: Option<GuestSettings>,
    /// The settings without effect and the checks that are waived, one text each, with file and line.
    pub warnings: Vec<String>,
}

impl BackstageSettings {
    /// Reads them. Opens no connection.
    ///
    /// # Errors
    /// All problems, each with its file and line, and for a missing setting the lines to add.
    pub fn read(config: &AppConfig) -> Result<Self, ConfigError> {
        match read_all(config) {
            (Some(settings), problems, warnings) if problems.is_empty() => {
                Ok(Self { warnings: warnings.iter().map(ToString::to_string).collect(), ..settings })
            }
            (_, problems, _) => Err(ConfigError::new(problems)),
        }
    }
}

/// The parts of the files that concern an auth service.
const PARTS: [&str; 3] = ["auth", "backend", "discovery"];

/// The settings, if there is enough for them; problems and warnings.
fn read_all(config: &AppConfig) -> (Option<BackstageSettings>, Vec<Problem>, Vec<Warning>) {
    let (problems, nothing) = (Problems::default(), Node::empty());
    let reader = Reader::new(config, &nothing, &problems);
    let settings = read(&reader);
    let keys = keys_below(config.root(), &PARTS);
    let mut warnings = not_served_here(&keys);
    warnings.extend(keys.iter().filter_map(Key::not_overridden));
    warnings.extend(reader.into_warnings());
    (settings, problems.into_inner(), warnings)
}

/// Reads all settings before it gives up on a missing one, so that every problem is found.
fn read(reader: &Reader<'_>) -> Option<BackstageSettings> {
    let auth = reader.section("auth");
    let urls = read_urls(reader);
    let listen = read_listen(reader);
    let token_lifetime = read_lifetime(reader, &auth);
    let omit_ownership_claim = reader.flag_or(&auth, "omitIdentityTokenOwnershipClaim", true);
    check_algorithm(reader, &auth, "identityTokenAlgorithm");
    let database = read_database(reader);
    let key_store = read_key_store(reader, &database);
    let plugin_keys = read_plugin_keys(reader);
    let (shutdown_delay, health_headers) = (read_shutdown_delay(reader), read_health_headers(reader));
    let base_url = urls.as_ref().map_or("https://backend.invalid", |urls| urls.base.as_str());
    let catalog = read_catalog(reader, base_url);
    let guest = read_guest(reader);
    let origins = urls.as_ref().map(|urls| urls.origins.clone()).unwrap_or_default();
    let sign_out = read_sign_out(reader, &origins);
    let expose_access_token = reader.flag_or(&reader.section("auth.providers.awsalb"), "exposeAccessToken", false);
    let public = urls.as_ref().and_then(Urls::public);
    let auth_url = read_auth_url(reader, base_url, public);

    let Urls { base, app, origins, allow_insecure } = urls?;
    Some(BackstageSettings {
        base_url: base,
        auth_url: auth_url?,
        app_url: app,
        allowed_origins: origins,
        allow_insecure_origins: allow_insecure,
        listen: listen?,
        token_lifetime,
        omit_ownership_claim,
        key_store: key_store?,
        plugin_keys,
        shutdown_delay,
        health_headers,
        database: match database {
            Database::Postgres(settings) => Some(*settings),
            Database::Passing | Database::Other(_) => None,
        },
        catalog: catalog?,
        sign_out: sign_out?,
        expose_access_token,
        guest,
        warnings: Vec::new(),
    })
}

fn read_auth_url(reader: &Reader<'_>, base: &str, public: Option<&str>) -> Option<String> {
    let Some((url, of)) = Endpoints::read(reader).of("auth", Side::External) else {
        return Some(format!("{base}/api/auth"));
    };
    let sound = absolute(&url);
    if sound.is_none() {
        reader.problem(not_an_address(of.clone(), &url, "this service's address"));
    }
    if let (Some(url), Some(public)) = (&sound, public)
        && is_insecure(url)
    {
        reader.problem(insecure_address(of, url, public));
    }
    sound
}

fn read_sign_out(reader: &Reader<'_>, origins: &[String]) -> Option<SignOut> {
    let provider = reader.section("auth.providers.awsalb");
    let sound = |key: &str, builder: SignOutBuilder| {
        let problems = builder.build().err();
        for problem in problems.iter().flat_map(|error| error.problems()) {
            let of_key = Problem::clause(ProblemKind::InvalidValue, [provider.at(key)], problem.to_string());
            reader.problem(of_key);
        }
        problems.is_none()
    };
    let mut builder = origins.iter().fold(SignOut::builder(), |builder, origin| builder.allow_origin(origin));
    let name = reader.text(&provider, "sessionCookieName");
    if let Some(name) = name.filter(|name| sound("sessionCookieName", SignOut::builder().cookie_name(name))) {
        builder = builder.cookie_name(name);
    }
    let url = reader.text(&provider, "signOutUrl");
    if let Some(url) = url.filter(|url| sound("signOutUrl", SignOut::builder().end_session(url))) {
        builder = builder.end_session(url);
    }
    builder.build().ok()
}
