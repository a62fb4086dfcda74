//! Files with mistakes of every kind.

use proptest::prelude::*;
use tower_alb_auth::{
    backstage::settings::{BackstageSettings, Check},
    config::AppConfig,
};

use crate::settings::{environment, with};

/// Keys that are read, with something of every kind as their value.
const KEYS: [&str; 24] = [
    "app.baseUrl",
    "backend.baseUrl",
    "backend.listen",
    "backend.listen.port",
    "backend.cors",
    "backend.cors.origin",
    "backend.database",
    "backend.database.client",
    "backend.database.connection",
    "backend.database.connection.ssl",
    "backend.database.plugin.auth.connection",
    "backend.auth.externalAccess",
    "discovery.endpoints",
    "auth.backstageTokenExpiration",
    "auth.backstageTokenExpiration.hours",
    "auth.identityTokenAlgorithm",
    "auth.omitIdentityTokenOwnershipClaim",
    "auth.keyStore.provider",
    "auth.keyStore.static.keys",
    "auth.providers.guest",
    "auth.providers.guest.userEntityRef",
    "auth.providers.awsalb.signOutUrl",
    "auth.providers.awsalb.exposeAccessToken",
    "auth.providers.awsalb.signIn",
];

fn at(path: &str, value: &str) -> String {
    let depth = path.matches('.').count();
    let opened: String = path.split('.').map(|name| format!("{{ {name}: ")).collect();
    format!("{}{value}{}\n", opened, " }".repeat(depth + 1))
}

#[test]
fn a_value_of_any_kind_is_read_or_refused_with_its_place() {
    for path in KEYS {
        for value in
            ["null", "true", "1", "-1", "1.5", "''", "x", "[]", "[[]]", "[x, 1]", "{}", "{ x: { y: [z] } }", "[{}]"]
        {
            let text = at(path, value);
            if let Err(error) = with(&text) {
                let said = error.to_string();
                assert!(said.contains("app-config.production.yaml:1") || said.contains("there is no"), "{text}{said}");
            }
        }
    }
}

/// S-61: what an environment holds is in no message about it.
#[test]
fn s_61_secrets_of_the_environment_are_in_no_message() {
    for path in ["backend.database.connection", "backend.database.connection.password", "backend.auth.externalAccess"] {
        for value in
            ["'${PASSWORD}'", "{ url: '${PASSWORD}' }", "['${PASSWORD}']", "[{ type: static, options: '${PASSWORD}' }]"]
        {
            let text = at(path, value);
            let pg =
                AppConfig::from_text("base.yaml", "backend: { database: { client: pg } }", environment).expect("YAML");
            let config = AppConfig::from_text("app-config.yaml", &text, environment).expect("YAML").over(pg);
            let read = BackstageSettings::read(&config);
            let shown = format!("{read:?} {} {:?}", Check::of(&config), Check::of(&config));
            assert!(!shown.contains("canary"), "{text}{shown}");
        }
    }
    for url in ["postgres://u:1?canary@h/d", "postgres://u:canary@h:x/d", "postgres://u:canary@h/d?sslmode=x"] {
        let said =
            with(&format!("backend: {{ database: {{ client: pg, connection: '{url}' }} }}")).expect_err("a mistake");
        assert!(!said.to_string().contains("canary"), "{said}");
    }
    let said = with("backend: { cors: { origin: 'https://u:canary@x.example.com' } }").expect_err("a mistake");
    assert!(!said.to_string().contains("canary"), "{said}");
}

proptest! {
    #[test]
    fn s_71_no_value_makes_the_settings_panic(index in 0..KEYS.len(), value in "[ -~]{0,80}") {
        let text = at(KEYS[index], &format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")));
        if let Ok(config) = AppConfig::from_text("app-config.yaml", &text, environment) {
            let _ = BackstageSettings::read(&config);
            let _ = Check::of(&config).to_string();
        }
    }
}
