//! The table `tower_alb_auth_accounts`: which account became which user.
//!
//! It is this crate's own, as that of the deny list is. It has personal data (issuer, subject and emails of a user), so a row is removed
//! by a later sign-in of any user, [`KEPT_AFTER`] the end of the user's last token.

use std::{sync::Arc, time::SystemTime};

use tokio_postgres::{Row, types::Type};

use super::{
    added_table::{create, name_of},
    database::{Database, Parameter},
};
use crate::{
    EntityRef,
    backstage::store::{AccountStore, StoreError, StoreFuture},
    internal::{Account, telemetry::OncePerMinute},
};

pub(super) const TABLE: &str = "tower_alb_auth_accounts";
pub(super) const COLUMNS: &str = "user_entity_ref varchar(255) primary key,
    issuer text not null,
    subject text not null,
    emails text[],
    expires_at timestamptz not null";

/// A token is accepted for the leeway after its end, and the clock of the database may be ahead of that of a replica.
const KEPT_AFTER: &str = "interval '1 hour'";

pub(in crate::backstage) struct Accounts {
    database: Arc<Database>,
    /// When rows were removed that have expired.
    swept: OncePerMinute,
}

impl Accounts {
    /// Creates the table if it is missing.
    pub(super) async fn open(database: Arc<Database>) -> Result<Self, StoreError> {
        create(&database, TABLE, COLUMNS).await?;
        Ok(Self { database, swept: OncePerMinute::default() })
    }

    async fn run(&self, sql: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, StoreError> {
        let rows = self.database.rows(self.database.deadline(), sql, parameters).await;
        rows.map_err(|failure| self.database.label().error(failure))
    }

    async fn upsert(&self, user: &EntityRef, account: &Account, expires_at: SystemTime) -> Result<(), StoreError> {
        let table = name_of(&self.database, TABLE);
        if self.swept.is_due() {
            self.run(&format!("delete from {table} where expires_at < pg_catalog.now() - {KEPT_AFTER}"), &[]).await?;
        }
        // PostgreSQL has no text with NUL. Such an email is one that cannot be read.
        let emails = account.emails.as_ref().filter(|emails| !emails.iter().any(|email| email.contains('\0')));
        let sql = format!(
            "insert into {table} as shared (user_entity_ref, issuer, subject, emails, expires_at) values ($1, $2, $3, $4, $5) \
             on conflict (user_entity_ref) do update set issuer = excluded.issuer, subject = excluded.subject, \
             emails = excluded.emails, expires_at = greatest(shared.expires_at, excluded.expires_at)"
        );
        let user = user.as_str();
        let parameters: [Parameter<'_>; 5] = [
            (&user, Type::TEXT),
            (&account.issuer, Type::TEXT),
            (&account.subject, Type::TEXT),
            (&emails, Type::TEXT_ARRAY),
            (&expires_at, Type::TIMESTAMPTZ),
        ];
        self.run(&sql, &parameters).await.map(drop)
    }

    async fn select(&self, user: &EntityRef) -> Result<Option<Account>, StoreError> {
        let sql = format!(
            "select issuer, subject, emails from {} where user_entity_ref = $1",
            name_of(&self.database, TABLE)
        );
        let rows = self.run(&sql, &[(&user.as_str(), Type::TEXT)]).await?;
        rows.first().map(account).transpose()
    }
}

/// # Errors
/// The row has other columns.
fn account(row: &Row) -> Result<Account, StoreError> {
    let read = || Ok(Account { issuer: row.try_get(0)?, subject: row.try_get(1)?, emails: row.try_get(2)? });
    read().map_err(|_: tokio_postgres::Error| {
        StoreError::new(format!(
            "the table {TABLE} has other columns than this crate creates: drop it, and restart the service"
        ))
    })
}

impl AccountStore for Accounts {
    fn put<'a>(&'a self, user: &'a EntityRef, account: &'a Account, expires_at: SystemTime) -> StoreFuture<'a, ()> {
        Box::pin(self.upsert(user, account, expires_at))
    }

    fn find<'a>(&'a self, user: &'a EntityRef) -> StoreFuture<'a, Option<Account>> {
        Box::pin(self.select(user))
    }
}
