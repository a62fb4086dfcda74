//! Tables that this crate creates, for installations without a stock auth backend.

use super::layout::quoted;

/// Tables in which Backstage's migrations keep their state. If one exists, the migrations create
/// the other tables.
pub(super) const SIGNS_OF_BACKSTAGE: [&str; 2] = ["knex_migrations", "backstage_backend_public_keys__knex_migrations"];

/// Advisory lock; any number, the same in all replicas. One replica creates the tables, the others
/// wait and find them.
const LOCK: i64 = 0x0a1b_a074;

#[derive(Debug, Clone)]
pub(super) struct OwnTables {
    schema: Option<String>,
}

impl OwnTables {
    pub(super) fn in_schema(schema: Option<String>) -> Self {
        Self { schema }
    }

    /// Whether the schema exists. `create schema if not exists` requires a privilege on the
    /// database even if it exists.
    pub(super) const HAS_SCHEMA: &str = "select 1 where pg_catalog.to_regnamespace($1) is not null";

    pub(super) fn schema(&self) -> Option<String> {
        self.schema.as_deref().map(quoted)
    }

    /// The result of Backstage's migrations of 2025. Sent as one message, so PostgreSQL runs it in
    /// one transaction.
    pub(super) fn script(&self, has_schema: bool) -> String {
        let schema = self.schema();
        let make_schema = schema.iter().filter(|_| !has_schema);
        let make_schema: String = make_schema.map(|schema| format!("create schema if not exists {schema};")).collect();
        let within = schema.map(|schema| format!("{schema}.")).unwrap_or_default();
        format!(
            "select pg_catalog.pg_advisory_xact_lock({LOCK});
             {make_schema}
             create table if not exists {within}signing_keys (
                 kid varchar(255) primary key,
                 created_at timestamptz(0) not null default now(),
                 key text not null);
             create table if not exists {within}user_info (
                 user_entity_ref varchar(255) primary key,
                 user_info text not null,
                 updated_at timestamptz not null,
                 created_at timestamptz not null default now());
             create table if not exists {within}backstage_backend_public_keys__keys (
                 id varchar(255) primary key,
                 key text not null,
                 expires_at varchar(255) not null);"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_one_quoted_name_everywhere() {
        let script = OwnTables::in_schema(Some("a\"; drop".to_owned())).script(false);
        assert_eq!(script.matches(r#""a""; drop""#).count(), 4, "{script}");
        assert_eq!(script.matches("drop").count(), 4, "{script}");
        assert!(!OwnTables::in_schema(None).script(false).contains("schema"));
    }
}
