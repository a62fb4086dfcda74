//! Why a query failed, and the message for the operator.

use std::{error::Error as _, fmt, io, time::Duration};

use deadpool::managed::PoolError;
use tokio_postgres::{
    Error,
    config::{Host, SslMode},
    error::SqlState,
};

use super::{handshake::Begun, password::Password};
use crate::{
    backstage::store::StoreError,
    internal::tls::{chain, is_tls},
};

/// The failure of a query.
pub(super) enum Failure {
    /// No connection became available within this time.
    NoConnection(Duration),
    /// There was no response within this time.
    NoResponse(Duration),
    /// The password source failed.
    Password(StoreError),
    /// The password source did not respond within this time.
    PasswordTimeout(Duration),
    /// A connection could not be opened.
    Connecting(Error),
    /// The server did not agree to TLS, which the settings require.
    WithoutTls(Error),
    /// The query failed.
    Postgres(Error),
    /// The pool itself failed.
    Pool(&'static str),
}

impl Failure {
    pub(super) fn connecting(error: PoolError<Self>) -> Self {
        match error {
            PoolError::Backend(failure) => failure,
            PoolError::Closed => Self::Pool("the pool is closed"),
            PoolError::NoRuntimeSpecified => Self::Pool("no runtime is set"),
            PoolError::Timeout(_) | PoolError::PostCreateHook(_) => Self::Pool("the pool gave none"),
        }
    }

    /// Before the handshake, the driver's errors are those of the system, which have their type, and its own about TLS: the server
    /// does not offer it, or its name cannot be verified.
    pub(super) fn of_connecting(error: Error, mode: SslMode, handshake: &Begun) -> Self {
        let is_of_system = error.is_closed() || error.source().is_none_or(|cause| cause.is::<io::Error>());
        match mode {
            SslMode::Require if !handshake.has_begun() && !is_of_system && error.as_db_error().is_none() => {
                Self::WithoutTls(error)
            }
            _ => Self::Connecting(error),
        }
    }

    fn code(&self) -> Option<&SqlState> {
        match self {
            Self::Connecting(error) | Self::WithoutTls(error) | Self::Postgres(error) => error.code(),
            _ => None,
        }
    }

    /// Whether the connection was lost during the query, so that a retry on another one may
    /// succeed.
    pub(super) fn lost_connection(&self) -> bool {
        let Self::Postgres(error) = self else { return false };
        match error.code() {
            Some(code) => {
                *code == SqlState::ADMIN_SHUTDOWN
                    || *code == SqlState::CRASH_SHUTDOWN
                    || *code == SqlState::READ_ONLY_SQL_TRANSACTION
                    || code.code().starts_with("08")
            }
            None => error.is_closed() || error.source().is_some_and(|cause| cause.is::<io::Error>()),
        }
    }

    /// Whether connections that were opened earlier should be discarded.
    pub(super) fn doubts_connections(&self) -> bool {
        matches!(self, Self::NoResponse(_)) || self.lost_connection()
    }

    /// Whether the statement did not match the tables: they were migrated since their layout was
    /// read.
    pub(super) fn is_schema_mismatch(&self) -> bool {
        self.code().is_some_and(|code| {
            [
                SqlState::UNDEFINED_COLUMN,
                SqlState::UNDEFINED_TABLE,
                SqlState::INVALID_SCHEMA_NAME,
                SqlState::NOT_NULL_VIOLATION,
                SqlState::DATATYPE_MISMATCH,
            ]
            .contains(code)
        })
    }
}

/// Identifies the database in messages.
#[derive(Clone)]
pub(super) struct DatabaseLabel {
    database: String,
    schema: Option<String>,
    host: String,
    user: String,
    password: Password,
}

impl DatabaseLabel {
    pub(super) fn of(settings: &tokio_postgres::Config, schema: Option<&str>, password: Password) -> Self {
        let port = settings.get_ports().first().copied().unwrap_or_default();
        let host = match settings.get_hosts().first() {
            Some(Host::Tcp(host)) => format!("{host}:{port}"),
            #[cfg(unix)]
            Some(Host::Unix(folder)) => format!("{}/.s.PGSQL.{port}", folder.display()),
            None => String::new(),
        };
        Self {
            database: settings.get_dbname().unwrap_or_default().to_owned(),
            schema: schema.map(str::to_owned),
            host,
            user: settings.get_user().unwrap_or_default().to_owned(),
            password,
        }
    }

