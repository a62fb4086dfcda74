//! Messages about files that lack something.

use tower_alb_auth::backstage::settings::BackstageSettings;

use crate::settings::{config, read, wrong};

fn said(text: &str) -> String {
    BackstageSettings::read(&config(text)).map(drop).expect_err("a mistake").to_string()
}

#[test]
fn the_lines_to_add_are_shown() {
    insta::assert_snapshot!(said("auth: {}"), @r"
    the configuration cannot be used
    - there is no backend.baseUrl: add
    backend:
      baseUrl: https://<the backend's host, as browsers see it>
    - there is no app.baseUrl: add
    app:
      baseUrl: https://<the application's host>
    ");
}

#[test]
fn addresses_that_are_none_are_named_with_their_place() {
    let all = ["backstage.example.com", "ftp://x", "https://u:canary@x", "https://x?y", "[x]"]
        .map(|url| wrong(&format!("backend: {{ baseUrl: '{url}' }}").replace("'[x]'", "[x]")));
    let all = all.join("\n");
    assert!(!all.contains("canary"), "{all}");
    insta::assert_snapshot!(all, @r"
    backend.baseUrl (app-config.production.yaml:1) must be a URL such as https://<the backend's host, as browsers see it>, without user, query or fragment
    backend.baseUrl (app-config.production.yaml:1) must be a URL such as https://<the backend's host, as browsers see it>, without user, query or fragment
    backend.baseUrl (app-config.production.yaml:1) must be a URL such as https://<the backend's host, as browsers see it>, without user, query or fragment
    backend.baseUrl (app-config.production.yaml:1) must be a URL such as https://<the backend's host, as browsers see it>, without user, query or fragment
    backend.baseUrl (app-config.production.yaml:1) must be a text, and is a list
    ");
}

#[test]
fn sections_that_are_none_are_named_with_their_place() {
    let all =
        ["auth: x", "backend: [x]", "discovery: { endpoints: x }", "auth: { keyStore: x }", "backend: { cors: x }"]
            .map(wrong);
    insta::assert_snapshot!(all.join("\n"), @r"
    auth (app-config.production.yaml:1) must be an object of settings, and is a text
    backend (app-config.production.yaml:1) must be an object of settings, and is a list
    - there is no backend.baseUrl: add
    backend:
      baseUrl: https://<the backend's host, as browsers see it>
    discovery.endpoints (app-config.production.yaml:1) must be a list, and is a text
    auth.keyStore (app-config.production.yaml:1) must be an object of settings, and is a text
    backend.cors (app-config.production.yaml:1) must be an object of settings, and is a text
    ");
}

#[test]
fn guests_are_who_the_files_say() {
    assert!(read("").guest.is_none());
    assert!(read("auth: { providers: { guest: null } }").guest.is_none());
    let guest = |members: &str| read(&format!("auth: {{ providers: {{ guest: {members} }} }}")).guest.expect("a guest");
    let usual = guest("{}");
    assert_eq!((usual.user.as_str(), usual.outside_development), ("user:development/guest", false));
    assert_eq!(usual.ownership, ["user:development/guest"]);
    let named = guest(
        "{ userEntityRef: jane, ownershipEntityRefs: ['group:default/a'], dangerouslyAllowOutsideDevelopment: true }",
    );
    assert_eq!((named.user.as_str(), named.outside_development), ("user:default/jane", true));
    assert_eq!(named.ownership, ["group:default/a"]);
    let all = [
        "{ userEntityRef: 'not a name' }",
        "{ userEntityRef: 'group:default/admins' }",
        "{ ownershipEntityRefs: ['group:default/'] }",
        "{ userEntityRefs: x }",
        "{ dangerouslyAllowOutsideDevelopment: often }",
    ]
    .map(|members| wrong(&format!("auth: {{ providers: {{ guest: {members} }} }}")));
    insta::assert_snapshot!(all.join("\n"), @r"
    auth.providers.guest.userEntityRef (app-config.production.yaml:1) is not an entity ref: the name of an entity is letters and digits, with '-', '_' and '.' in between, 63 at most
    auth.providers.guest.userEntityRef (app-config.production.yaml:1): a guest is a user: write it as user:development/guest
    auth.providers.guest.ownershipEntityRefs (app-config.production.yaml:1) is not an entity ref: the name of an entity is letters and digits, with '-', '_' and '.' in between, 63 at most
    auth.providers.guest.userEntityRefs (app-config.production.yaml:1) is not a known setting. Did you mean userEntityRef? Known settings are userEntityRef, ownershipEntityRefs, dangerouslyAllowOutsideDevelopment
    auth.providers.guest.dangerouslyAllowOutsideDevelopment (app-config.production.yaml:1) must be true or false, and is a text
    ");
}

#[test]
fn a_variable_that_is_not_set_leaves_a_setting_out_and_is_reported() {
    let settings = read("backend: { listen: { port: '${NO_PORT}' } }");
    assert_eq!(settings.listen.port, 7007);
    assert!(settings.warnings.iter().any(|warning| {
        warning
            == "backend.listen.port (app-config.production.yaml:1): the environment variable NO_PORT is not set, so the key \
                counts as absent"
    }));
}
