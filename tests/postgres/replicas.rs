//! Several replicas of ours on one database.

use std::sync::Arc;

use crate::{
    backstage::migrate_all,
    database::AUTH,
    people::{JANE, PLUGIN_KEYS, Replica, USER_KEYS, verified_by},
    server::Server,
};

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
    // Replicas come and go; each token is judged at once by somebody who has nothing but the key set of another replica.
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
