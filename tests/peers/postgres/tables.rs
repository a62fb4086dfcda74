//! Backstage's tables, in each version of them, and what happens where they are not.

use std::time::SystemTime;

use tokio_postgres::Client;
use tower_alb_auth::backstage::store::{PublicKeyStore, StoredKey, UserInfoStore, postgres::Postgres};

use crate::{
    postgres::people::{JANE, at, jane, key, kids},
    support::postgres::backstage::{BEFORE_UPDATED_AT, Migrations, migrate, migrate_all},
    support::postgres::database::AUTH,
    support::postgres::server::Server,
};

/// What the issuer does with a store, all of it.
async fn works(database: &Postgres) {
    let (users, plugins, info) = (database.user_keys(), database.plugin_keys(), database.user_info());
    for (case, store) in [("user", &users as &dyn PublicKeyStore), ("plugin", &plugins)] {
        store.publish(key("one", at(1_800_000_000))).await.unwrap();
        store.publish(key("two", at(1_800_000_060))).await.unwrap();
        store.publish(key("one", at(1_800_000_120))).await.unwrap();
        let listed = store.list().await.unwrap();
        assert_eq!(kids(&listed), ["two", "one"], "{case}");
        let times: Vec<SystemTime> = listed.iter().map(|stored| stored.created_at).collect();
        assert_eq!(times, [at(1_800_000_060), at(1_800_000_120)], "{case}");
        assert_eq!(listed[0].key.json(), key("two", at(0)).key.json(), "{case}");
        store.remove(vec!["one".to_owned(), "never there".to_owned()]).await.unwrap();
        assert_eq!(kids(&store.list().await.unwrap()), ["two"], "{case}");
        store.remove(vec!["two".to_owned()]).await.unwrap();
    }
    assert_eq!(info.find("user:default/nobody").await.unwrap(), None);
    info.put(jane(), at(1_800_003_600)).await.unwrap();
    assert_eq!(info.find(JANE).await.unwrap(), Some(jane()));
    let mut alone = jane();
    alone.ownership_entity_refs = alone.ownership_entity_refs[..1].into();
    info.put(alone.clone(), at(1_800_007_200)).await.unwrap();
    assert_eq!(info.find(JANE).await.unwrap(), Some(alone));
}

