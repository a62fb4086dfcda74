//! Builds the connection settings.

use std::{fmt, time::Duration};

use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use zeroize::Zeroizing;

use super::{Postgres, PostgresTls, database::Database, failure::DatabaseLabel, layout, own_tables::OwnTables, pool};
use crate::ConfigError;

/// PostgreSQL's default port.
const DEFAULT_PORT: u16 = 5432;
/// Queries are short and few: a list of keys now and then, and one row per sign-in.
const DEFAULT_CONNECTIONS: usize = 4;
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// TCP keepalive: an idle connection that a device on the path has dropped is detected after this.
/// Load balancers and NAT gateways of AWS drop idle connections after 350 s.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// Collects settings; [`build`](Self::build) checks them. Created by [`Postgres::builder`] and
/// [`Postgres::from_url`].
#[must_use = "nothing is checked before build()"]
pub struct PostgresBuilder {
    host: String,
    port: u16,
    user: Option<String>,
    password: Option<Zeroizing<String>>,
    database: String,
    schema: Option<String>,
    search_path: Vec<String>,
    role: Option<String>,
    tls: PostgresTls,
    connections: usize,
    timeout: Duration,
    own_tables: bool,
}

impl PostgresBuilder {
    pub(super) fn new(host: String, database: String) -> Self {
        Self {
            host,
            port: DEFAULT_PORT,
            user: None,
            password: None,
            database,
            schema: None,
            search_path: Vec::new(),
            role: None,
            tls: PostgresTls::default(),
            connections: DEFAULT_CONNECTIONS,
            timeout: DEFAULT_TIMEOUT,
            own_tables: false,
        }
    }

