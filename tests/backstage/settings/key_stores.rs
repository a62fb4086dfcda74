//! Where signing keys come from.

use tower_alb_auth::backstage::settings::KeyStoreSettings;

use crate::settings::{read, wrong};

#[test]
fn keys_are_in_the_database_where_there_is_one() {
    let pg = "backend: { database: { client: pg, connection: { user: u } } }\n";
    assert_eq!(read(pg).key_store, KeyStoreSettings::Database);
    assert_eq!(
        read(&format!("{pg}auth: {{ keyStore: {{ provider: database }} }}")).key_store,
        KeyStoreSettings::Database
    );
    let memory = read(&format!("{pg}auth: {{ keyStore: {{ provider: memory }} }}"));
    assert_eq!(memory.key_store, KeyStoreSettings::Memory);
    assert!(memory.database.is_some(), "userinfo is there all the same");
}

#[test]
fn without_a_database_that_replicas_share_keys_are_in_memory_and_that_is_reported() {
    for database in ["", "backend: { database: { client: better-sqlite3, connection: ':memory:' } }"] {
        let settings = read(database);
        assert_eq!(settings.key_store, KeyStoreSettings::Memory, "{database}");
        assert!(settings.database.is_none());
        assert!(
            settings.warnings.iter().any(|warning| warning.contains("use one replica only")),
            "{:?}",
            settings.warnings
        );
    }
    let mysql = wrong("backend: { database: { client: mysql2 } }");
    assert!(mysql.contains("backend.database.client (app-config.production.yaml:1) is \"mysql2\""), "{mysql}");
    let settings = read("backend: { database: { client: mysql2 } }\nauth: { keyStore: { provider: memory } }");
    assert_eq!(settings.key_store, KeyStoreSettings::Memory);
}

#[test]
fn keys_in_files_are_named() {
    let settings = read(
        "
auth:
  keyStore:
    provider: static
    static:
      keys:
        - { keyId: next, publicKeyFile: /keys/next.pub, privateKeyFile: /keys/next.pem }
        - { keyId: last, publicKeyFile: /keys/last.pub, privateKeyFile: /keys/last.pem, algorithm: ES256 }
",
    );
    let KeyStoreSettings::Static(keys) = settings.key_store else { panic!("{:?}", settings.key_store) };
    let shown: Vec<String> = keys
        .iter()
        .map(|key| format!("{} {} {}", key.key_id, key.public_key_file.display(), key.private_key_file.display()))
        .collect();
    assert_eq!(shown, ["next /keys/next.pub /keys/next.pem", "last /keys/last.pub /keys/last.pem"]);
}

#[test]
fn stores_that_are_not_served_and_keys_that_lack_something_are_refused() {
    let of = |store: &str| wrong(&format!("auth:\n  keyStore:\n    {}\n", store.replace('\n', "\n    ")));
    let all = [
        of("provider: firestore"),
        of("provider: static"),
        of("provider: static\nstatic: { keys: [] }"),
        of("provider: static\nstatic: { keys: [{ keyId: a, publicKeyFile: b }] }"),
        of("provider: static\nstatic: { keys: [{ keyId: a, publicKeyFile: b, privateKeyFile: c, algorithm: RS256 }] }"),
        of(
            "provider: static\nstatic:\n  keys:\n    - &key { keyId: a, publicKeyFile: b, privateKeyFile: c }\n    - *key",
        ),
        of("provider: ${NO_STORE}"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    auth.keyStore.provider (app-config.production.yaml:3) is "firestore", which is not one of database, memory, static
    auth.keyStore.provider (app-config.production.yaml:3) is static, and there is no auth.keyStore.static.keys: add
    auth:
      keyStore:
        static:
          keys:
            - keyId: <name>
              publicKeyFile: <path of a PEM>
              privateKeyFile: <path of a PEM>
    auth.keyStore.static.keys (app-config.production.yaml:4) is empty: list a key; the first one signs
    auth.keyStore.static.keys[0] (app-config.production.yaml:4) lacks privateKeyFile
    auth.keyStore.static.keys[0].algorithm (app-config.production.yaml:4) is "RS256", and tokens are signed by ES256 only: leave it out
    auth.keyStore.static.keys[1].keyId (app-config.production.yaml:7) is also the name of an earlier key
    auth.keyStore.provider (app-config.production.yaml:3) takes its value from the environment variable NO_STORE, which is not set: set it where this process is started
    "#);
}