async fn text(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn each_version_of_backstages_tables_is_written_as_backstage_reads_it() {
    let server = Server::start();
    for (database, until, moment, is_expiry) in
        [("with_exp", Some(BEFORE_UPDATED_AT), "exp", true), ("with_updated_at", None, "updated_at", false)]
    {
        let client = server.create(database).await;
        migrate(&server, database, None, Migrations::Auth(until)).await;
        migrate(&server, database, None, Migrations::Keys).await;
        works(&server.stores(database).build().unwrap()).await;

        let stores = server.stores(database).build().unwrap();
        stores.user_info().put(jane(), at(1_800_003_600)).await.unwrap();
        let sql = format!("select (extract(epoch from {moment}))::bigint from user_info");
        let written: i64 = client.query_one(&sql, &[]).await.unwrap().get(0);
        if is_expiry {
            assert_eq!(written, 1_800_003_600, "{database}");
        } else {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
            assert!(now.abs_diff(written.unsigned_abs()) < 60, "{database}: {written} at {now}");
        }
        let row =
            r#"{"claims":{"sub":"user:default/jane.doe","ent":["user:default/jane.doe","group:default/team-a"]}}"#;
        assert_eq!(text(&client, "select user_info from user_info").await, row, "{database}");
    }
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_moment_is_the_same_with_and_without_a_time_zone() {
    let server = Server::start();
    for (database, until, kind) in [
        ("moments_without_zone", Some("20200619125845_init.js"), "timestamp without time zone"),
        ("moments_with_zone", Some("20210326100300_timestamptz.js"), "timestamp with time zone"),
    ] {
        let client = server.create(database).await;
        migrate(&server, database, None, Migrations::Auth(until)).await;
        let found = "select data_type from information_schema.columns where table_name = 'signing_keys' and column_name = 'created_at'";
        assert_eq!(text(&client, found).await, kind);

        let keys = server.stores(database).build().unwrap().user_keys();
        let almost = at(1_800_000_000) + std::time::Duration::from_millis(999);
        keys.publish(key("one", almost)).await.unwrap();

        assert_eq!(keys.list().await.unwrap()[0].created_at, at(1_800_000_000), "{kind}: never in the future");
        client.batch_execute("set timezone = 'UTC'").await.unwrap();
        let written = text(&client, "select created_at::text from signing_keys").await;
        assert!(written.starts_with("2027-01-15 08:00:00"), "{kind}: {written}");
    }
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_migration_under_way_needs_no_restart() {
    let server = Server::start();
    drop(server.create(AUTH).await);
    migrate(&server, AUTH, None, Migrations::Auth(Some(BEFORE_UPDATED_AT))).await;
    let replicas = [server.stores(AUTH).build().unwrap(), server.stores(AUTH).build().unwrap()];
    for replica in &replicas {
        replica.user_info().put(jane(), at(1_800_003_600)).await.unwrap();
    }

    migrate_all(&server, AUTH, None).await;

    replicas[0].user_info().put(jane(), at(1_800_003_600)).await.unwrap();
    assert_eq!(replicas[1].user_info().find(JANE).await.unwrap(), Some(jane()));
    works(&replicas[1]).await;
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn tables_are_backstages_to_make_where_it_has_migrated_once() {
    let server = Server::start();
    let client = server.create(AUTH).await;
    // An old one, which had no table user_info yet.
    migrate(&server, AUTH, None, Migrations::Auth(Some("20230428155633_sessions.js"))).await;
    let eager = server.stores(AUTH).create_own_tables().build().unwrap();
    for database in [&server.stores(AUTH).build().unwrap(), &eager] {
        let error = database.user_info().find(JANE).await.unwrap_err().to_string();
        assert!(
            error.contains("no table user_info: start a current version of Backstage's auth backend once"),
            "{error}"
        );
        let error = database.plugin_keys().list().await.unwrap_err().to_string();
        assert!(error.contains("no table backstage_backend_public_keys__keys"), "{error}");
        assert!(database.check().await.is_err());
    }
    let tables = "select count(*)::text from information_schema.tables where table_schema = 'public'";
    assert_eq!(text(&client, tables).await, "4", "signing_keys, sessions and the two of the migrations");

    migrate_all(&server, AUTH, None).await;

    eager.check().await.unwrap();
    works(&eager).await;
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn an_empty_database_stays_empty_unless_its_operator_has_no_stock_auth_backend() {
    let server = Server::start();
    let (stock, ours) = (server.create("stock").await, server.create("ours").await);
    let error = server.stores("ours").build().unwrap().check().await.unwrap_err().to_string();
    assert!(error.contains("the database ours has no table signing_keys"), "{error}");
    let count = "select count(*)::text from information_schema.tables where table_schema = 'public'";
    assert_eq!(text(&ours, count).await, "0");

    // All replicas start at once.
    let replicas: Vec<Postgres> = (0..4).map(|_| server.stores("ours").create_own_tables().build().unwrap()).collect();
    futures::future::try_join_all(replicas.iter().map(Postgres::check)).await.unwrap();
    works(&replicas[0]).await;

    migrate_all(&server, "stock", None).await;
    let columns = "select string_agg(concat_ws(' ', table_name, column_name, data_type, datetime_precision, \
         character_maximum_length, is_nullable), E'\\n' order by table_name, column_name) \
         from information_schema.columns \
         where table_name in ('signing_keys', 'user_info', 'backstage_backend_public_keys__keys')";
    assert_eq!(text(&ours, columns).await, text(&stock, columns).await);
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_schema_is_used_by_its_name_whatever_that_is() {
    let server = Server::start();
    let client = server.create("backstage").await;
    let hostile = "a\"; drop schema auth cascade; --";
    migrate_all(&server, "backstage", Some("auth")).await;
    works(&server.stores("backstage").schema("auth").build().unwrap()).await;
    let in_public = server.stores("backstage").build().unwrap().check().await.unwrap_err().to_string();
    assert!(in_public.contains("no table signing_keys"), "{in_public}");
    let elsewhere = server.stores("backstage").schema(hostile).build().unwrap().check().await.unwrap_err().to_string();
    assert!(elsewhere.contains(&format!("schema {hostile} has no table signing_keys")), "{elsewhere}");

    works(&server.stores("backstage").schema(hostile).create_own_tables().build().unwrap()).await;

    let schemas = "select string_agg(table_schema, ',' order by table_schema collate \"C\") \
         from information_schema.tables where table_name = 'signing_keys'";
    assert_eq!(text(&client, schemas).await, format!("{hostile},auth"));
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_role_that_the_user_takes_on_has_the_tables() {
    let server = Server::start();
    let client = server.create(AUTH).await;
    let roles = r#"create role "the ""owner"""; create role plain login noinherit password 'plain';
        grant "the ""owner""" to plain; create schema auth authorization "the ""owner""""#;
    client.batch_execute(roles).await.unwrap();
    let plain = || server.stores(AUTH).user("plain").password("plain").schema("auth").create_own_tables();
    let error = plain().build().unwrap().check().await.unwrap_err().to_string();
    assert!(error.contains("grant plain SELECT"), "{error}");

    works(&plain().role(r#"the "owner""#).build().unwrap()).await;

    let owner = "select tableowner::text from pg_tables where tablename = 'signing_keys'";
    assert_eq!(text(&client, owner).await, r#"the "owner""#);
    let error = plain().role("nobody").build().unwrap().check().await.unwrap_err().to_string();
    assert!(error.contains(r#"role "nobody" does not exist"#), "{error}");
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_table_of_another_program_is_not_written_to() {
    let server = Server::start();
    let client = server.create(AUTH).await;
    client.batch_execute("create table signing_keys (kid text primary key, secret text not null)").await.unwrap();
    let keys = server.stores(AUTH).build().unwrap().user_keys();
    let error = keys.publish(StoredKey::new(key("one", at(0)).key, at(0), None)).await.unwrap_err().to_string();
    assert!(error.contains("has the columns kid, secret, expected kid, key, created_at"), "{error}");
    assert_eq!(text(&client, "select count(*)::text from signing_keys").await, "0");
}
