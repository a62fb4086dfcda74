//! The layout of the tables in this database. Backstage's migrations have changed them, and will
//! again.

use tokio_postgres::{Row, types::Type};

/// Maximum length of an identifier in PostgreSQL, in bytes (`NAMEDATALEN` minus one).
pub(super) const MAX_IDENTIFIER_BYTES: usize = 63;

/// The catalog query for the columns of the table that a name resolves to in a statement.
pub(super) const COLUMNS: &str = "select n.nspname, c.relname, a.attname, a.atttypid \
     from pg_catalog.pg_class c \
     join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
     join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped \
     where c.oid = pg_catalog.to_regclass($1)";

/// A table that Backstage creates.
pub(super) struct Spec {
    pub(super) name: &'static str,
    /// Required text columns.
    texts: &'static [&'static str],
    /// Timestamp columns, of which at least one exists.
    timestamps: &'static [&'static str],
}

/// Since 2020 with `created_at` without a time zone, since 2021 with one; `key` is of type text
/// since 2022.
pub(super) const USER_KEYS: Spec = Spec { name: "signing_keys", texts: &["kid", "key"], timestamps: &["created_at"] };

/// Since 2024. Timestamps are stored as text.
pub(super) const PLUGIN_KEYS: Spec =
    Spec { name: "backstage_backend_public_keys__keys", texts: &["id", "key", "expires_at"], timestamps: &[] };

/// Since 2024 with `exp`, which was renamed to `updated_at` in July 2025.
pub(super) const USER_INFO: Spec =
    Spec { name: "user_info", texts: &["user_entity_ref", "user_info"], timestamps: &["exp", "updated_at"] };

/// The qualified name of a table, and its columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// Schema and table, quoted.
    pub(super) table: String,
    timestamps: Vec<(&'static str, Type)>,
}

/// Why a table cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SchemaMismatch {
    /// It does not exist.
    Missing,
    /// It has these columns, which match no known version of Backstage.
    UnexpectedColumns(Vec<String>),
}

impl Spec {
    /// The layout from the rows of [`COLUMNS`].
    ///
    /// # Errors
    /// The table cannot be used.
    pub(super) fn layout(&self, rows: &[Row]) -> Result<Layout, SchemaMismatch> {
        let columns = rows.iter().filter_map(|row| Some((row.try_get(2).ok()?, Type::from_oid(row.try_get(3).ok()?))));
        let columns: Vec<(String, Option<Type>)> = columns.collect();
        let name = rows.first().and_then(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?)));
        name.map_or(Err(SchemaMismatch::Missing), |(schema, table)| self.of(schema, table, &columns))
    }

    fn of(&self, schema: &str, table: &str, columns: &[(String, Option<Type>)]) -> Result<Layout, SchemaMismatch> {
        let type_of = |name: &str| columns.iter().find(|(column, _)| column == name).and_then(|(_, kind)| kind.clone());
        let is_text = |name: &&str| matches!(type_of(name), Some(Type::TEXT | Type::VARCHAR));
        let timestamp = |name: &&'static str| {
            type_of(name).filter(|kind| matches!(*kind, Type::TIMESTAMP | Type::TIMESTAMPTZ)).map(|kind| (*name, kind))
        };
        let timestamps: Vec<_> = self.timestamps.iter().filter_map(timestamp).collect();
        if !self.texts.iter().all(is_text) || (timestamps.is_empty() && !self.timestamps.is_empty()) {
            return Err(SchemaMismatch::UnexpectedColumns(columns.iter().map(|(name, _)| name.clone()).collect()));
        }
        Ok(Layout { table: format!("{}.{}", quoted(schema), quoted(table)), timestamps })
    }

    /// The expected columns, for a message.
    pub(super) fn expected(&self) -> String {
        let timestamps = self.timestamps.join(" or ");
        let all = self.texts.iter().copied().chain((!timestamps.is_empty()).then_some(&*timestamps));
        all.collect::<Vec<_>>().join(", ")
    }
}

impl Layout {
    /// The timestamp columns, each with its type in this database. Both types store UTC.
    pub(super) fn timestamps(&self) -> impl Iterator<Item = (&'static str, Type)> {
        self.timestamps.iter().cloned()
    }
}

pub(super) fn is_identifier(name: &str) -> bool {
    (1..=MAX_IDENTIFIER_BYTES).contains(&name.len()) && !name.contains('\0')
}

/// Quotes an identifier (PostgreSQL's `quote_ident`, but always with quotes).
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A table's name for `to_regclass`: in this schema, or on the search path.
pub(super) fn qualified(schema: Option<&str>, table: &str) -> String {
    schema.map_or_else(|| quoted(table), |schema| format!("{}.{}", quoted(schema), quoted(table)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(columns: &[(&str, Type)]) -> Vec<(String, Option<Type>)> {
        columns.iter().map(|(name, kind)| ((*name).to_owned(), Some(kind.clone()))).collect()
    }

    #[test]
    fn a_name_stays_one_name_whatever_is_in_it() {
        for (name, expected) in [
            ("auth", r#""auth""#),
            ("Auth x", r#""Auth x""#),
            (r#"a"; drop table signing_keys; --"#, r#""a""; drop table signing_keys; --""#),
            (r#""""#, r#""""""""#),
            ("a.b", r#""a.b""#),
            ("a\\", "\"a\\\""),
        ] {
            assert_eq!(quoted(name), expected);
        }
        assert_eq!(qualified(Some("a.b"), "user_info"), r#""a.b"."user_info""#);
        assert_eq!(qualified(None, "user_info"), r#""user_info""#);
    }

    #[test]
    fn a_name_is_as_long_as_postgresql_keeps_it() {
        assert!(is_identifier(&"a".repeat(63)));
        assert!(!is_identifier(&"ä".repeat(32)));
        assert!(!is_identifier("a\0b"));
        assert!(!is_identifier(""));
    }

    #[test]
    fn either_version_of_user_info_is_known() {
        let texts = [("user_entity_ref", Type::VARCHAR), ("user_info", Type::TEXT)];
        for (timestamps, known) in [
            (vec![("exp", Type::TIMESTAMPTZ)], true),
            (vec![("updated_at", Type::TIMESTAMPTZ), ("created_at", Type::TIMESTAMPTZ)], true),
            (vec![("exp", Type::TIMESTAMP), ("updated_at", Type::TIMESTAMPTZ)], true),
            (vec![("exp", Type::TEXT)], false),
            (vec![], false),
        ] {
            let layout = USER_INFO.of("public", "user_info", &columns(&[&texts[..], &timestamps].concat()));
            assert_eq!(layout.is_ok(), known, "{timestamps:?}: {layout:?}");
            if let Ok(layout) = layout {
                let expected: Vec<_> = timestamps.into_iter().filter(|(name, _)| *name != "created_at").collect();
                assert_eq!(layout.timestamps().collect::<Vec<_>>(), expected);
            }
        }
        assert_eq!(USER_INFO.expected(), "user_entity_ref, user_info, exp or updated_at");
    }

    #[test]
    fn a_table_with_unexpected_columns_is_rejected() {
        let strange = PLUGIN_KEYS.of("public", PLUGIN_KEYS.name, &columns(&[("id", Type::INT4), ("key", Type::TEXT)]));
        assert_eq!(strange, Err(SchemaMismatch::UnexpectedColumns(vec!["id".to_owned(), "key".to_owned()])));
        assert_eq!(PLUGIN_KEYS.layout(&[]), Err(SchemaMismatch::Missing));
    }
}
