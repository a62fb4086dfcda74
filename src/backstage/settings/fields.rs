//! The settings, and the same fields while they are read.

use std::time::Duration;

use http::HeaderMap;

use super::{
    catalog::CatalogSettings,
    database::{Database, DatabaseSettings},
    guest::GuestSettings,
    key_store::{KeyStoreSettings, StaticKey},
    listen::ListenSettings,
    urls::Urls,
};
use crate::SignOut;

macro_rules! settings {
    ($(#[$about:meta])* { $($(#[$doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone)]
        #[non_exhaustive]
        pub struct BackstageSettings {
            $($(#[$doc])* pub $field: $type,)*
            /// The settings without effect and the checks that are waived, one text each, with file and line.
            pub warnings: Vec<String>,
        }

        /// What the rows of the table have read so far. What stays `None` is a problem, which is reported.
        #[derive(Default)]
        pub(super) struct Draft {
            $(pub(super) $field: Option<$type>,)*
            /// The kind of database, which decides where keys are by default.
            pub(super) found_database: Database,
            pub(super) session_cookie: Option<String>,
            pub(super) sign_out_url: Option<String>,
        }

        impl Draft {
            /// The settings, if each of them could be read.
            pub(super) fn complete(self) -> Option<BackstageSettings> {
                Some(BackstageSettings { $($field: self.$field?,)* warnings: Vec::new() })
            }
        }
    };
}

impl Draft {
    /// The addresses, if both of them could be read.
    pub(super) fn urls(&self) -> Option<Urls<'_>> {
        Some(Urls {
            base: self.base_url.as_deref()?,
            app: self.app_url.as_deref()?,
            origins: self.allowed_origins.as_deref().unwrap_or_default(),
            allow_insecure: self.allow_insecure_origins.unwrap_or_default(),
        })
    }
}

settings! {
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
    {
        /// `backend.baseUrl`, without a slash at its end.
        base_url: String,
        /// The address of this service for browsers, and the `iss` of its tokens: `backend.baseUrl` and `/api/auth`, unless
        /// `discovery.endpoints` has an external address for the plugin `auth`.
        auth_url: String,
        /// `app.baseUrl`, without a slash at its end.
        app_url: String,
        /// Origins whose pages may send requests: that of the application, and those of `backend.cors.origin`.
        allowed_origins: Vec<String>,
        /// Whether origins on plain http and on the visitor's own machine are waived beside an https address:
        /// `auth.providers.awsalb.dangerouslyAllowInsecureOrigins`.
        allow_insecure_origins: bool,
        /// The address that accepts connections.
        listen: ListenSettings,
        /// How long a token lives: 1 hour unless set, 10 minutes to 24 hours.
        token_lifetime: Duration,
        /// Whether the claim `ent` is left out of tokens, which costs back ends a request for `/v1/userinfo` each. True unless set
        /// to false, as in stock Backstage since version 0.28.
        omit_ownership_claim: bool,
        /// Where signing keys come from.
        key_store: KeyStoreSettings,
        /// The keys of plugin tokens, if they are in files: `backend.auth.pluginKeyStore`.
        plugin_keys: Option<Vec<StaticKey>>,
        /// How long the service continues to serve after a signal to end: `backend.lifecycle.serverShutdownDelay`.
        shutdown_delay: Duration,
        /// Headers of health responses: `backend.health.headers`.
        health_headers: HeaderMap,
        /// The database of Backstage's auth plugin, where it is a PostgreSQL.
        database: Option<DatabaseSettings>,
        /// The address of the catalog, and the credentials for it.
        catalog: CatalogSettings,
        /// How the load balancer's session ends.
        sign_out: SignOut,
        /// Whether a session shows the identity provider's access token.
        expose_access_token: bool,
        /// Guests, where there is such a provider.
        guest: Option<GuestSettings>,
    }
}
