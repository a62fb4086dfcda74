//! Passwords of the database's user: fixed, or from a source for each new connection.

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use crate::backstage::{
    settings::Secret,
    store::{StoreError, StoreFuture},
};

/// Returns the password for each new connection: for passwords that expire or rotate, such as those
/// of a secret manager. [`PostgresBuilder::password_source`](super::PostgresBuilder::password_source)
/// uses it; an async closure without parameters is one.
///
/// Open connections stay in use when their password expires, because PostgreSQL checks it only when a
/// connection is opened.
///
/// ```
/// use tower_alb_auth::backstage::{
///     settings::Secret,
///     store::{postgres::Postgres, StoreError},
/// };
///
/// let database = Postgres::builder("db.example.com", "backstage_plugin_auth")
///     .user("backstage")
///     .password_source(|| async {
///         let read = tokio::fs::read_to_string("/run/secrets/database-password").await;
///         let text = read.map_err(|error| StoreError::new(format!("the mounted password cannot be read: {error}")))?;
///         Ok(Secret::new(text.trim_end()))
///     })
///     .build()?;
/// # drop(database);
/// # Ok::<(), tower_alb_auth::ConfigError>(())
/// ```
pub trait PasswordSource: Send + Sync + 'static {
    /// The password for a connection that is being opened. The pool waits for half of
    /// [`timeout`](super::PostgresBuilder::timeout), then the query fails.
    ///
    /// The error's message goes to the operator's log. It must not contain a password.
    fn password(&self) -> StoreFuture<'_, Secret>;
}

impl<F, P> PasswordSource for F
where
    F: Fn() -> P + Send + Sync + 'static,
    P: Future<Output = Result<Secret, StoreError>> + Send + 'static,
{
    fn password(&self) -> StoreFuture<'_, Secret> {
        Box::pin(self())
    }
}

/// How the database's user proves who it is.
#[derive(Clone, Default)]
pub(super) enum Password {
    /// The server requires none.
    #[default]
    None,
    Fixed(Zeroizing<String>),
    Source(Arc<dyn PasswordSource>),
    /// Tokens of IAM, made from the settings of the builder.
    #[cfg(feature = "rds")]
    RdsIam {
        region: Option<String>,
    },
}

impl Password {
    /// Whether the server may require it in clear text, so that only a verified server may get it.
    pub(super) fn changes(&self) -> bool {
        !matches!(self, Self::None | Self::Fixed(_))
    }

    /// What to check if the server rejects it.
    pub(super) fn advice(&self, user: &str) -> String {
        match self {
            Self::None | Self::Fixed(_) => format!("check the password of {user}, and pg_hba.conf"),
            Self::Source(_) => {
                format!("check that the password source returns the password of {user}, and pg_hba.conf")
            }
            #[cfg(feature = "rds")]
            Self::RdsIam { .. } => format!(
                "check that {user} has the role rds_iam (grant rds_iam to {user}), that the IAM policy of this service allows \
                 rds-db:connect for {user} on this database, that host and port are those of the database itself, and the \
                 region"
            ),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Fixed(_) => "fixed",
            Self::Source(_) => "from a source",
            #[cfg(feature = "rds")]
            Self::RdsIam { .. } => "token of IAM for RDS",
        })
    }
}
