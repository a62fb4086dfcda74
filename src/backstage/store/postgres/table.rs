//! One table: looked at once, and again when it has changed.

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

    /// Asks what the closure makes of the layout. Once more with the layout looked at anew where the first one did not fit.
    pub(super) async fn ask<'a>(
        &self,
        statement: impl Fn(&Layout) -> (String, Vec<Parameter<'a>>) + Send + Sync,
    ) -> Result<Vec<Row>, StoreError> {
        let deadline = self.database.deadline();
        let answer = self.ask_known(deadline, &statement).await;
        let answer = match answer {
            Ok(Err(failure)) if failure.is_schema_mismatch() => {
                self.layout.store(None);
                self.ask_known(deadline, &statement).await
            }
            answer => answer,
        };
        answer?.map_err(|failure| self.database.label().sentence(&failure))
    }

    /// Looks at the table, and makes it where that is asked for.
    pub(super) async fn check(&self) -> Result<(), StoreError> {
        self.look(self.database.deadline()).await.map(drop)
    }

    async fn ask_known<'a>(
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
                    "the table {name} in the {} has the columns {}, expected are {}: a version of Backstage that this one does not know, or somebody else's table",
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
        Ok(self.spec.layout(&rows.map_err(|failure| self.database.label().sentence(&failure))?))
    }

    /// The tables are Backstage's to make, unless the operator said that there is none.
    async fn make(&self, deadline: Instant) -> Result<(), StoreError> {
        let (label, name) = (self.database.label(), self.spec.name);
        let signs: Vec<String> = SIGNS_OF_BACKSTAGE.iter().map(|sign| self.qualified(sign)).collect();
        let sql = "select 1 from unnest($1) as signs (sign) where pg_catalog.to_regclass(sign) is not null";
        let rows = self.database.rows(deadline, sql, &[(&signs, Type::TEXT_ARRAY)]).await;
        let is_backstages = !rows.map_err(|failure| label.sentence(&failure))?.is_empty();
        match &self.own_tables {
            _ if is_backstages => Err(StoreError::new(format!(
                "the {label} has Backstage's migrations and no table {name}: let Backstage's auth backend start once in a current version, so that its migrations run; none of its tables is made here"
            ))),
            None => Err(StoreError::new(format!(
                "the {label} has no table {name}: name the database (and with pluginDivisionMode: schema the schema) of Backstage's auth plugin, and let its auth backend start once, so that its migrations make it; only where there is no such backend, create_own_tables() makes it"
            ))),
            Some(tables) => {
                let has_schema = match tables.schema() {
                    Some(schema) => {
                        let rows = self.database.rows(deadline, OwnTables::HAS_SCHEMA, &[(&schema, Type::TEXT)]).await;
                        !rows.map_err(|failure| label.sentence(&failure))?.is_empty()
                    }
                    None => true,
                };
                let made = self.database.script(deadline, &tables.script(has_schema)).await;
                made.map_err(|failure| label.sentence(&failure))
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
