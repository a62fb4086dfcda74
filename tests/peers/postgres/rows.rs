//! What stands in rows: other replicas wrote it, or an attacker who has the database's password.

use tower_alb_auth::backstage::{
    PublicJwk,
    store::{PublicKeyStore, StoredKey, UserInfo, UserInfoStore},
};
use tracing::Level;

use crate::{
    postgres::people::{JANE, PLUGIN_KEYS, Replica, USER_KEYS, at, entity, jane, key, kids},
    support::postgres::backstage::migrate_all,
    support::postgres::database::AUTH,
    support::postgres::server::Server,
    support::traced::Traced,
};

const CANARY: &str = "canary-private-member";

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn s_63_a_stored_row_with_d_is_refused_and_reported() {
    let (traced, _guard) = Traced::begin();
    let server = Server::start();
    let client = server.create(AUTH).await;
    migrate_all(&server, AUTH, None).await;
    let database = server.stores(AUTH).build().unwrap();
    let replica = Replica::start(&database);
    let token = replica.sign_in().await;
    replica.tokens.plugin_token("catalog").await.unwrap();
    let private = key("leaked", at(0)).key.json().replace("\"alg\"", &format!("\"d\":\"{CANARY}\",\"alg\""));
    let now = "2099-01-01T00:00:00.000Z";
    client.execute("insert into signing_keys (kid, key) values ('leaked', $1)", &[&private]).await.unwrap();
    let sql = "insert into backstage_backend_public_keys__keys values ('leaked', $1, $2)";
    client.execute(sql, &[&private, &now]).await.unwrap();

    // A replica that has not looked yet.
    let other = Replica::start(&database);
    for (path, table) in [(USER_KEYS, "signing_keys"), (PLUGIN_KEYS, "backstage_backend_public_keys__keys")] {
        for _ in 0..3 {
            let keys = other.json(path, None).await;
            let keys = keys["keys"].as_array().unwrap();
            assert_eq!(keys.len(), 1, "{path}: {keys:?}");
            assert_ne!(keys[0]["kid"], "leaked");
            let members: Vec<&str> = keys[0].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["alg", "crv", "exp", "kid", "kty", "x", "y"], "{path}");
        }
        let lines = traced.lines(Level::ERROR);
        let said: Vec<&String> = lines.iter().filter(|line| line.contains(&format!("the table {table} "))).collect();
        assert_eq!(said.len(), 1, "{path}: {lines:?}");
        assert!(said[0].contains("\"leaked\"") && said[0].contains("private member"), "{said:?}");
    }
    assert!(!traced.all().contains(CANARY));
    assert_eq!(other.json("/api/auth/v1/userinfo", Some(&token)).await["claims"]["sub"], JANE, "the rest goes on");
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_row_that_is_no_key_of_its_id_is_left_out_and_reported() {
    let (traced, _guard) = Traced::begin();
    let server = Server::start();
    let client = server.create(AUTH).await;
    migrate_all(&server, AUTH, None).await;
    let database = server.stores(AUTH).build().unwrap();
    let (users, plugins) = (database.user_keys(), database.plugin_keys());
    for store in [&users as &dyn PublicKeyStore, &plugins] {
        store.publish(key("good", at(1_800_000_000))).await.unwrap();
    }
    let (other, later) = (key("other", at(0)), "2099-01-01T00:00:00.000Z");
    let json = other.key.json();
    for (kid, text) in [("no-json", "canary"), ("empty", ""), ("array", "[]"), ("another-kid", json)] {
        client.execute("insert into signing_keys (kid, key) values ($1, $2)", &[&kid, &text]).await.unwrap();
    }
    for (id, text, expires_at) in [
        ("no-json", "canary", later),
        ("another-id", json, later),
        ("other", json, "Thu Jan 01 2099"),
        ("leap", &json.replace("other", "leap"), "2099-02-29T00:00:00.000Z"),
    ] {
        let sql = "insert into backstage_backend_public_keys__keys values ($1, $2, $3)";
        client.execute(sql, &[&id, &text, &expires_at]).await.unwrap();
    }

    assert_eq!(kids(&users.list().await.unwrap()), ["good"]);
    assert_eq!(kids(&plugins.list().await.unwrap()), ["good"]);

    let lines = traced.lines(Level::ERROR);
    assert_eq!(lines.len(), 8, "{lines:?}");
    assert!(!traced.all().contains("canary"));
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_key_of_another_kind_is_published_as_it_is() {
    let server = Server::start();
    let client = server.create(AUTH).await;
    migrate_all(&server, AUTH, None).await;
    // What a stock replica with auth.identityTokenAlgorithm: RS256 publishes.
    let rsa = r#"{"kty":"RSA","n":"u1SU1LfVLPHCozMxH2Mo4lgOEePzNm0tRgeLezV6ffAt0gunVTLw7onLRnrq0_IzW7yWR7QkrmBL7jTKEn5u-qKhbwKfBstI","e":"AQAB","kid":"rsa","alg":"RS256"}"#;
    client.execute("insert into signing_keys (kid, key) values ('rsa', $1)", &[&rsa]).await.unwrap();
    let listed = server.stores(AUTH).build().unwrap().user_keys().list().await.unwrap();
    assert_eq!(listed.iter().map(|stored| stored.key.json()).collect::<Vec<_>>(), [rsa]);
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn a_user_info_that_is_not_this_users_is_not_answered() {
    let (traced, _guard) = Traced::begin();
    let server = Server::start();
    let client = server.create(AUTH).await;
    migrate_all(&server, AUTH, None).await;
    let info = server.stores(AUTH).build().unwrap().user_info();
    let sql = "insert into user_info (user_entity_ref, user_info, updated_at) values ($1, $2, now())";
    for (user, text) in [
        ("user:default/a", r#"{"claims":{"sub":"user:default/admin","ent":["group:default/canary"]}}"#),
        ("user:default/b", "canary"),
    ] {
        client.execute(sql, &[&user, &text]).await.unwrap();
        assert_eq!(info.find(user).await.unwrap(), None);
    }
    assert_eq!(traced.lines(Level::ERROR).len(), 2);
    assert!(!traced.all().contains("canary"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "peer: PostgreSQL"]
async fn a_user_who_signs_in_everywhere_at_once_has_one_whole_row() {
    let server = Server::start();
    let client = server.create(AUTH).await;
    migrate_all(&server, AUTH, None).await;
    let replicas = [server.stores(AUTH).build().unwrap(), server.stores(AUTH).build().unwrap()];
    let answers = |replica: usize| -> UserInfo {
        let groups = (0..50).map(|n| entity(&format!("group:default/g{n}-of-{replica}")));
        UserInfo::new(entity(JANE), groups.collect::<Vec<_>>())
    };
    let put = async |replica: usize| {
        for _ in 0..50 {
            replicas[replica].user_info().put(answers(replica), at(1_800_003_600)).await.unwrap();
        }
    };
    let look = async {
        for _ in 0..50 {
            if let Some(found) = replicas[0].user_info().find(JANE).await.unwrap() {
                assert!([answers(0), answers(1)].contains(&found), "{found:?}");
            }
        }
    };
    tokio::join!(put(0), put(1), look);
    let rows: i64 = client.query_one("select count(*) from user_info", &[]).await.unwrap().get(0);
    assert_eq!(rows, 1);
    replicas[0].user_info().put(jane(), at(1_800_003_600)).await.unwrap();
    assert_eq!(replicas[1].user_info().find(JANE).await.unwrap(), Some(jane()));
}

#[tokio::test]
#[ignore = "peer: PostgreSQL"]
async fn s_67_another_key_under_a_kid_is_refused_and_the_first_one_stays() {
    let server = Server::start();
    server.create(AUTH).await;
    migrate_all(&server, AUTH, None).await;
    let database = server.stores(AUTH).build().unwrap();
    for store in [&database.user_keys() as &dyn PublicKeyStore, &database.plugin_keys()] {
        let first = key("one", at(0));
        let other = PublicJwk::parse(r#"{"kty":"RSA","kid":"one","n":"AQAB","e":"AQAB"}"#).unwrap();
        let other = StoredKey::new(other, at(60), None);
        store.publish(first.clone()).await.unwrap();
        store.publish(StoredKey::new(first.key.clone(), at(60), None)).await.unwrap();
        let said = store.publish(other).await.unwrap_err().to_string();
        assert!(said.contains("another public key has the kid \"one\""), "{said}");
        let held = store.list().await.unwrap();
        assert_eq!(held.iter().map(|held| held.key.json()).collect::<Vec<_>>(), [first.key.json()]);
    }
}
