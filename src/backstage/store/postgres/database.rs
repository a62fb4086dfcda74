//! Asks the database: a few connections, one bound for all that a question takes.

use std::{fmt, time::Duration};

use deadpool_postgres::{Object, Pool};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::failure::{DatabaseLabel, Failure};

/// A value and its type on the way to PostgreSQL. Typed here, so the statement needs no name and no second round trip.
pub(super) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

pub(super) struct Database {
    pool: Pool,
    tls: MakeRustlsConnect,
    timeout: Duration,
    label: DatabaseLabel,
}

#[derive(Clone, Copy)]
enum Question<'a> {
    Rows(&'a str, &'a [Parameter<'a>]),
    /// Several statements, which are done as a whole or not at all.
    Script(&'a str),
}

impl Database {
    pub(super) fn new(pool: Pool, tls: MakeRustlsConnect, timeout: Duration, label: DatabaseLabel) -> Self {
        Self { pool, tls, timeout, label }
    }

    /// For the sentences of errors.
    pub(super) fn label(&self) -> &DatabaseLabel {
        &self.label
    }

    /// When a question that is asked now has to be answered.
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
        self.ask(deadline, Question::Rows(sql, parameters)).await
    }

    pub(super) async fn script(&self, deadline: Instant, sql: &str) -> Result<(), Failure> {
        self.ask(deadline, Question::Script(sql)).await.map(drop)
    }

    /// Once more on a new connection where the first had died: whatever is asked here may be done twice.
    async fn ask(&self, deadline: Instant, question: Question<'_>) -> Result<Vec<Row>, Failure> {
        match self.ask_once(deadline, question).await {
            Err(failure) if failure.lost_connection() => self.ask_once(deadline, question).await,
            answer => answer,
        }
    }

    async fn ask_once(&self, deadline: Instant, question: Question<'_>) -> Result<Vec<Row>, Failure> {
        let connection = match timeout_at(deadline, self.pool.get()).await {
            Ok(connection) => connection.map_err(Failure::connecting)?,
            Err(_) => return Err(Failure::NoConnection(self.timeout)),
        };
        let lease = Lease { connection: Some(connection), database: self };
        let answer = timeout_at(deadline, question.put(lease.client()?)).await;
        let answer = answer.map_or(Err(Failure::NoAnswer(self.timeout)), |answer| answer.map_err(Failure::Postgres));
        match &answer {
            Err(failure) if failure.doubts_connections() => {
                // What happened to one has happened to those that wait in the pool.
                self.pool.retain(|_, _| false);
            }
            _ => lease.give_back(),
        }
        answer
    }
}

impl Question<'_> {
    async fn put(self, client: &Client) -> Result<Vec<Row>, tokio_postgres::Error> {
        match self {
            Self::Rows(sql, parameters) => client.query_typed(sql, parameters).await,
            Self::Script(sql) => client.batch_execute(sql).await.map(|()| Vec::new()),
        }
    }
}

/// A connection that is being asked. Dropped before it is given back, because the answer came too late or nobody waits for it
/// any more, it leaves the pool, and the server is told to give up: a statement that waits for a lock would hold a place there.
struct Lease<'a> {
    connection: Option<Object>,
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
        let connection = Object::take(connection);
        if connection.is_closed() {
            return;
        }
        let (cancel, tls, deadline) = (connection.cancel_token(), self.database.tls.clone(), self.database.deadline());
        crate::internal::spawn(async move {
            // Held until then: the server ends what was asked by itself once its connection is closed, but only notices
            // between statements.
            let _connection = connection;
            // Nobody waits for it, and a server that does not hear it has other troubles.
            let _ = timeout_at(deadline, cancel.cancel_query(tls)).await;
        });
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("place", &self.label)
            .field("timeout", &self.timeout)
            .field("connections", &self.pool.status().max_size)
            .finish_non_exhaustive()
    }
}
