//! Several replicas of ours on one database.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use tower_alb_auth::{Clock, backstage::TokenIssuer, test_util::TestClock};

use crate::{
    postgres::people::{ISSUER, JANE, PLUGIN_KEYS, Replica, USER_KEYS, jane, verified_by},
    support::postgres::backstage::migrate_all,
    support::postgres::database::AUTH,
    support::postgres::server::Server,
};

/// The shortest there is, so that keys change often.
const LIFETIME: Duration = Duration::from_secs(10 * 60);

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn f_39_a_token_outlives_the_replica_that_gave_it() {
    let server = Server::start();
    drop(server.create(AUTH).await);
    migrate_all(&server, AUTH, None).await;
    let replica = || Replica::start(&server.stores(AUTH).build().unwrap());
    let (a, b) = (replica(), replica());
    let (token, plugin_token) = (a.sign_in().await, a.tokens.plugin_token("catalog").await.unwrap());
    drop(a);
    // It starts again, and has other keys.
    let a = replica();
    let tokens = [token, a.sign_in().await, b.sign_in().await];

    for replica in [&a, &b] {
        let keys = replica.json(USER_KEYS, None).await;
        assert_eq!(keys["keys"].as_array().unwrap().len(), 3);
        for token in &tokens {
            assert_eq!(verified_by(&keys, token), JANE);
            assert_eq!(replica.tokens.verify(token).await.unwrap().user_entity_ref, JANE);
            let info = replica.json("/api/auth/v1/userinfo", Some(token)).await;
            assert_eq!(info["claims"]["ent"][0], JANE);
        }
        assert_eq!(verified_by(&replica.json(PLUGIN_KEYS, None).await, &plugin_token), "auth");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL"]
async fn no_token_is_ever_out_before_its_key() {
    let server = Server::start();
    drop(server.create(AUTH).await);
    migrate_all(&server, AUTH, None).await;
    let stores = server.stores(AUTH).build().unwrap();
    let verifier = Arc::new(Replica::start(&server.stores(AUTH).build().unwrap()));
    // Replicas come and go; each token is verified at once by the key set of another replica alone.
    let starts = (0..20).map(|_| {
        let (stores, verifier) = (stores.clone(), Arc::clone(&verifier));
        tokio::spawn(async move {
            let replica = Replica::start(&stores);
            for _ in 0..3 {
                let token = replica.sign_in().await;
                let keys = verifier.json(USER_KEYS, None).await;
                assert_eq!(verified_by(&keys, &token), JANE);
            }
        })
    });
    for start in futures::future::join_all(starts).await {
        start.unwrap();
    }
    assert_eq!(verifier.json(USER_KEYS, None).await["keys"].as_array().unwrap().len(), 20);
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn no_token_is_refused_at_any_time_of_its_life_while_keys_go_and_come() {
    let server = Server::start();
    drop(server.create(AUTH).await);
    migrate_all(&server, AUTH, None).await;
    let clock = TestClock::new();
    let replica = || {
        let database = server.stores(AUTH).build().unwrap();
        let issuer = TokenIssuer::builder(ISSUER).user_keys(database.user_keys()).plugin_keys(database.plugin_keys());
        issuer.token_lifetime(LIFETIME).clock(clock.clone()).build().unwrap()
    };
    let mut replicas = [replica(), replica(), replica()];
    let mut tokens: Vec<(String, SystemTime)> = Vec::new();
    let mut kids = BTreeSet::new();
    for minute in 0..60 {
        if minute == 25 {
            // One dies, and another takes its place.
            replicas[0] = replica();
        }
        for replica in &replicas {
            let jane = jane();
            let issued = replica.user_token(&jane.user_entity_ref, &jane.ownership_entity_refs).await.unwrap();
            kids.insert(jsonwebtoken::decode_header(issued.expose()).unwrap().kid);
            tokens.push((issued.expose().to_owned(), issued.expires_at));
        }
        clock.advance(Duration::from_secs(60));
        tokens.retain(|(_, expires_at)| *expires_at > clock.now());
        // Whoever is asked: each in its turn.
        let replica = &replicas[minute % replicas.len()];
        let keys = replica.public_keys().await.unwrap();
        let keys: Vec<Value> = keys.iter().map(|key| serde_json::from_str(key.json()).unwrap()).collect();
        let key_set = json!({ "keys": keys });
        for (token, _) in &tokens {
            assert_eq!(verified_by(&key_set, token), JANE, "minute {minute}");
            assert_eq!(replica.verify(token).await.unwrap().user_entity_ref, JANE, "minute {minute}");
        }
    }
    assert!(kids.len() >= 9, "each replica has changed its key several times: {}", kids.len());
}
