//! How long a restart takes sign-in away, with and without other replicas on the database.

use std::time::{Duration, Instant};

use tower_alb_auth::backstage::{TokenIssuer, store::postgres::Postgres};

use crate::{
    postgres::people::ISSUER,
    support::postgres::{
        backstage::migrate_all,
        database::AUTH,
        server::{PASSWORD, Server, USER},
    },
};

fn issuer(database: &Postgres) -> TokenIssuer {
    let builder = TokenIssuer::builder(ISSUER).user_keys(database.user_keys()).plugin_keys(database.plugin_keys());
    builder.build().expect("sound")
}

/// Whether it is ready once its key is published.
async fn ready_at_once(issuer: &TokenIssuer) -> bool {
    let started = Instant::now();
    loop {
        let readiness = issuer.readiness();
        if readiness.is_ready() || readiness.ready_in().is_some() {
            return readiness.is_ready();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{readiness:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_replica_waits_for_verifiers_only_while_another_one_has_a_session() {
    let server = Server::start();
    drop(server.create(AUTH).await);
    migrate_all(&server, AUTH, None).await;
    let store = || server.stores(AUTH).build().unwrap();
    let (first_store, second_store) = (store(), store());
    let first = issuer(&first_store);
    assert!(ready_at_once(&first).await, "the first of all");
    let joins = issuer(&second_store);
    assert!(!ready_at_once(&joins).await, "{:?}", joins.readiness());

    drop((first, joins, first_store, second_store));
    sessions_end(&server).await;
    assert!(ready_at_once(&issuer(&store())).await, "the predecessors have ended, and their keys are listed");
    sessions_end(&server).await;

    for (name, counts) in [("backstage_plugin_auth", true), ("backstage_plugin_catalog", false), ("psql", true)] {
        let mut settings = tokio_postgres::Config::new();
        settings
            .host("127.0.0.1")
            .port(server.port())
            .user(USER)
            .password(PASSWORD)
            .dbname(AUTH)
            .application_name(name);
        let (client, connection) = settings.connect(tokio_postgres::NoTls).await.expect("a session");
        let session = tokio::spawn(connection);
        assert_eq!(ready_at_once(&issuer(&store())).await, !counts, "{name}");
        drop(client);
        session.await.expect("no panic").expect("closed");
        sessions_end(&server).await;
    }
}

/// Waits until nothing of the processes before is connected.
async fn sessions_end(server: &Server) {
    let watcher = server.client("postgres").await;
    let sql = "select count(*) from pg_stat_activity where datname = $1";
    let none = async {
        while watcher.query_one(sql, &[&AUTH]).await.expect("a count").get::<_, i64>(0) > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), none).await.expect("sessions end");
}