    /// The port, also for a Unix socket. Default 5432.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The database user. Required.
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The user's password. Not needed if the server does not require one, for example over a Unix
    /// socket.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Zeroizing::new(password.into()));
        self
    }

    /// The schema of the tables: `auth` if Backstage's `backend.database.pluginDivisionMode` is
    /// `schema`. Default: the user's search path, as in Backstage.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// The schemas in which tables are looked for, in this order (`SET search_path`): Backstage's
    /// `backend.database.knexConfig.searchPath`. It belongs to the connection, so a PgBouncer must
    /// then be in session mode. Default: the user's search path.
    pub fn search_path(mut self, schemas: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.search_path = schemas.into_iter().map(Into::into).collect();
        self
    }

    /// The role to switch to (`SET ROLE`): Backstage's `backend.database.role`. It belongs to the
    /// connection, so a PgBouncer must then be in session mode.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// How the connection is encrypted, and which certificates are trusted. Default: verified by
    /// Mozilla's roots. A Unix socket has no TLS.
    pub fn tls(mut self, tls: PostgresTls) -> Self {
        self.tls = tls;
        self
    }

    /// Maximum number of connections. Default 4, range 1 to 100.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// Timeout of a query, including the wait for a connection, opening one, and a retry on a new
    /// connection. Default 5 s, range 50 ms to 60 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Creates the tables, and the schema if one is set, if they are missing: for an installation
    /// without any stock auth backend.
    ///
    /// Nothing is created if the database has signs of Backstage's migrations (a table
    /// `knex_migrations`), which create the tables themselves. The reverse does not work: the
    /// migrations of a stock auth backend that starts later on a database with tables of this crate
    /// fail until those are dropped. Their content has no value after a day.
    pub fn create_own_tables(mut self) -> Self {
        self.own_tables = true;
        self
    }

    /// Checks everything. Reads root certificates if requested; opens no connection.
    ///
    /// # Errors
    /// Every problem.
    pub fn build(self) -> Result<Postgres, ConfigError> {
        let mut problems = Vec::new();
        let mut wrong = |is_wrong: bool, problem: String| {
            if is_wrong {
                problems.push(problem);
            }
        };
        let unusable = |text: &str| text.is_empty() || text.contains('\0');
        wrong(
            unusable(&self.host),
            "PostgreSQL's host is empty: set it to a name, an IP address or a folder".to_owned(),
        );
        wrong(
            unusable(&self.database),
            "the database's name is empty: Backstage's default is backstage_plugin_auth".to_owned(),
        );
        wrong(self.port == 0, format!("PostgreSQL's port is 0: omit it for the default {DEFAULT_PORT}"));
        wrong(
            self.user.as_deref().is_none_or(unusable),
            "PostgreSQL's user is missing: add .user(..), or connection.user in app-config.yaml".to_owned(),
        );
        for (kind, name) in [("schema", &self.schema), ("role", &self.role)] {
            wrong(
                name.as_deref().is_some_and(|name| !layout::is_identifier(name)),
                format!(
                    "the {kind} {} is not a valid name: PostgreSQL accepts 1 to {} bytes",
                    crate::internal::quoted(name.as_deref().unwrap_or_default()),
                    layout::MAX_IDENTIFIER_BYTES
                ),
            );
        }
        wrong(
            !(1..=100).contains(&self.connections),
            format!("{} connections to PostgreSQL are out of range: set 1 to 100", self.connections),
        );
        wrong(
            !(Duration::from_millis(50)..=Duration::from_secs(60)).contains(&self.timeout),
            format!("PostgreSQL's timeout is {:?}; set it to a value from 50 ms to 60 s", self.timeout),
        );
        let tls = self.tls.connector().map_err(|problem| problems.push(problem)).ok();
        match tls {
            Some(tls) if problems.is_empty() => {
                self.tls.log_danger(&self.host);
                let own_tables = self.own_tables.then(|| OwnTables::in_schema(self.schema.clone()));
                let settings = self.driver_settings();
                let pool =
                    pool::build(&settings, tls.clone(), self.connections, self.role.as_deref(), &self.search_path);
                let label = DatabaseLabel::of(&settings, self.schema.as_deref());
                let database = Database::new(pool.map_err(ConfigError::message)?, settings, tls, self.timeout, label);
                Ok(Postgres::new(database, own_tables))
            }
            _ => Err(ConfigError::new(problems)),
        }
    }

    fn driver_settings(&self) -> tokio_postgres::Config {
        let mut settings = tokio_postgres::Config::new();
        settings
            .host(&self.host)
            .port(self.port)
            .user(self.user.as_deref().unwrap_or_default())
            .dbname(&self.database)
            .application_name(concat!(env!("CARGO_PKG_NAME"), " backstage"))
            .ssl_mode(if self.tls.is_on() && !self.host.starts_with('/') { SslMode::Require } else { SslMode::Disable })
            // If a name has several addresses, the second one is tried too.
            .connect_timeout(self.timeout.checked_div(2).unwrap_or(self.timeout))
            .keepalives_idle(KEEPALIVE)
            // A read-only replica cannot store a key. After a failover the name soon resolves to
            // the primary.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        if let Some(password) = &self.password {
            settings.password(password.as_bytes());
        }
        settings
    }
}

impl fmt::Debug for PostgresBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresBuilder")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("database", &self.database)
            .field("schema", &self.schema)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sound() -> PostgresBuilder {
        Postgres::builder("db.example.com", "backstage_plugin_auth").user("backstage").password("canary")
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        let error = Postgres::builder("", "")
            .port(0)
            .schema("s".repeat(64))
            .role("")
            .connections(0)
            .timeout(Duration::ZERO)
            .tls(PostgresTls::pem_roots("no certificate"))
            .build()
            .unwrap_err();
        let named = [
            "host",
            "database's name",
            "port is 0",
            "user",
            "schema",
            "role",
            "0 connections",
            "timeout is 0ns",
            "pem_roots",
        ];
        assert_eq!(error.problems().len(), named.len(), "{error}");
        for (problem, named) in error.problems().iter().zip(named) {
            assert!(problem.to_string().contains(named), "{named}: {problem}");
        }
    }

    #[test]
    fn the_password_is_in_no_debug_text() {
        let shown = format!("{:?} {:#?}", sound(), sound().build().unwrap());
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn tls_is_verified_by_default() {
        assert_eq!(sound().driver_settings().get_ssl_mode(), SslMode::Require);
        assert_eq!(sound().tls(PostgresTls::off()).driver_settings().get_ssl_mode(), SslMode::Disable);
        let socket = Postgres::builder("/run/postgresql", "backstage").user("backstage");
        assert_eq!(socket.driver_settings().get_ssl_mode(), SslMode::Disable);
    }
}
