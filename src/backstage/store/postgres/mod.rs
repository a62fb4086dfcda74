//! What replicas share, on PostgreSQL and in the tables of Backstage's own auth backend. So
//! replicas of this service and stock ones can use one database, and each publishes and returns
//! what the others wrote.
//!
//! | handle | table | as Backstage's |
//! |---|---|---|
//! | [`Postgres::user_keys`] | `signing_keys` | `auth.keyStore`, provider `database` |
//! | [`Postgres::plugin_keys`] | `backstage_backend_public_keys__keys` | `backend.auth.keyStore`, type `database` |
//! | [`Postgres::user_info`] | `user_info` | the responses of `/v1/userinfo` |
//! | [`Postgres::deny_list`] | `tower_alb_auth_denied` | none: this crate's own table, which Backstage does not know |
//! | [`BackstageAuth::share_accounts`](crate::backstage::BackstageAuth::share_accounts) | `tower_alb_auth_accounts` | the same |
//!
//! The tables are in the database of Backstage's auth plugin, `backstage_plugin_auth`; with
//! `pluginDivisionMode: schema` in the schema `auth` of the one database, see
//! [`PostgresBuilder::schema`]. Their layout is read from PostgreSQL's catalog at the first query,
//! and again when a statement no longer matches: a migration requires no restart of this service.
//!
//! # Guarantees
//! | situation | result |
//! |---|---|
//! | database unreachable or not responding | [`StoreError`] within [`PostgresBuilder::timeout`], including the wait for a connection |
//! | database reachable again | the next query opens a connection; no restart is needed |
//! | no other replica has a session on the database at the start | the first key needs no wait: [`PublicKeyStore::has_other_processes`] |
//! | a password expires that comes from a [`PasswordSource`] | open connections stay in use; each new one gets a new password |
//! | a connection was lost since its last use | the query is retried once on a new one |
//! | a table is missing | [`StoreError`] that says what creates it; nothing is created or altered, unless [`PostgresBuilder::create_own_tables`] is set and there is no sign of Backstage's migrations |
//! | a stored key with a private member, or one that is not a public key with its row's id | never listed; reported once in the log, by its id |
//! | `user_info` of either version, with `exp` or `updated_at` | read and written |
//! | `created_at` with or without a time zone | the same timestamp: without one it is UTC |
//!
//! There are few connections, and no statement depends on the state that an earlier one left
//! behind, so a PgBouncer may be used in any of its modes; in session mode its pool must have room
//! for the [connections](PostgresBuilder::connections) of all replicas, and two more of each with a deny list. Names of schema and tables
//! are quoted, values are parameters. The token issuer controls retention: all keys are listed, and
//! removed when it requests that. A stock replica removes user keys that are older than three of
//! *its* token lifetimes, so the issuer renews the rows of this crate's keys until their end, which is the
//! member `exp` of the JWK.
//!
//! ```
//! use tower_alb_auth::backstage::{TokenIssuer, settings::DatabaseTls, store::postgres::Postgres};
//!
//! let database = Postgres::builder("db.example.com", "backstage_plugin_auth")
//!     .user("backstage")
//!     .password("secret")
//!     .tls(DatabaseTls::verified())
//!     .build()?;
//! let tokens = TokenIssuer::builder("https://backstage.example.com/api/auth")
//!     .user_keys(database.user_keys())
//!     .plugin_keys(database.plugin_keys())
//!     .build()?;
//! assert!(format!("{database:?}").contains("db.example.com"));
//! assert!(!format!("{database:?}").contains("secret"));
//! # drop(tokens);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accounts;
mod added_table;
mod builder;
mod database;
mod deny_list;
mod failure;
mod handshake;
mod layout;
mod own_tables;
mod password;
mod plugin_keys;
mod pool;
#[cfg(feature = "rds")]
mod rds;
mod stored_jwk;
mod table;
mod tls;
mod url;
mod user_info;
mod user_keys;

use std::{fmt, sync::Arc};

pub use self::{builder::PostgresBuilder, deny_list::PostgresDenyList, password::PasswordSource};
use self::{
    database::Database,
    layout::{PLUGIN_KEYS, USER_INFO, USER_KEYS},
    own_tables::OwnTables,
    plugin_keys::PluginKeys,
    table::Table,
    user_info::UserInfoTable,
    user_keys::UserKeys,
};
use super::{PublicKeyStore, StoreError, UserInfoStore};
use crate::ConfigError;

/// The database of Backstage's auth plugin. Clones share their connections.
#[derive(Clone)]
pub struct Postgres {
    database: Arc<Database>,
    user_keys: Arc<Table>,
    plugin_keys: Arc<Table>,
    user_info: Arc<Table>,
}

impl Postgres {
    /// Collects settings. `host` is a name, an IP address or the folder of a Unix socket;
    /// `database` is that of the auth plugin, `backstage_plugin_auth` unless Backstage's
    /// `backend.database` says otherwise.
    pub fn builder(host: impl Into<String>, database: impl Into<String>) -> PostgresBuilder {
        PostgresBuilder::new(host.into(), database.into())
    }

    /// Settings from a URL in the format of Backstage's `backend.database.connection`:
    /// `postgres://user:password@host:5432/backstage_plugin_auth?sslmode=verify-full`. Special
    /// characters in user and password are percent-encoded. The returned builder accepts further
    /// settings.
    ///
    /// `sslmode` has the meaning that Backstage's driver gives it: `disable`; `prefer`, `require`,
    /// `verify-ca` and `verify-full`, which all verify the server's certificate; `no-verify`, which
    /// is dangerous. Without it TLS is verified, the builder's default. In Backstage's
    /// `backend.database.connection` the connection is plain then.
    ///
    /// # Errors
    /// The URL is invalid or has an unknown parameter. The message never shows the URL, because it
    /// may contain a password.
    pub fn from_url(url: &str) -> Result<PostgresBuilder, ConfigError> {
        url::parse(url)
    }

    fn new(database: Database, own_tables: Option<OwnTables>) -> Self {
        let database = Arc::new(database);
        let table = |spec| Arc::new(Table::new(Arc::clone(&database), spec, own_tables.clone()));
        Self {
            user_keys: table(&USER_KEYS),
            plugin_keys: table(&PLUGIN_KEYS),
            user_info: table(&USER_INFO),
            database: Arc::clone(&database),
        }
    }

    /// The public keys of user tokens.
    pub fn user_keys(&self) -> impl PublicKeyStore + Clone + fmt::Debug + use<> {
        UserKeys::new(Arc::clone(&self.user_keys))
    }

    /// The public keys of plugin tokens.
    pub fn plugin_keys(&self) -> impl PublicKeyStore + Clone + fmt::Debug + use<> {
        PluginKeys::new(Arc::clone(&self.plugin_keys))
    }

    /// The responses of `/v1/userinfo`.
    pub fn user_info(&self) -> impl UserInfoStore + Clone + fmt::Debug + use<> {
        UserInfoTable::new(Arc::clone(&self.user_info))
    }

    /// Checks that the database is reachable and has its tables, for a start or a readiness probe.
    /// Calling it is optional.
    ///
    /// # Errors
    /// The first problem.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.user_keys.check().await?;
        self.plugin_keys.check().await?;
        self.user_info.check().await
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Postgres").field(&self.database).finish()
    }
}
