//! Builds the connection settings.

use std::{fmt, sync::Arc, time::Duration};

use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use zeroize::Zeroizing;

use super::{
    Postgres,
    database::{self, Database},
    failure::DatabaseLabel,
    layout,
    own_tables::OwnTables,
    password::{Password, PasswordSource},
    pool::Connector,
};
use crate::{
    ConfigError,
    backstage::settings::DatabaseTls,
    config::{Problem, ProblemKind},
};

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
    password: Password,
    password_without_verified_tls: bool,
    database: String,
    schema: Option<String>,
    search_path: Vec<String>,
    role: Option<String>,
    tls: DatabaseTls,
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
            password: Password::None,
            password_without_verified_tls: false,
            database,
            schema: None,
            search_path: Vec::new(),
            role: None,
            tls: DatabaseTls::default(),
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
        self.password = Password::Fixed(Zeroizing::new(password.into()));
        self
    }

    /// Requests the password from this source for each new connection, in place of a fixed one.
    ///
    /// Servers require passwords of this kind in clear text, so the connection must have TLS with a
    /// verified certificate, or be a Unix socket.
    pub fn password_source(mut self, source: impl PasswordSource) -> Self {
        self.password = Password::Source(Arc::new(source));
        self
    }

    /// Authenticates to Amazon RDS or Aurora with IAM, in place of a password: Backstage's
    /// `connection.type: rds`. Each new connection gets a token for this region, host, port and user.
    /// Without a region, `AWS_REGION` or `AWS_DEFAULT_REGION` is used.
    ///
    /// The token is signed with credentials from the first of these that is set:
    ///
    /// 1. `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`
    /// 2. `AWS_WEB_IDENTITY_TOKEN_FILE` and `AWS_ROLE_ARN`: IAM roles for service accounts (IRSA) of EKS
    /// 3. `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `AWS_CONTAINER_CREDENTIALS_FULL_URI`: ECS, Fargate and
    ///    EKS Pod Identity
    ///
    /// RDS requires the token in clear text, so the connection must have TLS with a verified
    /// certificate: [`DatabaseTls::pem_roots`] with the bundle that AWS publishes.
    #[cfg(feature = "rds")]
    pub fn rds_iam(mut self, region: Option<&str>) -> Self {
        self.password = Password::RdsIam { region: region.map(str::to_owned) };
        self
    }

    /// Accepts a password source, or IAM tokens, on a connection without TLS or without a verified
    /// certificate.
    ///
    /// An attacker on the network path who impersonates the database gets the password, and can use it
    /// for as long as it is valid (a token for RDS: 15 minutes). Appropriate if the path is itself
    /// protected, such as a tunnel or a proxy on the same machine.
    pub fn dangerously_allow_changing_password_without_verified_tls(mut self) -> Self {
        self.password_without_verified_tls = true;
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
    pub fn tls(mut self, tls: DatabaseTls) -> Self {
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
        let mut wrong = |is_wrong: bool, kind: ProblemKind, text: String| {
            if is_wrong {
                problems.push(Problem::sentence(kind, text));
            }
        };
        let unusable = |text: &str| text.is_empty() || text.contains('\0');
        wrong(
            unusable(&self.host),
            ProblemKind::Missing,
            "PostgreSQL's host is empty: set it to a name, an IP address or a folder".to_owned(),
        );
        wrong(
            unusable(&self.database),
            ProblemKind::Missing,
            "the database's name is empty: Backstage's default is backstage_plugin_auth".to_owned(),
        );
        wrong(
            self.port == 0,
            ProblemKind::OutOfRange,
            format!("PostgreSQL's port is 0: omit it for the default {DEFAULT_PORT}"),
        );
        wrong(
            self.user.as_deref().is_none_or(unusable),
            ProblemKind::Missing,
            "PostgreSQL's user is missing: add .user(..), or connection.user in app-config.yaml".to_owned(),
        );
        for (kind, name) in [("schema", &self.schema), ("role", &self.role)] {
            wrong(
                name.as_deref().is_some_and(|name| !layout::is_identifier(name)),
                ProblemKind::InvalidValue,
                format!(
                    "the {kind} {} is not a valid name: PostgreSQL accepts 1 to {} bytes",
                    crate::internal::quoted(name.as_deref().unwrap_or_default()),
                    layout::MAX_IDENTIFIER_BYTES
                ),
            );
        }
        wrong(
            !(1..=100).contains(&self.connections),
            ProblemKind::OutOfRange,
            format!("{} connections to PostgreSQL are out of range: set 1 to 100", self.connections),
        );
        wrong(
            !(Duration::from_millis(50)..=Duration::from_secs(60)).contains(&self.timeout),
            ProblemKind::OutOfRange,
            format!("PostgreSQL's timeout is {:?}; set it to a value from 50 ms to 60 s", self.timeout),
        );
        let unprotected = self.password.changes() && !self.tls.is_verified() && !self.host.starts_with('/');
        wrong(
            unprotected && !self.password_without_verified_tls,
            ProblemKind::Insecure,
            format!(
                "PostgreSQL's password is a {:?}, which the server requires in clear text, and tls is {:?}, so an attacker on the network path could use it: set tls(DatabaseTls::pem_roots(..)), or connection.ssl.ca in app-config.yaml, to the database's authority (for RDS the bundle that AWS publishes)",
                self.password, self.tls
            ),
        );
        let source = self.source().map_err(|text| problems.push(Problem::invalid(text))).unwrap_or_default();
        let tls = self.tls.connector().map_err(|text| problems.push(Problem::invalid(text))).ok();
        match tls {
            Some(tls) if problems.is_empty() => {
                self.tls.log_danger(&self.host);
                if unprotected {
                    tracing::warn!(
                        host = self.host,
                        "PostgreSQL's password is sent without verified TLS (dangerously_allow_changing_password_without_verified_tls, dangerouslyAllowRdsWithoutVerifiedTls): an attacker on the network path can use it"
                    );
                }
                let own_tables = self.own_tables.then(|| OwnTables::in_schema(self.schema.clone()));
                let process_name = database::process_name();
                let mut settings = self.driver_settings();
                settings.application_name(&process_name);
                let label = DatabaseLabel::of(&settings, self.schema.as_deref(), self.password.clone());
                let connector = Connector {
                    settings,
                    tls: tls.clone(),
                    role: self.role.clone(),
                    search_path: self.search_path.clone(),
                    passwords: source,
                    password_timeout: self.step_timeout(),
                };
                let pool = connector.pool(self.connections).map_err(ConfigError::message)?;
                let database = Database::new(pool, tls, self.timeout, label, process_name);
                Ok(Postgres::new(database, own_tables))
            }
            _ => Err(ConfigError::new(problems)),
        }
    }

    /// How long one step of opening a connection may take.
    fn step_timeout(&self) -> Duration {
        self.timeout.checked_div(2).unwrap_or(self.timeout)
    }

    fn source(&self) -> Result<Option<Arc<dyn PasswordSource>>, String> {
        match &self.password {
            Password::None | Password::Fixed(_) => Ok(None),
            Password::Source(source) => Ok(Some(Arc::clone(source))),
            #[cfg(feature = "rds")]
            Password::RdsIam { region } => {
                let user = self.user.as_deref().unwrap_or_default();
                let tokens = super::rds::RdsTokens::new(&self.host, self.port, user, region.as_deref())?;
                Ok(Some(Arc::new(tokens)))
            }
        }
    }

    fn driver_settings(&self) -> tokio_postgres::Config {
        let mut settings = tokio_postgres::Config::new();
        settings
            .host(&self.host)
            .port(self.port)
            .user(self.user.as_deref().unwrap_or_default())
            .dbname(&self.database)
            .ssl_mode(if self.tls.is_on() && !self.host.starts_with('/') { SslMode::Require } else { SslMode::Disable })
            // If a name has several addresses, the second one is tried too.
            .connect_timeout(self.step_timeout())
            .keepalives_idle(KEEPALIVE)
            // A read-only replica cannot store a key. After a failover the name soon resolves to
            // the primary.
            .target_session_attrs(TargetSessionAttrs::ReadWrite);
        if let Password::Fixed(password) = &self.password {
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
            .tls(DatabaseTls::pem_roots("no certificate"))
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
        assert_eq!(sound().tls(DatabaseTls::off()).driver_settings().get_ssl_mode(), SslMode::Disable);
        let socket = Postgres::builder("/run/postgresql", "backstage").user("backstage");
        assert_eq!(socket.driver_settings().get_ssl_mode(), SslMode::Disable);
    }
}
