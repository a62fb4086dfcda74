//! The connection pool, which opens connections on demand.

use std::{ops::Deref, sync::Arc, time::Duration};

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use tokio::{task::JoinHandle, time::timeout};
use tokio_postgres::{Client, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{failure::Failure, handshake::Begun, layout::quoted, password::PasswordSource};

pub(super) type Pool = managed::Pool<Connector>;
/// Sends and receives for a client.
pub(super) type Driver = tokio_postgres::Connection<
    tokio_postgres::Socket,
    <MakeRustlsConnect as MakeTlsConnect<tokio_postgres::Socket>>::Stream,
>;
pub(super) type Pooled = managed::Object<Connector>;

/// Opens connections.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) settings: tokio_postgres::Config,
    pub(super) tls: MakeRustlsConnect,
    /// The role to switch to.
    pub(super) role: Option<String>,
    /// Where tables are looked for; if it is empty, in the usual schemas.
    pub(super) search_path: Vec<String>,
    pub(super) passwords: Option<Arc<dyn PasswordSource>>,
    /// How long the password source may take.
    pub(super) password_timeout: Duration,
}

/// An open connection. It is closed when this is dropped.
pub(super) struct Connection {
    client: Client,
    /// Sends and receives for the client.
    task: JoinHandle<()>,
}

impl Connector {
    /// # Errors
    /// The pool cannot be set up.
    pub(super) fn pool(self, connections: usize) -> Result<Pool, String> {
        let pool = Pool::builder(self).max_size(connections).build();
        pool.map_err(|error| format!("the connections to PostgreSQL cannot be set up: {error}"))
    }

    /// The settings, with the current password if there is a source.
    async fn current_settings(&self) -> Result<tokio_postgres::Config, Failure> {
        let mut settings = self.settings.clone();
        if let Some(source) = &self.passwords {
            let password = timeout(self.password_timeout, source.password()).await;
            let password = password.map_err(|_| Failure::PasswordTimeout(self.password_timeout))?;
            settings.password(password.map_err(Failure::Password)?.expose());
        }
        Ok(settings)
    }
}

impl Connector {
    /// Opens a connection, with the current password.
    pub(super) async fn connect(&self) -> Result<(Client, Driver), Failure> {
        let settings = self.current_settings().await?;
        let handshake = Begun::default();
        let connected = settings.connect(handshake.connector(&self.tls)).await;
        connected.map_err(|error| Failure::of_connecting(error, settings.get_ssl_mode(), &handshake))
    }
}

impl managed::Manager for Connector {
    type Type = Connection;
    type Error = Failure;

    async fn create(&self) -> Result<Connection, Failure> {
        let (client, connection) = self.connect().await?;
        // The next query on the connection reports why it was lost.
        let task = tokio::spawn(async move { drop(connection.await) });
        let connection = Connection { client, task };
        let role = self.role.iter().map(|role| format!("set role {};", quoted(role)));
        let path = self.search_path.iter().map(|schema| quoted(schema)).collect::<Vec<_>>().join(", ");
        let path = (!path.is_empty()).then(|| format!("set search_path to {path};"));
        let sql: String = role.chain(path).collect();
        if !sql.is_empty() {
            connection.batch_execute(&sql).await.map_err(Failure::Connecting)?;
        }
        Ok(connection)
    }

    /// No query when a connection is reused: its next query finds out whether it is alive.
    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<Failure> {
        if connection.is_closed() { Err(RecycleError::message("the connection is closed")) } else { Ok(()) }
    }
}

impl Deref for Connection {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.task.abort();
    }
}
