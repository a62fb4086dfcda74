//! A table of this crate's own, in the schema of Backstage's tables. Backstage's migrations do not know it.

use tokio_postgres::types::Type;

use super::{database::Database, layout::qualified};
use crate::backstage::store::StoreError;

/// Advisory lock; any number, the same in all replicas.
const LOCK: i64 = 0x0a1b_a075;

/// The table's name in a statement.
pub(super) fn name_of(database: &Database, table: &str) -> String {
    qualified(database.label().schema(), table)
}

/// Creates the table if it is missing. Replicas that start at once do so in turn.
pub(super) async fn create(database: &Database, table: &str, columns: &str) -> Result<(), StoreError> {
    let (deadline, name) = (database.deadline(), name_of(database, table));
    let exists = database
        .rows(deadline, "select 1 where pg_catalog.to_regclass($1) is not null", &[(&name, Type::TEXT)])
        .await
        .map_err(|failure| database.label().error(failure))?;
    if !exists.is_empty() {
        return Ok(());
    }
    let script =
        format!("select pg_catalog.pg_advisory_xact_lock({LOCK}); create table if not exists {name} ({columns});");
    database.script(deadline, &script).await.map_err(|failure| database.label().error(failure))
}

#[cfg(test)]
mod tests {
    use super::super::{accounts, deny_list};

    /// Operators create the tables by the page, where the auth backend has no right to.
    #[test]
    fn f_78_the_page_has_the_tables_as_they_are_created() {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let page = words(include_str!("../../../../docs/OPERATING.md"));
        for (table, columns) in [(deny_list::TABLE, deny_list::COLUMNS), (accounts::TABLE, accounts::COLUMNS)] {
            let statement = words(&format!("create table {table} ( {columns} );"));
            assert!(page.contains(&statement), "docs/OPERATING.md has to have: {statement}");
        }
        assert_eq!(page.matches("create table tower_alb_auth_").count(), 2);
    }
}
