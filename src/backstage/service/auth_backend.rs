//! The auth backend, built from settings.

use std::fmt;

use super::{sign_in::SignIn, stores::Stores};
use crate::{
    AlbAuthConfig, AlbAuthLayer, AuditTrail, BackgroundTask, ConfigError,
    backstage::{
        BackstageAuth, BackstageAuthBuilder, Guest, SigningKeys, TokenIssuer,
        settings::{BackstageSettings, Check, GuestSettings, StaticKey},
        store::StoreError,
    },
    config::AppConfig,
    layer::Watch,
};

/// The parts of an auth backend, as Backstage's files describe it. See the [module](super) for an example.
pub struct AuthBackend {
    settings: BackstageSettings,
    sign_in: SignIn,
    layer: AlbAuthLayer,
    tokens: TokenIssuer,
    auth: BackstageAuth,
    stores: Stores,
    trust: String,
}

/// Collects what the files do not contain. Made by [`AuthBackend::builder`].
#[derive(Clone)]
#[must_use = "nothing is checked before build()"]
pub struct AuthBackendBuilder {
    files: AppConfig,
    backend: Option<String>,
    without_catalog: bool,
    replicas: u16,
    create_own_tables: bool,
    audit: Option<AuditTrail>,
}

impl AuthBackend {
    /// Starts from these files.
    pub fn builder(files: &AppConfig) -> AuthBackendBuilder {
        let files = files.clone();
        AuthBackendBuilder {
            files,
            backend: None,
            without_catalog: false,
            replicas: 1,
            create_own_tables: false,
            audit: None,
        }
    }

    /// The settings that were read from the files.
    pub fn settings(&self) -> &BackstageSettings {
        &self.settings
    }

    /// The layer for the application's other routes, and the handle that reloads its configuration.
    pub fn layer(&self) -> &AlbAuthLayer {
        &self.layer
    }

    /// Signs the tokens. Call [`maintain_keys_in_background`](TokenIssuer::maintain_keys_in_background) once and keep what it returns, so that
    /// keys are published in time.
    pub fn tokens(&self) -> &TokenIssuer {
        &self.tokens
    }

    /// What [`router`](crate::backstage::router()) and
    /// [`router_with_fallback`](crate::backstage::router_with_fallback) need.
    pub fn auth(&self) -> &BackstageAuth {
        &self.auth
    }

    /// The load balancers, issuers and clients that are trusted, in one line:
    /// [`AlbAuthConfig::summary`].
    pub fn trust_summary(&self) -> &str {
        &self.trust
    }

    /// The address of the catalog, unless [`without_catalog`](AuthBackendBuilder::without_catalog) was called.
    pub fn catalog_url(&self) -> Option<&str> {
        self.sign_in.catalog_url()
    }

    /// The trust and the sign-in policy of these files, with the catalog of this backend.
    ///
    /// # Errors
    /// All problems of `auth.providers.awsalb`, each with its file and line.
    pub fn alb_auth(&self, files: &AppConfig) -> Result<AlbAuthConfig, ConfigError> {
        self.sign_in.config(files)
    }

    /// Reads trust and sign-in policy again when files change, as [`AlbAuthHandle::watch`](crate::AlbAuthHandle::watch)
    /// does. A change of any other setting takes effect at the next start.
    ///
    /// ```
    /// use tower_alb_auth::{ConfigError, backstage::service::AuthBackend, config::AppConfig, layer::Watch};
    ///
    /// # async fn start() -> Result<(), ConfigError> {
    /// const FILES: [&str; 2] = ["app-config.yaml", "app-config.production.yaml"];
    /// let watch = Watch::files(FILES); // Before the files are read, so that no change is missed.
    /// let backend = AuthBackend::builder(&AppConfig::load(FILES)?).build()?;
    /// let watching = backend.watch(watch, || AppConfig::load(FILES)); // Ends when it is dropped.
    /// # drop(watching);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn watch<L>(&self, watch: Watch, load: L) -> BackgroundTask<ConfigError>
    where
        L: Fn() -> Result<AppConfig, ConfigError> + Send + Sync + 'static,
    {
        let sign_in = self.sign_in.clone();
        self.layer.handle().watch(watch, move || sign_in.config(&load()?))
    }

    /// The deny list in the database of the files: see [`Postgres::deny_list`](crate::backstage::store::postgres::Postgres::deny_list). Give its
    /// [`list`](crate::backstage::store::postgres::PostgresDenyList::list) to [`layer`](Self::layer). Accounts are shared from now on:
    /// see [`BackstageAuth::share_accounts`].
    ///
    /// # Errors
    /// The files name no database, or a table cannot be read or created.
    #[cfg(feature = "postgres")]
    pub async fn deny_list_in_database(
        &self,
    ) -> Result<crate::backstage::store::postgres::PostgresDenyList, StoreError> {
        let list = self.stores.deny_list().await?;
        self.auth.share_accounts(&list).await?;
        Ok(list)
    }

    /// Connects to the database, if there is one, and checks its tables. The service works without this check; requests
    /// that need the database try again.
    ///
    /// # Errors
    /// If the database does not respond, or a table is missing or has other columns.
    pub async fn check_stores(&self) -> Result<(), StoreError> {
        self.stores.check().await
    }
}

