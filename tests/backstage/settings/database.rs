//! Where the tables of the auth plugin are.

use tower_alb_auth::backstage::settings::{DatabaseSettings, DatabaseTls, KeyStoreSettings};

use crate::settings::{read, with, wrong};

const AUTHORITY: &str = include_str!("../../support/authority.pem");
const CONNECTION: &str =
    "connection: { host: db.example.com, port: 5433, user: backstage, password: canary, database: platform }";

fn database(members: &str) -> DatabaseSettings {
    let settings = read(&format!("backend:\n  database:\n    client: pg\n{}", indented(members)));
    assert_eq!(settings.key_store, KeyStoreSettings::Database);
    settings.database.expect("a database")
}

fn indented(members: &str) -> String {
    members.lines().map(|line| format!("    {line}\n")).collect()
}

/// Everything in one line.
fn shown(settings: &DatabaseSettings) -> String {
    let password = settings.password.as_ref().map_or("none", |password| password.expose());
    format!(
        "{}:{password}@{}:{}/{} schema {:?} {:?}",
        settings.user, settings.host, settings.port, settings.database, settings.schema, settings.tls
    )
}

#[test]
fn the_plugin_has_a_database_of_its_own_or_a_schema() {
    let own = database(CONNECTION);
    assert_eq!(shown(&own), "backstage:canary@db.example.com:5433/backstage_plugin_auth schema None Off");
    assert_eq!(own.place, "backend.database.connection (app-config.production.yaml:4)");
    assert!(own.ensure_exists);
    assert_eq!(database(&format!("{CONNECTION}\nprefix: corp_")).database, "corp_auth");
    let schema = database(&format!("{CONNECTION}\npluginDivisionMode: schema"));
    assert_eq!(shown(&schema), "backstage:canary@db.example.com:5433/platform schema Some(\"auth\") Off");
    let prefixed = database(&format!("{CONNECTION}\npluginDivisionMode: schema\nschemaPrefix: b_"));
    assert_eq!(prefixed.schema.as_deref(), Some("b_auth"));
    let short = database("connection: { user: backstage }");
    assert_eq!(shown(&short), "backstage:none@localhost:5432/backstage_plugin_auth schema None Off");
}

#[test]
fn the_plugins_own_settings_go_before_everybodys() {
    let over = |members: &str| database(&format!("{CONNECTION}\nplugin:\n  auth:\n    {members}"));
    assert_eq!(
        shown(&over("connection: { host: auth-db, database: auth_tables }")),
        "backstage:canary@auth-db:5433/auth_tables schema None Off"
    );
    assert!(!over("ensureExists: false").ensure_exists);
    assert_eq!(over("role: auth_owner").role.as_deref(), Some("auth_owner"));
    // Another client's connection is not this one's.
    let settings = read(
        "backend:\n  database:\n    client: better-sqlite3\n    connection: ':memory:'\n    plugin:\n      auth:\n        client: pg\n        \
         connection: { host: auth-db, user: auth }\n",
    );
    assert_eq!(
        shown(&settings.database.expect("a database")),
        "auth:none@auth-db:5432/backstage_plugin_auth schema None Off"
    );
}

#[test]
fn a_connection_may_be_a_url() {
    let of = |url: &str| shown(&database(&format!("connection: '{url}'")));
    assert_eq!(
        of("postgresql://us%40er:p%3Aw@db.example.com:6432/platform?sslmode=require"),
        "us@er:p:w@db.example.com:6432/backstage_plugin_auth schema None Verified"
    );
    assert_eq!(of("postgres://u@[::1]"), "u:none@::1:5432/backstage_plugin_auth schema None Off");
    assert_eq!(
        of("postgres://u@h?host=/run/postgresql"),
        "u:none@/run/postgresql:5432/backstage_plugin_auth schema None Off"
    );
    assert_eq!(
        shown(&database(
            "connection: { connectionString: 'postgres://u:w@h/d', user: other }\npluginDivisionMode: schema"
        )),
        "u:w@h:5432/d schema Some(\"auth\") Off"
    );
}

#[test]
fn the_connection_is_encrypted_as_the_files_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    let pem = AUTHORITY;
    std::fs::write(&file, pem).expect("written");
    let tls = |ssl: &str| database(&format!("connection:\n  user: u\n  ssl: {ssl}")).tls;
    assert_eq!(tls("true"), DatabaseTls::Verified { roots: None });
    assert_eq!(tls("false"), DatabaseTls::Off);
    assert_eq!(tls("{ rejectUnauthorized: false, ca: x }"), DatabaseTls::dangerously_accept_any_certificate());
    assert_eq!(tls("{ require: true }"), DatabaseTls::Verified { roots: None });
    let roots = Some(pem.trim_end().to_owned());
    assert_eq!(tls(&format!("{{ ca: {{ $file: '{}' }} }}", file.display())), DatabaseTls::Verified { roots });
    let roots = Some(pem.to_owned());
    let by_url = database(&format!("connection: 'postgres://u@h/d?sslrootcert={}'", file.display()));
    assert_eq!(by_url.tls, DatabaseTls::Verified { roots });
    let told =
        read("backend: { database: { client: pg, connection: { user: u, ssl: { rejectUnauthorized: false } } } }")
            .warnings;
    assert!(told.iter().any(|warning| warning.contains("the database's certificate is not checked")), "{told:?}");
}

