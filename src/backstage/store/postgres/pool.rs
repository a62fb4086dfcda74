//! The connections, which are opened when somebody asks.

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::layout::quoted;

/// # Errors
/// A sentence.
pub(super) fn build(
    settings: &tokio_postgres::Config,
    tls: MakeRustlsConnect,
    connections: usize,
    role: Option<&str>,
) -> Result<Pool, String> {
    // Whether a connection still lives, its next question finds out.
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let mut pool = Pool::builder(Manager::from_config(settings.clone(), tls, recycling)).max_size(connections);
    if let Some(role) = role {
        let sql = format!("set role {}", quoted(role));
        pool = pool.post_create(Hook::async_fn(move |connection, _| {
            let sql = sql.clone();
            Box::pin(async move { connection.batch_execute(&sql).await.map_err(HookError::Backend) })
        }));
    }
    pool.build().map_err(|error| format!("the connections to PostgreSQL cannot be set up: {error}"))
}
