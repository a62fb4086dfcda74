//! One table. Its layout is read once, and again when it has changed.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwapOption;
use tokio::time::Instant;
use tokio_postgres::{Row, types::Type};

use super::{
    database::{Database, Parameter},
    failure::Failure,
    layout::{COLUMNS, Layout, SchemaMismatch, Spec, qualified},
    own_tables::{OwnTables, SIGNS_OF_BACKSTAGE},
};
use crate::backstage::store::StoreError;

/// Sessions of the same user on the same database, except this process's own and those of Backstage's
/// other plugins, which name themselves. A session that has no name counts.
///
/// A replica has a session if it served its key set within the last 30 s: stock replicas close an idle
/// session after that time, and this crate keeps its sessions open.
const OTHER_PROCESSES: &str = r"select 1 from pg_catalog.pg_stat_activity
    where datname = current_database() and usename = session_user
    and pid <> pg_backend_pid() and application_name <> $1
    and (application_name = 'backstage_plugin_auth' or application_name not like 'backstage\_plugin\_%')
    limit 1";

pub(super) struct Table {
    database: Arc<Database>,
    spec: &'static Spec,
    own_tables: Option<OwnTables>,
    layout: ArcSwapOption<Layout>,
}

impl Table {
    pub(super) fn new(database: Arc<Database>, spec: &'static Spec, own_tables: Option<OwnTables>) -> Self {
        Self { database, spec, own_tables, layout: ArcSwapOption::empty() }
    }

    /// Runs the query that the closure creates from the layout. If the layout does not match, reads
    /// it again and retries once.
    pub(super) async fn query<'a>(
        &self,
        statement: impl Fn(&Layout) -> (String, Vec<Parameter<'a>>) + Send + Sync,
    ) -> Result<Vec<Row>, StoreError> {
        let deadline = self.database.deadline();
        let result = self.query_known(deadline, &statement).await;
        let result = match result {
            Ok(Err(failure)) if failure.is_schema_mismatch() => {
                self.layout.store(None);
                self.query_known(deadline, &statement).await
            }
            result => result,
        };
        result?.map_err(|failure| self.database.label().error(failure))
    }

    /// Deletes the rows with one of these ids in this column.
    pub(super) async fn delete(&self, column: &'static str, ids: Vec<String>) -> Result<(), StoreError> {
        let statement = self.query(|layout| {
            (format!("delete from {} where {column} = any($1)", layout.table), vec![(&ids as _, Type::TEXT_ARRAY)])
        });
        statement.await.map(drop)
    }

    /// Reads the layout; creates the table if it is missing and that is enabled.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        self.look(self.database.deadline()).await.map(drop)
    }

    /// Whether another process that may publish keys is connected to the database.
    pub(super) async fn has_other_processes(&self) -> Result<bool, StoreError> {
        let own = self.database.process_name();
        let rows = self.database.rows(self.database.deadline(), OTHER_PROCESSES, &[(&own, Type::TEXT)]).await;
        Ok(!rows.map_err(|failure| self.database.label().error(failure))?.is_empty())
    }

    async fn query_known<'a>(
        &self,
        deadline: Instant,
        statement: &(impl Fn(&Layout) -> (String, Vec<Parameter<'a>>) + Send + Sync),
    ) -> Result<Result<Vec<Row>, Failure>, StoreError> {
        let layout = match self.layout.load_full() {
            Some(layout) => layout,
            None => self.look(deadline).await?,
        };
        let (sql, parameters) = statement(&layout);
        Ok(self.database.rows(deadline, &sql, &parameters).await)
    }

    async fn look(&self, deadline: Instant) -> Result<Arc<Layout>, StoreError> {
        let layout = match self.found(deadline).await? {
            Err(SchemaMismatch::Missing) => {
                self.make(deadline).await?;
                self.found(deadline).await?
            }
            layout => layout,
        };
        let Spec { name, .. } = self.spec;
        let layout = layout.map_err(|unfit| {
            StoreError::new(match unfit {
                SchemaMismatch::Missing => format!("the {} has no table {name}", self.database.label()),
                SchemaMismatch::UnexpectedColumns(columns) => format!(
                    "the table {name} in the {} has the columns {}, expected {}: it is of an unknown version of Backstage, or not Backstage's",
                    self.database.label(),
                    columns.join(", "),
                    self.spec.expected()
                ),
            })
        })?;
        let layout = Arc::new(layout);
        self.layout.store(Some(Arc::clone(&layout)));
        Ok(layout)
    }

    async fn found(&self, deadline: Instant) -> Result<Result<Layout, SchemaMismatch>, StoreError> {
        let name = self.qualified(self.spec.name);
        let rows = self.database.rows(deadline, COLUMNS, &[(&name, Type::TEXT)]).await;
        Ok(self.spec.layout(&rows.map_err(|failure| self.database.label().error(failure))?))
    }

    /// Backstage creates its tables, unless the operator states that there is no stock auth backend.
    async fn make(&self, deadline: Instant) -> Result<(), StoreError> {
        let (label, name) = (self.database.label(), self.spec.name);
        let signs: Vec<String> = SIGNS_OF_BACKSTAGE.iter().map(|sign| self.qualified(sign)).collect();
        let sql = "select 1 from unnest($1) as signs (sign) where pg_catalog.to_regclass(sign) is not null";
        let rows = self.database.rows(deadline, sql, &[(&signs, Type::TEXT_ARRAY)]).await;
        let is_backstages = !rows.map_err(|failure| label.error(failure))?.is_empty();
        match &self.own_tables {
            _ if is_backstages => Err(StoreError::new(format!(
                "the {label} has Backstage's migrations but no table {name}: start a current version of Backstage's auth backend once, so that its migrations run; its tables are not created here"
            ))),
            None => Err(StoreError::new(format!(
                "the {label} has no table {name}: set the database (and with pluginDivisionMode: schema the schema) of Backstage's auth plugin, and start its auth backend once, so that its migrations create it; only if there is no such backend, let create_own_tables() (--create-tables of backstage-auth) create it"
            ))),
            Some(tables) => {
                let has_schema = match tables.schema() {
                    Some(schema) => {
                        let rows = self.database.rows(deadline, OwnTables::HAS_SCHEMA, &[(&schema, Type::TEXT)]).await;
                        !rows.map_err(|failure| label.error(failure))?.is_empty()
                    }
                    None => true,
                };
                let made = self.database.script(deadline, &tables.script(has_schema)).await;
                made.map_err(|failure| label.error(failure))
            }
        }
    }

    fn qualified(&self, table: &str) -> String {
        qualified(self.database.label().schema(), table)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("name", &self.spec.name).field("database", &self.database).finish_non_exhaustive()
    }
}
