//! The table `user_info`: the responses of `/v1/userinfo`.

use std::{sync::Arc, time::SystemTime};

use serde::Deserialize;
use serde_json::json;
use tokio_postgres::types::{ToSql, Type};

use super::{database::Parameter, layout::USER_INFO, stored_jwk::BadRows, table::Table};
use crate::{
    EntityRef,
    backstage::store::{StoreError, StoreFuture, UserInfo, UserInfoStore},
};

#[derive(Debug, Clone)]
pub(super) struct UserInfoTable {
    table: Arc<Table>,
    bad_rows: Arc<BadRows>,
}

impl UserInfoTable {
    pub(super) fn new(table: Arc<Table>) -> Self {
        Self { table, bad_rows: Arc::new(BadRows::of(USER_INFO.name)) }
    }

    /// One statement, so that a user's row is always complete, also with concurrent writers.
    async fn upsert(&self, info: UserInfo, expires_at: SystemTime) -> Result<(), StoreError> {
        let (user, now) = (info.user_entity_ref.as_str(), SystemTime::now());
        let text = write(&info);
        let statement = self.table.query(|layout| {
            let mut columns = vec!["user_entity_ref", "user_info"];
            let mut parameters: Vec<Parameter<'_>> = vec![(&user, Type::TEXT), (&text, Type::TEXT)];
            for (column, kind) in layout.timestamps() {
                let timestamp: &(dyn ToSql + Sync) = if column == "exp" { &expires_at } else { &now };
                columns.push(column);
                parameters.push((timestamp, kind));
            }
            let values: Vec<String> = (1..=columns.len()).map(|index| format!("${index}")).collect();
            let updates: Vec<String> =
                columns.iter().skip(1).map(|column| format!("{column} = excluded.{column}")).collect();
            let sql = format!(
                "insert into {} ({}) values ({}) on conflict (user_entity_ref) do update set {}",
                layout.table,
                columns.join(", "),
                values.join(", "),
                updates.join(", ")
            );
            (sql, parameters)
        });
        statement.await.map(drop)
    }

    async fn select(&self, user: &str) -> Result<Option<UserInfo>, StoreError> {
        let select = |table: &str| format!("select user_info from {table} where user_entity_ref = $1");
        let rows = self.table.query(|layout| (select(&layout.table), vec![(&user as _, Type::TEXT)])).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let info = row.try_get(0).ok().and_then(|text| read(user, text));
        if info.is_none() {
            self.bad_rows.report(user, "its user_info is not what Backstage writes for this user");
        }
        Ok(info)
    }
}

impl UserInfoStore for UserInfoTable {
    fn put(&self, info: UserInfo, expires_at: SystemTime) -> StoreFuture<'_, ()> {
        Box::pin(self.upsert(info, expires_at))
    }

    fn find<'a>(&'a self, user_entity_ref: &'a str) -> StoreFuture<'a, Option<UserInfo>> {
        Box::pin(self.select(user_entity_ref))
    }
}

/// The text that Backstage stores and returns.
fn write(info: &UserInfo) -> String {
    format!(
        r#"{{"claims":{{"sub":{},"ent":{}}}}}"#,
        json!(info.user_entity_ref.as_str()),
        json!(&*info.ownership_entity_refs)
    )
}

/// `None` if it is not such a text, or one of another user.
fn read(user: &str, text: &str) -> Option<UserInfo> {
    #[derive(Deserialize)]
    struct Row {
        claims: Claims,
    }
    #[derive(Deserialize)]
    struct Claims {
        sub: String,
        #[serde(default)]
        ent: Vec<String>,
    }
    let Row { claims } = serde_json::from_str(text).ok()?;
    let user: EntityRef = user.parse().ok()?;
    let ownership: Result<Vec<EntityRef>, _> = claims.ent.iter().map(|owner| owner.parse()).collect();
    let info = UserInfo::new(claims.sub.parse().ok()?, ownership.ok()?);
    (info.user_entity_ref == user).then_some(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_backstages_text() {
        let refs: Vec<EntityRef> = ["user:default/jane", "group:default/a"].map(|text| text.parse().unwrap()).into();
        let info = UserInfo::new(refs[0].clone(), refs);
        let text = r#"{"claims":{"sub":"user:default/jane","ent":["user:default/jane","group:default/a"]}}"#;
        assert_eq!(write(&info), text);
        assert_eq!(read("user:default/jane", text), Some(info));
    }

    #[test]
    fn a_row_of_a_stock_back_end_is_read_with_what_else_is_in_it() {
        for (text, refs) in [
            (r#"{"claims":{"sub":"user:default/jane","ent":["group:default/A"],"exp":1,"team":"a"}}"#, 1),
            (r#"{"claims":{"sub":"user:default/jane"},"more":true}"#, 0),
        ] {
            let info = read("user:default/jane", text).unwrap();
            assert_eq!(info.ownership_entity_refs.len(), refs, "{text}");
        }
    }

    #[test]
    fn what_is_not_this_users_row_is_not_read() {
        for text in [
            "",
            "null",
            r#"{"claims":null}"#,
            r#"{"sub":"user:default/jane","ent":[]}"#,
            r#"{"claims":{"sub":"user:default/john","ent":[]}}"#,
            r#"{"claims":{"sub":"user:default/jane","ent":["jane"]}}"#,
            r#"{"claims":{"sub":"user:default/jane","ent":[null]}}"#,
        ] {
            assert_eq!(read("user:default/jane", text), None, "{text}");
        }
    }
}
