//! Runs queries: a few connections, and one timeout for all steps of a query.

use std::{fmt, time::Duration};

use tokio::time::{Instant, timeout_at};
use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    failure::{DatabaseLabel, Failure},
    pool::{Driver, Pool, Pooled},
};
use crate::backstage::store::StoreError;

/// A value and its PostgreSQL type. With the type, a statement needs no name and no second round
/// trip.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

pub(super) struct Database {
    pool: Pool,
    tls: MakeRustlsConnect,
    timeout: Duration,
    label: DatabaseLabel,
    /// What the server knows this process by.
    process_name: String,
}

/// A name that no other process has, which distinguishes its own sessions from those of other replicas.
pub(super) fn process_name() -> String {
    let random = crate::Kid::random().map(|kid| kid.to_string()).unwrap_or_default();
    let suffix: String = random.chars().take(8).collect();
    format!("{} backstage {}-{suffix}", env!("CARGO_PKG_NAME"), std::process::id())
}

#[derive(Clone, Copy)]
enum Query<'a> {
    Rows(&'a str, &'a [Parameter<'a>]),
    /// Several statements in one transaction.
    Script(&'a str),
}

impl Database {
    pub(super) fn new(
        pool: Pool,
        tls: MakeRustlsConnect,
        timeout: Duration,
        label: DatabaseLabel,
        process_name: String,
    ) -> Self {
        Self { pool, tls, timeout, label, process_name }
    }

    /// The same database with a single connection, which other queries cannot occupy.
    pub(super) fn with_own_connection(&self) -> Result<Self, StoreError> {
        let pool = self.pool.manager().clone().pool(1).map_err(StoreError::new)?;
        let Self { tls, timeout, label, process_name, .. } = self;
        Ok(Self::new(pool, tls.clone(), *timeout, label.clone(), process_name.clone()))
    }

    /// A connection of its own, which receives notifications.
    pub(super) async fn connect(&self) -> Result<(Client, Driver), Failure> {
        self.pool.manager().connect().await
    }

    /// For error messages.
    pub(super) fn label(&self) -> &DatabaseLabel {
        &self.label
    }

    /// The application name of this process's sessions. No other process has it.
    pub(super) fn process_name(&self) -> &str {
        &self.process_name
    }

    /// The deadline of a query that starts now.
    pub(super) fn deadline(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.timeout).unwrap_or(now)
    }

    pub(super) async fn rows(
        &self,
        deadline: Instant,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Failure> {
        self.query(deadline, Query::Rows(sql, parameters)).await
    }

    pub(super) async fn script(&self, deadline: Instant, sql: &str) -> Result<(), Failure> {
        self.query(deadline, Query::Script(sql)).await.map(drop)
    }

    /// Retries on a new connection if the first one was lost: every query here may run twice.
    async fn query(&self, deadline: Instant, query: Query<'_>) -> Result<Vec<Row>, Failure> {
        match self.query_once(deadline, query).await {
            Err(failure) if failure.lost_connection() => self.query_once(deadline, query).await,
            result => result,
        }
    }

    async fn query_once(&self, deadline: Instant, query: Query<'_>) -> Result<Vec<Row>, Failure> {
        let connection = match timeout_at(deadline, self.pool.get()).await {
            Ok(connection) => connection.map_err(Failure::connecting)?,
            Err(_) => return Err(Failure::NoConnection(self.timeout)),
        };
        let lease = Lease { connection: Some(connection), database: self };
        let result = timeout_at(deadline, query.put(lease.client()?)).await;
        let result = result.map_or(Err(Failure::NoResponse(self.timeout)), |result| result.map_err(Failure::Postgres));
        match &result {
            Err(failure) if failure.doubts_connections() => {
                // The pooled connections are probably lost too.
                self.pool.retain(|_, _| false);
            }
            _ => lease.give_back(),
        }
        result
    }
}

impl Query<'_> {
    async fn put(self, client: &Client) -> Result<Vec<Row>, tokio_postgres::Error> {
        match self {
            Self::Rows(sql, parameters) => client.query_typed(sql, parameters).await,
            Self::Script(sql) => client.batch_execute(sql).await.map(|()| Vec::new()),
        }
    }
}

/// A connection in use. If it is dropped before it is given back, because the response came too
/// late or the caller went away, it leaves the pool, and the statement is cancelled on the server.
/// A statement that waits for a lock would otherwise occupy a server connection.
struct Lease<'a> {
    connection: Option<Pooled>,
    database: &'a Database,
}

impl Lease<'_> {
    fn client(&self) -> Result<&Client, Failure> {
        self.connection.as_ref().map(|connection| &***connection).ok_or(Failure::NoConnection(Duration::ZERO))
    }

    fn give_back(mut self) {
        self.connection = None;
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let connection = Pooled::take(connection);
        if connection.is_closed() {
            return;
        }
        let (cancel, tls, deadline) = (connection.cancel_token(), self.database.tls.clone(), self.database.deadline());
        crate::internal::spawn(async move {
            // Held until then: the server ends the statement by itself once its connection is
            // closed, but it only notices between statements.
            let _connection = connection;
            // The result is ignored: if the server cannot be reached, there is nothing left to
            // cancel.
            let _ = timeout_at(deadline, cancel.cancel_query(tls)).await;
        });
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("database", &self.label)
            .field("timeout", &self.timeout)
            .field("connections", &self.pool.status().max_size)
            .finish_non_exhaustive()
    }
}