#[test]
fn a_plain_connection_to_another_machine_is_reported_like_one_without_verification() {
    let told = |connection: &str| {
        let settings = read(&format!("backend: {{ database: {{ client: pg, connection: {connection} }} }}"));
        settings.warnings.iter().any(|warning| warning.contains("the connection to the database is plain"))
    };
    for plain in ["{ user: u, host: db.example.com }", "{ user: u, host: 10.0.0.1, ssl: false }", "'postgres://u@db/d'"]
    {
        assert!(told(plain), "{plain}");
    }
    for sound in [
        "{ user: u }",
        "{ user: u, host: localhost }",
        "{ user: u, host: 127.0.0.1 }",
        "{ user: u, host: /run/postgresql }",
        "{ user: u, host: db.example.com, ssl: true }",
    ] {
        assert!(!told(sound), "{sound}");
    }
}

#[test]
fn what_cannot_be_used_is_said_without_showing_it() {
    let cases = [
        "connection: { host: h }",
        "connection: 'mysql://canary@h/d'",
        "connection: 'postgres://u:canary@h:port/d'",
        "connection: 'postgres://u:canary@h/d?sslmode=verify-ca&uselibpqcompat=true'",
        "connection: [canary]",
        "connection: { user: u, password: '${NO_PASSWORD}' }",
        "connection: { user: u, port: canary }",
        "connection: { user: u, ssl: { ca: canary } }",
        "connection: { user: u, ssl: { key: canary, cert: canary } }",
        "connection: { type: azure, host: h, port: 5432, user: u }",
        "connection: { type: rds, user: u }",
        "connection: { user: u }\npluginDivisionMode: table",
    ];
    let all: Vec<String> =
        cases.iter().map(|case| wrong(&format!("backend:\n  database:\n    client: pg\n{}", indented(case)))).collect();
    let all = all.join("\n");
    assert!(!all.contains("canary"), "{all}");
    insta::assert_snapshot!(all, @r#"
    backend.database.connection (app-config.production.yaml:4) names no user: add user: <user>
    backend.database.connection (app-config.production.yaml:4) must be a URL such as postgresql://<user>:<password>@<host>:5432/<database>
    backend.database.connection (app-config.production.yaml:4) has a port that is not a number from 1 to 65535
    backend.database.connection (app-config.production.yaml:4) has an sslmode that checks the authority and not the host: write sslmode=verify-full
    backend.database.connection (app-config.production.yaml:4) must be a URL such as postgresql://<user>@<host>/<database>, or an object, and is a list
    backend.database.connection.password (app-config.production.yaml:4) takes its value from the environment variable NO_PASSWORD, which is not set: set it where this process is started
    backend.database.connection.port (app-config.production.yaml:4) must be a port, and is a text
    backend.database.connection.ssl.ca (app-config.production.yaml:4) has no PEM block CERTIFICATE: write it as $file: <path of the authority's PEM>
    backend.database.connection.ssl.cert (app-config.production.yaml:4) asks for a certificate of the client, which is not served
    - backend.database.connection.ssl.key (app-config.production.yaml:4) asks for a certificate of the client, which is not served
    backend.database.connection.type (app-config.production.yaml:4) is "azure", whose passwords come from a cloud's identity service that is not supported: set type: default with user and password in backend.database.plugin.auth.connection
    backend.database.connection (app-config.production.yaml:4) has type: rds and no host: set the endpoint of the database: its tokens name host and port
    - backend.database.connection (app-config.production.yaml:4) has type: rds and no port: set the endpoint of the database: its tokens name host and port
    - backend.database.connection (app-config.production.yaml:4) has type: rds and no TLS with a verified certificate, so an attacker on the network could use its tokens: set ssl: { ca: { $file: <path of the RDS certificate bundle of AWS> } }, or accept this with dangerouslyAllowRdsWithoutVerifiedTls: true
    backend.database.pluginDivisionMode (app-config.production.yaml:5) must be database or schema
    "#);
}

#[test]
fn tokens_of_iam_take_the_place_of_a_password_at_rds() {
    let rds = "type: rds, host: h, port: 5432, user: u";
    let read = |members: &str| database(&format!("connection: {{ {members} }}"));
    let settings = read(&format!("{rds}, region: eu-central-1, ssl: true")).rds.expect("rds");
    assert_eq!((settings.region.as_deref(), settings.allow_without_verified_tls), (Some("eu-central-1"), false));
    let waived = read(&format!("{rds}, ssl: false, dangerouslyAllowRdsWithoutVerifiedTls: true")).rds.expect("rds");
    assert_eq!((waived.region, waived.allow_without_verified_tls), (None, true));
    assert_eq!(read("type: default, host: h, user: u").rds, None);
    // The plugin's keys go over those for all, each by itself.
    let over = |members: &str| {
        database(&format!("connection: {{ {rds}, ssl: true }}\nplugin: {{ auth: {{ connection: {members} }} }}"))
    };
    assert_eq!(over("{ region: us-east-1 }").rds.and_then(|rds| rds.region).as_deref(), Some("us-east-1"));
    assert_eq!(over("{ type: default, password: canary }").rds, None);
    for (ssl, is_enough) in [("true", true), ("false", false), ("{ rejectUnauthorized: false }", false)] {
        let text = format!("backend:\n  database:\n    client: pg\n    connection: {{ {rds}, ssl: {ssl} }}\n");
        assert_eq!(with(&text).is_ok(), is_enough, "{ssl}");
    }
}

#[test]
fn s_61_a_password_is_in_no_debug_form() {
    let settings = read("backend: { database: { client: pg, connection: { user: u, password: '${PASSWORD}' } } }");
    assert_eq!(
        settings.database.as_ref().and_then(|database| database.password.as_ref()).map(|password| password.expose()),
        Some("canary-password")
    );
    assert!(!format!("{settings:?}{settings:#?}").contains("canary"));
}
