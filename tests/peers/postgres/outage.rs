//! The database is away, or silent, or does not let us in.

use std::time::{Duration, Instant};

use tower_alb_auth::{
    ConfigError,
    backstage::store::{PublicKeyStore, UserInfoStore, postgres::Postgres},
};

use super::{BOUND, LOAD};
use crate::{
    postgres::people::{JANE, Replica, USER_KEYS, at, jane, key, kids, verified_by},
    support::postgres::backstage::migrate_all,
    support::postgres::database::AUTH,
    support::postgres::server::{PASSWORD, Server},
};

async fn migrated() -> (Server, Postgres) {
    let server = Server::start();
    drop(server.create(AUTH).await);
    migrate_all(&server, AUTH, None).await;
    let database = server.stores(AUTH).timeout(BOUND).build().unwrap();
    (server, database)
}

/// The sentence, and that it came in time.
async fn refused<T: std::fmt::Debug, E: std::fmt::Display + std::fmt::Debug>(
    question: impl Future<Output = Result<T, E>>,
) -> String {
    let asked = Instant::now();
    let error = question.await.unwrap_err().to_string();
    assert!(asked.elapsed() < BOUND + LOAD, "{:?}: {error}", asked.elapsed());
    assert!(!error.contains("canary"), "{error}");
    error
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn f_38_while_the_store_is_down_no_user_gets_a_token_and_afterwards_every_user_does() {
    let (mut server, database) = migrated().await;
    server.stop();
    let replica = Replica::start(&database);
    for _ in 0..2 {
        let asked = Instant::now();
        let (status, body) = replica.session().await;
        assert!(asked.elapsed() < BOUND + LOAD, "{:?}", asked.elapsed());
        assert_eq!(status, 503, "{body}");
        assert!(!body.contains("token\":"), "{body}");
    }
    assert!(refused(replica.tokens.plugin_token("catalog")).await.contains("cannot be reached"));
    assert_eq!(replica.get(USER_KEYS, None).await.0, 503);

    server.start_again();

    let token = replica.sign_in().await;
    assert_eq!(verified_by(&replica.json(USER_KEYS, None).await, &token), JANE);
    // Now that it has a key that is published, and the users' answers cannot be written.
    server.stop();
    assert_eq!(replica.session().await.0, 503);
    server.start_again();
    let again = replica.sign_in().await;
    let info = replica.json("/api/auth/v1/userinfo", Some(&again)).await;
    assert_eq!(info["claims"]["sub"], JANE);
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn connections_that_closed_between_two_queries_fail_no_request() {
    let (mut server, _) = migrated().await;
    let database = server.stores(AUTH).build().unwrap();
    let (keys, info) = (database.user_keys(), database.user_info());
    keys.publish(key("one", at(1_800_000_000))).await.unwrap();
    for _ in 0..5 {
        // All of the pool's connections are in use once.
        let all = futures::future::try_join_all((0..8).map(|_| info.find(JANE))).await;
        assert_eq!(all.unwrap().len(), 8);
        server.stop();
        server.start_again();
        assert_eq!(kids(&keys.list().await.unwrap()), ["one"]);
    }
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_silent_server_is_waited_for_no_longer_than_the_bound() {
    let (server, database) = migrated().await;
    let keys = database.user_keys();
    keys.publish(key("one", at(1_800_000_000))).await.unwrap();

    server.freeze();
    // On a connection that is there, and on one that has to be opened.
    for _ in 0..2 {
        let said = refused(keys.list()).await;
        assert!(said.contains("within 2s") || said.contains("cannot be reached"), "{said}");
    }
    // More than there are connections, all at once.
    let started = Instant::now();
    let all = futures::future::join_all((0..20).map(|_| refused(keys.list()))).await;
    assert_eq!(all.len(), 20);
    assert!(started.elapsed() < BOUND + LOAD, "{:?}", started.elapsed());

    server.wake();
    assert_eq!(kids(&keys.list().await.unwrap()), ["one"]);
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_lock_that_a_migration_holds_costs_no_connections_and_ends_with_it() {
    let (server, database) = migrated().await;
    let info = database.user_info();
    info.put(jane(), at(1_800_003_600)).await.unwrap();
    let mut migration = server.client(AUTH).await;
    let transaction = migration.transaction().await.unwrap();
    transaction.batch_execute("lock table user_info in access exclusive mode").await.unwrap();

    for _ in 0..3 {
        assert!(refused(info.put(jane(), at(1_800_003_600))).await.contains("a migration holds a lock"));
    }
    // The server was requested to cancel, so no query waits there.
    let waiting = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    let watcher = server.client("postgres").await;
    let nobody = async {
        while watcher.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), nobody).await.expect("nobody waits any more");

    transaction.commit().await.unwrap();
    info.put(jane(), at(1_800_003_600)).await.unwrap();
    assert_eq!(info.find(JANE).await.unwrap(), Some(jane()));
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_request_that_is_cancelled_leaves_no_waiting_connection() {
    let (server, database) = migrated().await;
    let info = database.user_info();
    info.put(jane(), at(1_800_003_600)).await.unwrap();
    let mut migration = server.client(AUTH).await;
    let transaction = migration.transaction().await.unwrap();
    transaction.batch_execute("lock table user_info in access exclusive mode").await.unwrap();
    for _ in 0..20 {
        let _ = tokio::time::timeout(Duration::from_millis(20), info.find(JANE)).await;
    }

    // The other tables are not locked, and the connections to ask them are there.
    assert_eq!(database.user_keys().list().await.unwrap().len(), 0);
    drop(transaction);
    assert_eq!(info.find(JANE).await.unwrap(), Some(jane()));
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_connection_that_is_refused_names_what_to_change() {
    let (server, _database) = migrated().await;
    let client = server.client(AUTH).await;
    client.batch_execute("create role reader login password 'canary r'").await.unwrap();
    let stores = || server.stores(AUTH).timeout(BOUND);
    for (case, builder, said) in [
        ("password", stores().password("canary wrong"), "check the password of backstage"),
        ("user", stores().user("nobody"), "check the password of nobody"),
        ("database", server.stores("nowhere"), "set the database of Backstage's auth plugin instead of nowhere"),
        ("rights", stores().user("reader").password("canary r"), "grant reader SELECT, INSERT, UPDATE and DELETE"),
        ("port", stores().port(1), "cannot be reached"),
        ("name", Postgres::builder("db.invalid", AUTH).user("u").timeout(BOUND), "PostgreSQL at db.invalid:5432"),
        ("no socket", Postgres::builder("/nowhere", AUTH).user("u"), "/nowhere/.s.PGSQL.5432 cannot be reached"),
    ] {
        let error = refused(builder.build().unwrap().user_keys().list()).await;
        assert!(error.contains(said), "{case}: {error}");
    }
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn an_address_and_a_unix_socket_lead_to_the_same_database() -> Result<(), ConfigError> {
    let (server, database) = migrated().await;
    database.user_keys().publish(key("one", at(1_800_000_000))).await.unwrap();
    let folder = server.socket_folder().to_str().expect("UTF-8");
    let socket = Postgres::builder(folder, AUTH).port(server.port()).user("backstage").password(PASSWORD).build()?;
    for same in [socket, Postgres::from_url(&server.url(AUTH))?.build()?] {
        assert_eq!(kids(&same.user_keys().list().await.unwrap()), ["one"]);
        assert!(!format!("{same:?}").contains("canary"));
    }
    Ok(())
}
