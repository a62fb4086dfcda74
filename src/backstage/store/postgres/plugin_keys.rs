//! The table `backstage_backend_public_keys__keys`: public keys of plugin tokens.

use std::{sync::Arc, time::Duration};

use tokio_postgres::types::Type;

use super::{
    layout::PLUGIN_KEYS,
    stored_jwk::{self, BadRows},
    table::Table,
};
use crate::{
    backstage::store::{PublicKeyStore, StoreError, StoreFuture, StoredKey},
    internal::timestamp,
};

/// How long Backstage publishes a plugin's key: three times the lifetime of its tokens, which is an
/// hour.
const PUBLISHED_FOR: Duration = Duration::from_secs(3 * 60 * 60);

#[derive(Debug, Clone)]
pub(super) struct PluginKeys {
    table: Arc<Table>,
    bad_rows: Arc<BadRows>,
}

impl PluginKeys {
    pub(super) fn new(table: Arc<Table>) -> Self {
        Self { table, bad_rows: Arc::new(BadRows::of(PLUGIN_KEYS.name)) }
    }

    async fn insert(&self, stored: StoredKey) -> Result<(), StoreError> {
        let expires_at = stored.expires_at.or_else(|| stored.created_at.checked_add(PUBLISHED_FOR));
        let expires_at = expires_at.and_then(timestamp::write);
        let expires_at = expires_at
            .ok_or_else(|| StoreError::clock("the expiry of a key is not a valid date: correct the system clock"))?;
        let (kid, json) = (stored.key.kid(), stored.key.json());
        let statement = self.table.query(|layout| {
            let sql = format!(
                "insert into {} as held (id, key, expires_at) values ($1, $2, $3) \
                 on conflict (id) do update set expires_at = excluded.expires_at where held.key = excluded.key \
                 returning 1",
                layout.table
            );
            (sql, vec![(&kid as _, Type::TEXT), (&json as _, Type::TEXT), (&expires_at as _, Type::TEXT)])
        });
        stored_jwk::written_rows(kid, &statement.await?)
    }

    /// The table does not record when a key was created, so that is calculated from its expiry, as
    /// Backstage sets it.
    async fn select(&self) -> Result<Vec<StoredKey>, StoreError> {
        let select = |table: &str| format!("select id, key, expires_at from {table} order by expires_at, id");
        let rows = self.table.query(|layout| (select(&layout.table), Vec::new())).await?;
        let keys = rows.iter().filter_map(|row| {
            let id: &str = row.try_get(0).ok()?;
            let read = || {
                let key = stored_jwk::parse(id, row.try_get(1).map_err(|_| "its key is not text")?)?;
                let expires_at = row.try_get(2).ok().and_then(timestamp::read);
                let expires_at = expires_at.ok_or("its expires_at is not a date such as 2026-01-31T12:00:00.000Z")?;
                let created_at = expires_at.checked_sub(PUBLISHED_FOR).unwrap_or(expires_at);
                Ok(StoredKey::new(key, created_at, Some(expires_at)))
            };
            read().map_err(|why: String| self.bad_rows.report(id, &why)).ok()
        });
        Ok(keys.collect())
    }
}

impl PublicKeyStore for PluginKeys {
    fn publish(&self, key: StoredKey) -> StoreFuture<'_, ()> {
        Box::pin(self.insert(key))
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        Box::pin(self.select())
    }

    fn remove(&self, kids: Vec<String>) -> StoreFuture<'_, ()> {
        Box::pin(self.table.delete("id", kids))
    }

    fn has_other_processes(&self) -> StoreFuture<'_, bool> {
        Box::pin(self.table.has_other_processes())
    }
}