impl fmt::Debug for AuthBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthBackend")
            .field("url", &self.settings.auth_url)
            .field("trust", &self.trust)
            .field("catalog_url", &self.catalog_url())
            .finish_non_exhaustive()
    }
}

impl AuthBackendBuilder {
    /// Asks the catalog of the Backstage backend at this address, such as `http://127.0.0.1:7008`. An address of the catalog
    /// in the files takes precedence. Without both, the catalog is queried below `backend.baseUrl`, where a load balancer may
    /// respond with a login page; the start logs a warning then.
    pub fn catalog_of_backend(mut self, url: impl Into<String>) -> Self {
        self.backend = Some(url.into());
        self
    }

    /// Queries no catalog: a user has ownership of the own entity alone. The files must allow this with
    /// `dangerouslyAllowSignInWithoutUserInCatalog`.
    pub fn without_catalog(mut self) -> Self {
        self.without_catalog = true;
        self
    }

    /// How many replicas run. More than one need a `backend.database` that they share. Default: 1.
    pub fn replicas(mut self, replicas: u16) -> Self {
        self.replicas = replicas;
        self
    }

    /// Creates missing tables in `backend.database`. Do not use it if a stock auth backend will use that database: the stock
    /// auth backend creates its own tables and fails if they exist.
    pub fn create_own_tables(mut self) -> Self {
        self.create_own_tables = true;
        self
    }

    /// Records sessions, tokens, signing keys, sign-outs, reloads and changes of deny lists in this audit trail.
    pub fn audit_trail(mut self, trail: &AuditTrail) -> Self {
        self.audit = Some(trail.clone());
        self
    }

    /// Reads the settings and builds the parts. Opens no connection. Logs the warnings of the settings.
    ///
    /// # Errors
    /// All problems of the settings at once, each with its file and line. If the settings are correct: the first part that
    /// cannot be built from them.
    pub fn build(self) -> Result<AuthBackend, ConfigError> {
        let settings = read(&self.files)?;
        let stores = Stores::new(&settings, self.replicas, self.create_own_tables)?;
        let mut tokens = TokenIssuer::builder(&settings.auth_url);
        if let Some(trail) = &self.audit {
            tokens = tokens.audit_trail(trail);
        }
        if let Some(keys) = &settings.plugin_keys {
            tokens = tokens.plugin_signing_keys(SigningKeys::from_files(keys.iter().map(StaticKey::files))?);
        }
        let tokens = stores.issuer(&settings, tokens)?.build()?;
        let sign_in = match self.without_catalog {
            true => SignIn::without_catalog(),
            false => SignIn::in_catalog(&settings, &tokens, self.backend.as_deref())?,
        };
        let config = sign_in.config(&self.files)?;
        let trust = config.summary();
        let layer = AlbAuthLayer::new(config);
        let mut auth = stores.user_info(auth(&settings, &layer, &tokens));
        if let Some(trail) = &self.audit {
            auth = auth.audit_trail(trail);
        }
        let auth = auth.build()?;
        settings.warnings.iter().for_each(|warning| tracing::warn!(target: "tower_alb_auth", "{warning}"));
        Ok(AuthBackend { settings, sign_in, layer, tokens, auth, stores, trust })
    }
}

impl fmt::Debug for AuthBackendBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthBackendBuilder").field("replicas", &self.replicas).finish_non_exhaustive()
    }
}

/// The settings, or every problem of the files, those of the provider `awsalb` included: the first start shows them all.
fn read(files: &AppConfig) -> Result<BackstageSettings, ConfigError> {
    BackstageSettings::read(files).map_err(|error| Check::of(files).error().unwrap_or(error))
}

fn auth(settings: &BackstageSettings, layer: &AlbAuthLayer, tokens: &TokenIssuer) -> BackstageAuthBuilder {
    let mut auth = BackstageAuth::builder(layer.handle(), tokens.clone())
        .sign_out(settings.sign_out.clone())
        .app_base_url(&settings.app_url);
    auth = settings.allowed_origins.iter().fold(auth, BackstageAuthBuilder::allow_origin);
    if settings.allow_insecure_origins {
        auth = auth.dangerously_allow_insecure_origins();
    }
    if settings.expose_access_token {
        auth = auth.expose_access_token();
    }
    if let Some(guest) = settings.guest.as_ref().filter(|guest| may_sign_in(guest)) {
        let guest = Guest::new().user(guest.user.clone()).ownership(guest.ownership.iter().cloned());
        auth = auth.dangerously_allow_guest(guest);
    }
    auth
}

/// As in the stock provider: in development, or if the files allow it.
fn may_sign_in(guest: &GuestSettings) -> bool {
    let development = std::env::var("NODE_ENV").is_ok_and(|environment| environment == "development");
    if !development && !guest.outside_development {
        tracing::info!(
            target: "tower_alb_auth",
            "auth.providers.guest: guests are rejected, since NODE_ENV is not development"
        );
    }
    development || guest.outside_development
}