    pub(super) fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The failure with a message for the operator. Contains the server's message but never its
    /// detail, which repeats the row.
    pub(super) fn error(&self, failure: Failure) -> StoreError {
        let error = StoreError::new(self.message(&failure));
        match cause(failure) {
            Some(cause) => error.caused_by(cause),
            None => error,
        }
    }

    fn no_tls(host: &str, error: &Error) -> String {
        format!(
            "the TLS connection to PostgreSQL at {host} failed: {}; compare tls(..), or connection.ssl in app-config.yaml, with what the server offers",
            chain(error)
        )
    }

    fn message(&self, failure: &Failure) -> String {
        let Self { database, host, user, password, .. } = self;
        match failure {
            Failure::NoConnection(waited) => {
                format!("PostgreSQL at {host} gave no connection within {waited:?}: check its load, and the network")
            }
            Failure::NoResponse(waited) => format!(
                "PostgreSQL at {host}, {self}, did not respond within {waited:?}: check its load, and whether a migration holds a lock"
            ),
            Failure::Password(error) => {
                format!("no password for {user} to open a connection to PostgreSQL at {host}: {error}")
            }
            Failure::PasswordTimeout(waited) => format!(
                "the source of {user}'s password did not respond within {waited:?}, so no connection to PostgreSQL at {host} was opened: check the source, and the network"
            ),
            Failure::Pool(error) => format!("the connections to PostgreSQL at {host} cannot be used: {error}"),
            Failure::WithoutTls(error) => Self::no_tls(host, error),
            Failure::Connecting(error) | Failure::Postgres(error) => match error.as_db_error() {
                Some(error) => {
                    let (code, message) = (error.code(), error.message());
                    let advice = match code {
                        code if *code == SqlState::INVALID_PASSWORD
                            || *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION =>
                        {
                            password.advice(user)
                        }
                        code if *code == SqlState::INVALID_CATALOG_NAME => format!(
                            "set the database of Backstage's auth plugin instead of {database}, and start its auth backend once"
                        ),
                        code if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
                            format!(
                                "grant {user} SELECT, INSERT, UPDATE and DELETE on the tables, and USAGE on their schema"
                            )
                        }
                        code if *code == SqlState::TOO_MANY_CONNECTIONS => {
                            "raise max_connections, or lower .connections(..)".to_owned()
                        }
                        code if *code == SqlState::READ_ONLY_SQL_TRANSACTION => {
                            "set the address of the primary server".to_owned()
                        }
                        _ => "see the server's log".to_owned(),
                    };
                    format!("PostgreSQL at {host}, {self}, reported {}: {message}; {advice}", code.code())
                }
                None if is_tls(error) => Self::no_tls(host, error),
                None => format!(
                    "PostgreSQL at {host} cannot be reached: {}; check that it is running and reachable from this machine",
                    chain(error)
                ),
            },
        }
    }
}

/// The error behind a failure, if it cannot repeat a row. The detail of an error of the server does, and one about a value may.
fn cause(failure: Failure) -> Option<Box<dyn std::error::Error + Send + Sync>> {
    match failure {
        Failure::Password(error) => Some(error.into()),
        Failure::WithoutTls(error) => error.into_source(),
        Failure::Connecting(error) if error.as_db_error().is_none() => error.into_source(),
        Failure::Postgres(error) => error.into_source().filter(|cause| cause.is::<io::Error>()),
        _ => None,
    }
}

impl fmt::Display for DatabaseLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "database {}", self.database)?;
        self.schema.iter().try_for_each(|schema| write!(f, ", schema {schema}"))
    }
}

impl fmt::Debug for DatabaseLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {} at {}", self, self.user, self.host)
    }
}
