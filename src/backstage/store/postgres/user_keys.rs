//! The table `signing_keys`: public keys of user tokens.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio_postgres::types::Type;

use super::{
    layout::USER_KEYS,
    stored_jwk::{self, BadRows},
    table::Table,
};
use crate::backstage::store::{PublicKeyStore, StoreError, StoreFuture, StoredKey};

#[derive(Debug, Clone)]
pub(super) struct UserKeys {
    table: Arc<Table>,
    bad_rows: Arc<BadRows>,
}

impl UserKeys {
    pub(super) fn new(table: Arc<Table>) -> Self {
        Self { table, bad_rows: Arc::new(BadRows::of(USER_KEYS.name)) }
    }

    async fn insert(&self, stored: StoredKey) -> Result<(), StoreError> {
        let (kid, json) = (stored.key.kid(), stored.key.json());
        let created_at = whole_seconds(stored.created_at);
        let statement = self.table.query(|layout| {
            let table = &layout.table;
            let kind = layout.timestamps().next().map_or(Type::TIMESTAMPTZ, |(_, kind)| kind);
            let sql = format!(
                "insert into {table} as held (kid, key, created_at) values ($1, $2, $3) \
                 on conflict (kid) do update set created_at = excluded.created_at where held.key = excluded.key \
                 returning 1"
            );
            (sql, vec![(&kid as _, Type::TEXT), (&json as _, Type::TEXT), (&created_at as _, kind)])
        });
        stored_jwk::written_rows(kid, &statement.await?)
    }

    async fn select(&self) -> Result<Vec<StoredKey>, StoreError> {
        let select = |table: &str| format!("select kid, key, created_at from {table} order by created_at, kid");
        let rows = self.table.query(|layout| (select(&layout.table), Vec::new())).await?;
        let keys = rows.iter().filter_map(|row| {
            let kid: &str = row.try_get(0).ok()?;
            let key = row.try_get(1).map_err(|_| "its key is not text".to_owned());
            let key = key.and_then(|json| stored_jwk::parse(kid, json));
            let key = key.map_err(|why| self.bad_rows.report(kid, &why)).ok()?;
            // Without a time zone it is UTC, as PostgreSQL's driver reads it.
            let created_at: SystemTime = row.try_get(2).ok()?;
            Some(StoredKey::new(key, created_at, None))
        });
        Ok(keys.collect())
    }

    async fn set_created_at(&self, kids: Vec<String>, created_at: SystemTime) -> Result<(), StoreError> {
        let created_at = whole_seconds(created_at);
        let statement = self.table.query(|layout| {
            let kind = layout.timestamps().next().map_or(Type::TIMESTAMPTZ, |(_, kind)| kind);
            let sql = format!("update {} set created_at = $2 where kid = any($1)", layout.table);
            (sql, vec![(&kids as _, Type::TEXT_ARRAY), (&created_at as _, kind)])
        });
        statement.await.map(drop)
    }
}

impl PublicKeyStore for UserKeys {
    fn publish(&self, key: StoredKey) -> StoreFuture<'_, ()> {
        Box::pin(self.insert(key))
    }

    fn list(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        Box::pin(self.select())
    }

    fn remove(&self, kids: Vec<String>) -> StoreFuture<'_, ()> {
        Box::pin(self.table.delete("kid", kids))
    }

    fn renew(&self, kids: Vec<String>, created_at: SystemTime) -> StoreFuture<'_, ()> {
        Box::pin(self.set_created_at(kids, created_at))
    }

    fn has_other_processes(&self) -> StoreFuture<'_, bool> {
        Box::pin(self.table.has_other_processes())
    }
}

/// The column stores whole seconds, and would round half a second into the future.
fn whole_seconds(timestamp: SystemTime) -> SystemTime {
    let since = timestamp.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(since.as_secs())).unwrap_or(timestamp)
}
