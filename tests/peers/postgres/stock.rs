//! Replicas of ours and of Backstage's own auth backend on one database.

use serde_json::{Value, json};

use crate::{
    postgres::people::{JANE, PLUGIN_KEYS, Replica, USER_KEYS, verified_by},
    support::postgres::backstage::Stock,
    support::postgres::database::AUTH,
    support::postgres::server::Server,
};

const JOHN: &str = "user:default/john.doe";
const USER_INFO: &str = "/api/auth/v1/userinfo";

#[tokio::test]
#[ignore = "peer: PostgreSQL, and Backstage's auth backend, installed by .ci/peers"]
async fn with_a_database_a_plugin_stock_replicas_and_ours_are_one_auth_backend() {
    let server = Server::start();
    are_one(&server, "database", || Replica::start(&server.stores(AUTH).build().unwrap())).await;
}

#[tokio::test]
#[ignore = "peer: PostgreSQL, and Backstage's auth backend, installed by .ci/peers"]
async fn with_a_schema_a_plugin_stock_replicas_and_ours_are_one_auth_backend() {
    let server = Server::start();
    are_one(&server, "schema", || Replica::start(&server.stores("backstage").schema("auth").build().unwrap())).await;
}

async fn are_one(server: &Server, division: &str, ours: impl Fn() -> Replica) {
    let stock = Stock::start(server, division).await;
    let (a, b) = (ours(), ours());
    // Signed in at one, and asked about at the others.
    let johns = stock.sign_in().await;
    let janes = a.sign_in().await;
    let at_stock = stock.plugin_token("catalog").await;
    let at_a = a.tokens.plugin_token("catalog").await.unwrap();
    holds(&stock, &[&a, &b], &[(&johns, JOHN), (&janes, JANE)], &[&at_stock, &at_a]).await;

    // One of ours dies and starts again with other keys; the stock one dies, and another takes its place.
    drop(a);
    drop(stock);
    let (a, stock) = (ours(), Stock::start(server, division).await);
    let (johns_next, janes_next) = (stock.sign_in().await, a.sign_in().await);
    let tokens = [(&*johns, JOHN), (&janes, JANE), (&johns_next, JOHN), (&janes_next, JANE)];
    let at_next = (stock.plugin_token("catalog").await, a.tokens.plugin_token("catalog").await.unwrap());
    holds(&stock, &[&a, &b], &tokens, &[&at_stock, &at_a, &at_next.0, &at_next.1]).await;
}

/// That every replica says the same of every token, and a verifier that sees nothing but a key set too.
async fn holds(stock: &Stock, ours: &[&Replica], users: &[(&str, &str)], plugins: &[&str]) {
    let (stock_keys, stock_plugin_keys) = (stock.json(USER_KEYS, None).await, stock.json(PLUGIN_KEYS, None).await);
    for (token, user) in users {
        assert_eq!(verified_by(&stock_keys, token), *user);
        let principal = stock.json("/api/catalog/whose", Some(token)).await;
        assert_eq!((&principal["type"], &principal["userEntityRef"]), (&json!("user"), &json!(user)));
        let said = stock.json(USER_INFO, Some(token)).await;
        assert_eq!(said["claims"]["sub"], *user);
        for replica in ours {
            assert_eq!(sorted(&replica.json(USER_KEYS, None).await), sorted(&stock_keys));
            assert_eq!(replica.tokens.verify(token).await.unwrap().user_entity_ref, *user);
            assert_eq!(replica.json(USER_INFO, Some(token)).await, said);
        }
    }
    for token in plugins {
        assert_eq!(verified_by(&stock_plugin_keys, token), "auth");
        let principal = stock.json("/api/catalog/whose", Some(token)).await;
        assert_eq!((&principal["type"], &principal["subject"]), (&json!("service"), &json!("plugin:auth")));
        for replica in ours {
            let keys = replica.json(PLUGIN_KEYS, None).await;
            assert_eq!(sorted(&keys), sorted(&stock_plugin_keys));
            assert_eq!(verified_by(&keys, token), "auth");
        }
    }
}

fn sorted(key_set: &Value) -> Vec<String> {
    let mut keys: Vec<String> = key_set["keys"].as_array().expect("keys").iter().map(Value::to_string).collect();
    keys.sort();
    keys
}
