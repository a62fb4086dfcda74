//! The connection pool, which opens connections on demand.

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::layout::quoted;

/// # Errors
/// The pool cannot be set up.
pub(super) fn build(
    settings: &tokio_postgres::Config,
    tls: MakeRustlsConnect,
    connections: usize,
    role: Option<&str>,
    search_path: &[String],
) -> Result<Pool, String> {
    // No check when a connection is reused: its next query finds out whether it is alive.
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let mut pool = Pool::builder(Manager::from_config(settings.clone(), tls, recycling)).max_size(connections);
    let schemas = search_path.iter().map(|schema| quoted(schema)).collect::<Vec<_>>().join(", ");
    let role = role.map(|role| format!("set role {};", quoted(role))).unwrap_or_default();
    let path = if schemas.is_empty() { String::new() } else { format!("set search_path to {schemas};") };
    if !(role.is_empty() && path.is_empty()) {
        let sql = format!("{role}{path}");
        pool = pool.post_create(Hook::async_fn(move |connection, _| {
            let sql = sql.clone();
            Box::pin(async move { connection.batch_execute(&sql).await.map_err(HookError::Backend) })
        }));
    }
    pool.build().map_err(|error| format!("the connections to PostgreSQL cannot be set up: {error}"))
}
