//! Where the catalog is, and what it is asked with.

use tower_alb_auth::backstage::settings::CatalogCredentials;

use crate::settings::{read, wrong};

#[test]
fn the_catalog_is_where_discovery_says() {
    let url = |endpoints: &str| read(&format!("discovery: {{ endpoints: [{endpoints}] }}")).catalog.url;
    let usual = "https://backstage.example.com/api/catalog";
    assert_eq!(url(""), usual);
    assert_eq!(
        url("{ target: 'https://c.example.com/api/catalog', plugins: [catalog] }"),
        "https://c.example.com/api/catalog"
    );
    assert_eq!(
        url("{ target: 'https://c.example.com/{{pluginId}}', plugins: [search, '*'] }"),
        "https://c.example.com/catalog"
    );
    assert_eq!(
        url(
            "{ target: 'https://own.example.com/catalog', plugins: [catalog] }, { target: 'https://all.example.com', plugins: ['*'] }"
        ),
        "https://own.example.com/catalog",
        "its own goes before one for all"
    );
    assert_eq!(
        url(
            "{ target: { internal: 'http://localhost:7007/api/catalog', external: 'https://x.example.com' }, plugins: [catalog] }"
        ),
        "http://localhost:7007/api/catalog"
    );
    assert_eq!(url("{ target: { external: 'https://x.example.com' }, plugins: [catalog] }"), usual);
    assert_eq!(url("{ target: 'https://auth.example.com', plugins: [auth] }"), usual);
}

#[test]
fn a_catalog_over_plain_http_wants_a_waiver() {
    let endpoint =
        "discovery: { endpoints: [{ target: 'http://catalog.internal:7007/api/catalog', plugins: [catalog] }] }\n";
    insta::assert_snapshot!(wrong(endpoint), @r"
    discovery.endpoints[0].target (app-config.production.yaml:1): the catalog's address is plain http, so an attacker on the network could change which user is signed in: use https, name another in discovery.endpoints, or waive it by
    auth:
      providers:
        awsalb:
          signIn:
            dangerouslyAskCatalogOverPlainHttp: true
    if the network itself keeps others out
    ");
    let waived = format!(
        "{endpoint}auth: {{ providers: {{ awsalb: {{ signIn: {{ dangerouslyAskCatalogOverPlainHttp: true }} }} }} }}\n"
    );
    let settings = read(&waived);
    assert!(settings.warnings.iter().any(|warning| warning.contains("is plain http")), "{:?}", settings.warnings);
    assert!(settings.catalog.builder().token("a-token").build().is_ok());
    // Names below localhost are this machine.
    let local = read(
        "app: { baseUrl: 'http://backstage.localhost:3000' }\nbackend: { baseUrl: 'http://backstage.localhost:7007' }",
    )
    .catalog;
    assert!(local.builder().token("a-token").build().is_ok());
    assert!(
        wrong("discovery: { endpoints: [{ target: 'http+srv://catalog', plugins: [catalog] }] }")
            .contains("an SRV record (http+srv), which is not resolved here")
    );
}

#[test]
fn it_is_queried_with_the_first_static_token_that_may_read_it() {
    let credentials = |entries: &str| match read(&format!("backend: {{ auth: {{ externalAccess: [{entries}] }} }}"))
        .catalog
        .credentials
    {
        CatalogCredentials::Static { token, place } => format!("{} of {place}", token.expose()),
        CatalogCredentials::Minted => "minted".to_owned(),
        other => format!("{other:?}"),
    };
    let at =
        |index: usize| format!("backend.auth.externalAccess[{index}].options.token (app-config.production.yaml:1)");
    let token =
        |name: &str, rest: &str| format!("{{ type: static, options: {{ token: {name}-token, subject: x }}{rest} }}");
    assert_eq!(credentials(""), "minted");
    assert_eq!(credentials(&token("first", "")), format!("first-token of {}", at(0)));
    let other = token("other", ", accessRestrictions: [{ plugin: search }]");
    let one = token("one", ", accessRestrictions: [{ plugin: catalog, permission: catalog.entity.create }]");
    let own = token("own", ", accessRestrictions: [{ plugin: catalog }]");
    let legacy = "{ type: legacy, options: { secret: canary, subject: x } }";
    assert_eq!(credentials(&format!("{legacy}, {other}, {one}, {own}")), format!("own-token of {}", at(3)));
    assert_eq!(credentials(&format!("{legacy}, {other}")), "minted");
    assert!(read("").catalog.builder().build().is_err(), "what is minted has to be given");
}

#[test]
fn s_61_a_token_is_in_no_message_and_no_debug_form() {
    let settings =
        read("backend: { auth: { externalAccess: [{ type: static, options: { token: '${TOKEN}', subject: x } }] } }");
    assert!(!format!("{settings:?}{settings:#?}").contains("canary"));
    for token in ["canary", "canary-with space", "[canary]"] {
        let said = wrong(&format!(
            "backend: {{ auth: {{ externalAccess: [{{ type: static, options: {{ token: {token}, subject: x }} }}] }} }}"
        ));
        assert!(said.contains("backend.auth.externalAccess[0].options.token (app-config.production.yaml:1)"), "{said}");
        assert!(!said.contains("canary"), "{said}");
    }
    let unset = wrong("backend: { auth: { externalAccess: [{ type: static, options: { token: '${NO_TOKEN}' } }] } }");
    assert!(unset.contains("NO_TOKEN, which is not set"), "{unset}");
}
