//! Files as they are in use, and what stock Backstage makes of them.

use tower_alb_auth::{
    backstage::settings::{BackstageSettings, CatalogCredentials, Check, DatabaseTls},
    config::AppConfig,
    sign_in::Catalog,
};

const SIGNER: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";
const RESOLVERS: &str = "{ resolvers: [{ resolver: emailMatchingUserEntityProfileEmail }] }";

/// A file with all that is required, with these lines of the provider, of the back end and of others.
fn file(provider: &str, backend: &str, others: &str) -> String {
    format!(
        "app: {{ baseUrl: 'https://backstage.example.com' }}\nbackend:\n  baseUrl: https://backstage.example.com\n{backend}auth:\n  \
         providers:\n    awsalb:\n      signIn: {RESOLVERS}\n{provider}{others}"
    )
}

fn provider(issuer: &str) -> String {
    format!("      issuer: {issuer}\n      signer: {SIGNER}\n      clientIds: [backstage]\n")
}

fn load(files: &[&str], variables: &[(&str, &str)]) -> AppConfig {
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<_> = (0..files.len()).map(|number| folder.path().join(format!("{number}.yaml"))).collect();
    paths.iter().zip(files).for_each(|(path, text)| std::fs::write(path, text).expect("written"));
    AppConfig::load_from(paths, variables.iter().copied()).expect("YAML")
}

fn settings(config: &AppConfig) -> BackstageSettings {
    BackstageSettings::read(config).expect("sound")
}

fn summary(config: &AppConfig) -> String {
    let catalog = Catalog::at("https://backstage.example.com/api/catalog").token("a-token").build().expect("sound");
    config.alb_auth_in_catalog(&catalog).and_then(|builder| builder.build()).expect("sound").summary()
}

#[test]
fn defaults_fill_in_and_a_set_variable_wins() {
    let text = file(
        &provider("https://login.microsoftonline.com/${TENANT_ID:-0b6c2f3e}/v2.0"),
        "  listen: { port: '${PORT:-7007}' }\n  database:\n    client: pg\n    connection:\n      host: ${POSTGRES_HOST:-localhost}\n      port: \
         ${POSTGRES_PORT:-5432}\n      user: ${POSTGRES_USER:-backstage}\n      password: ${POSTGRES_PASSWORD:-canary}\n",
        "",
    )
    .replace("https://backstage.example.com", "https://${HOST:-backstage.example.com}");
    for (variables, host, port) in [
        (&[][..], "backstage.example.com", 7007),
        (
            &[("HOST", "other.example.com"), ("PORT", "8080"), ("POSTGRES_PASSWORD", "canary-set")],
            "other.example.com",
            8080,
        ),
    ] {
        let config = load(&[&text], variables);
        let read = settings(&config);
        assert_eq!(
            (read.base_url.as_str(), read.app_url.as_str()),
            (&*format!("https://{host}"), &*format!("https://{host}"))
        );
        assert_eq!(read.listen.port, port);
        assert!(summary(&config).contains("issuer https://login.microsoftonline.com/0b6c2f3e/v2.0"));
        let database = read.database.as_ref().expect("a database");
        assert_eq!((database.host.as_str(), database.port, database.user.as_str()), ("localhost", 5432, "backstage"));
        assert!(database.password.as_ref().is_some_and(|password| password.expose().starts_with("canary")));
        let check = Check::of(&config);
        assert!(check.is_sound(), "{check}");
        assert!(!format!("{check}{check:?}{read:?}{config:?}").contains("canary"), "{check}");
    }
}

/// The development issuer must not be trusted in production.
#[test]
fn a_default_of_a_later_file_wins_over_the_earlier_file() {
    let base = file(
        &provider("https://dev-idp.example.com"),
        "  listen: ':8080'\n",
        "  omitIdentityTokenOwnershipClaim: false\n",
    );
    let signer = SIGNER.replace("/edge/", "/prod/");
    let later = format!(
        "backend: {{ listen: ':${{PORT:-9090}}' }}\nauth:\n  omitIdentityTokenOwnershipClaim: ${{OMIT:-true}}\n  providers:\n    guest:\n      \
         dangerouslyAllowOutsideDevelopment: '${{ALLOW_GUESTS:-false}}'\n    awsalb:\n      issuer: \
         ${{ISSUER:-https://prod-idp.example.com}}\n      signer: ${{SIGNER:-{signer}}}\n"
    );
    let guests = base.replace("    awsalb:", "    guest: { dangerouslyAllowOutsideDevelopment: true }\n    awsalb:");
    let config = load(&[&guests, &later], &[]);
    let summary = summary(&config);
    assert!(summary.contains("https://prod-idp.example.com") && summary.contains(&signer), "{summary}");
    assert!(!summary.contains("dev-idp") && !summary.contains("/edge/"), "{summary}");
    let read = settings(&config);
    assert_eq!((read.listen.port, read.omit_ownership_claim), (9090, true));
    assert!(read.guest.is_some_and(|guest| !guest.outside_development));
}

/// As in stock Backstage, the earlier value holds; the operator should know it.
#[test]
fn an_earlier_value_that_an_unset_variable_leaves_in_use_is_a_warning() {
    let base = file(&provider("https://dev-idp.example.com"), "", "");
    let config = load(&[&base, "auth: { providers: { awsalb: { issuer: '${ISSUER}' } } }\n"], &[]);
    assert!(summary(&config).contains("https://dev-idp.example.com"));
    let warnings = settings(&config).warnings;
    let warned =
        |text: &String| text.starts_with("auth.providers.awsalb.issuer (") && text.contains("ISSUER, which is not set");
    assert!(warnings.iter().any(warned), "{warnings:?}");
}

#[test]
fn null_is_absent() {
    let text = file(
        &provider("https://idp.example.com"),
        "  listen: '0.0.0.0:7007'\n  cors: { origin: false }\n",
        "    guest: null\n    github: null\n",
    );
    let config = load(&[&text], &[]);
    assert_eq!(settings(&config).guest, None);
    let check = Check::of(&config);
    assert!(check.is_sound(), "{check}");
    let shown = check.to_string();
    assert!(!shown.contains("guest") && !shown.contains("github"), "{shown}");
    assert!(!config.keys().iter().any(|(key, _)| key.contains("guest") || key.contains("github")));
}

/// Stock back ends fail at it, since they look for `listen.host` in the earlier file.
#[test]
fn null_over_an_address_to_listen_at_is_a_mistake() {
    let base = file(&provider("https://idp.example.com"), "  listen: ':8080'\n", "");
    let said =
        BackstageSettings::read(&load(&[&base, "backend: { listen: null }\n"], &[])).map(drop).expect_err("null");
    assert!(said.to_string().contains("backend.listen ("), "{said}");
}

#[test]
fn a_guest_that_is_no_object_is_a_mistake() {
    let text = file(&provider("https://idp.example.com"), "", "    guest: true\n");
    let check = Check::of(&load(&[&text], &[]));
    assert!(check.to_string().contains("auth.providers.guest (") && !check.is_sound(), "{check}");
}

#[test]
fn an_srv_record_is_said_not_to_be_served() {
    for (plugin, side) in [("catalog", "internal"), ("auth", "external")] {
        let text = file(
            &provider("https://idp.example.com"),
            "",
            &format!(
                "discovery:\n  endpoints:\n    - target: {{ {side}: 'http+srv://_http._tcp.x.svc.cluster.local/api/{{{{pluginId}}}}' }}\n      \
                 plugins: [{plugin}]\n"
            ),
        );
        let said = BackstageSettings::read(&load(&[&text], &[])).map(drop).expect_err("not served").to_string();
        assert!(
            said.contains("by an SRV record (http+srv), which is not resolved here: write http or https"),
            "{said}"
        );
    }
    // Of another plugin, it concerns no part of this service.
    let other = file(
        &provider("https://idp.example.com"),
        "",
        "discovery: { endpoints: [{ target: { internal: 'http+srv://x.local' }, plugins: [search] }] }\n",
    );
    settings(&load(&[&other], &[]));
}

#[test]
fn a_connection_of_the_plugin_is_checked_with_the_one_below_it() {
    let backend = |below: &str, own: &str| {
        let text = file(
            &provider("https://idp.example.com"),
            &format!(
                "  database:\n    client: pg\n    pluginDivisionMode: schema\n    connection: {below}\n    plugin: {{ auth: {{ connection: {own} }} }}\n"
            ),
            "",
        );
        load(&[&text], &[])
    };
    let rds = "{ type: rds, host: db, port: 5432, user: iam, database: backstage }";
    let read =
        settings(&backend(rds, "{ type: default, host: db, user: backstage_auth, password: secret, ssl: true }"));
    let database = read.database.expect("a database");
    assert_eq!((database.user.as_str(), database.database.as_str()), ("backstage_auth", "backstage"));
    assert_eq!(database.tls, DatabaseTls::Verified { roots: None });
    // Without the type, the plugin's connection has that of the one below.
    let said =
        BackstageSettings::read(&backend(rds, "{ user: u, password: p }")).map(drop).expect_err("rds").to_string();
    assert!(said.contains("has type: rds and no TLS"), "{said}");
    // What the plugin's has, the other one need not have.
    let read = settings(&backend("{ host: db, user: u, password: '${UNSET}' }", "{ password: own }"));
    assert_eq!(
        read.database.and_then(|database| database.password).map(|password| password.expose().to_owned()),
        Some("own".into())
    );
    // A URL has all parts, those also that it leaves out.
    let read =
        settings(&backend("{ host: db, port: 6432, user: u, password: below, ssl: true }", "'postgres://own@h/d'"));
    let database = read.database.expect("a database");
    assert_eq!((database.host.as_str(), database.port, database.password.is_none()), ("h", 5432, true));
    assert_eq!(database.tls, DatabaseTls::Verified { roots: None });
}

#[test]
fn tables_are_looked_for_on_the_search_path_of_knex() {
    let path = |mode: &str, below: &str, own: &str| {
        let text = file(
            &provider("https://idp.example.com"),
            &format!(
                "  database:\n    client: pg\n    connection: ${{DATABASE_URL}}\n    pluginDivisionMode: {mode}\n    knexConfig: {below}\n    plugin: {{ \
                 auth: {{ knexConfig: {own} }} }}\n"
            ),
            "",
        );
        let read = settings(&load(&[&text], &[("DATABASE_URL", "postgres://u:p@h/db\n")]));
        let database = read.database.expect("a database");
        (database.schema.unwrap_or_default(), database.search_path.join(" "))
    };
    let of = |schema: &str, path: &str| (schema.to_owned(), path.to_owned());
    assert_eq!(path("database", "{ searchPath: [knex, public], pool: { min: 3 } }", "{}"), of("", "knex public"));
    assert_eq!(path("database", "{ searchPath: knex }", "{}"), of("", "knex"));
    assert_eq!(path("database", "{}", "{ searchPath: [own] }"), of("", "own"));
    assert_eq!(path("database", "{ searchPath: [a, b] }", "{ searchPath: [own] }"), of("", "own b"));
    // The plugin's schema takes the first place.
    assert_eq!(path("schema", "{ searchPath: [knex, public] }", "{}"), of("auth", "auth public"));
    assert_eq!(path("schema", "{}", "{}"), of("auth", ""));
}

#[test]
fn the_drivers_variables_set_what_the_files_leave_out() {
    let read = |connection: &str, variables: &[(&str, &str)]| {
        let text = file(
            &provider("https://idp.example.com"),
            &format!("  database: {{ client: pg, pluginDivisionMode: schema, connection: {connection} }}\n"),
            "",
        );
        BackstageSettings::read(&load(&[&text], variables))
    };
    let all = [
        ("PGHOST", "/run/postgresql"),
        ("PGPORT", "6432"),
        ("PGUSER", "u"),
        ("PGPASSWORD", "canary"),
        ("PGDATABASE", "d"),
        ("PGSSLMODE", "require"),
    ];
    let database = |connection: &str, variables: &[(&str, &str)]| {
        read(connection, variables).expect("sound").database.expect("a database")
    };
    let found = database("{}", &all);
    assert_eq!(
        (found.host.as_str(), found.port, found.user.as_str(), found.database.as_str()),
        ("/run/postgresql", 6432, "u", "d")
    );
    assert_eq!(found.password.map(|password| password.expose().to_owned()), Some("canary".into()));
    assert_eq!(found.tls, DatabaseTls::Verified { roots: None });
    let written = database("{ host: h, port: 1, user: v, password: w, database: e, ssl: false }", &all);
    assert_eq!(
        (written.host.as_str(), written.port, written.user.as_str(), written.database.as_str()),
        ("h", 1, "v", "e")
    );
    assert_eq!(
        (written.tls, written.password.map(|password| password.expose().to_owned())),
        (DatabaseTls::Off, Some("w".into()))
    );
    let url = database("'postgres://h/e'", &all);
    assert_eq!((url.host.as_str(), url.user.as_str(), url.tls), ("h", "u", DatabaseTls::Verified { roots: None }));
    for (mode, tls) in [
        ("disable", DatabaseTls::Off),
        ("prefer", DatabaseTls::Verified { roots: None }),
        ("verify-ca", DatabaseTls::Verified { roots: None }),
        ("no-verify", DatabaseTls::dangerously_accept_any_certificate()),
    ] {
        assert_eq!(database("{ user: u }", &[("PGSSLMODE", mode)]).tls, tls, "{mode}");
    }
    let said = read("{ user: u }", &[("PGSSLMODE", "allow")]).map(drop).expect_err("unknown").to_string();
    assert!(said.contains("PGSSLMODE has a value that the driver ignores: set it to one of disable, prefer"), "{said}");
    assert_eq!(database("{}", &[("USER", "operator")]).user, "operator");
    let said = read("{}", &[]).map(drop).expect_err("no user").to_string();
    assert!(said.contains("names no user"), "{said}");
}

/// What looks like "off" and is "on" in the driver for Node.js must not be off here.
#[test]
fn no_setting_encrypts_less_than_the_driver_for_node() {
    let read = |connection: &str| {
        let text = file(
            &provider("https://idp.example.com"),
            &format!("  database: {{ client: pg, connection: {connection} }}\n"),
            "",
        );
        BackstageSettings::read(&load(&[&text], &[("OFF", "false"), ("TEXT", "postgres://u@h/d?ssl=false")]))
    };
    for refused in [
        "{ user: u, ssl: '${OFF}' }",
        "{ user: u, ssl: off }",
        "{ user: u, ssl: 0 }",
        "{ user: u, ssl: { rejectUnauthorized: 'false' } }",
        "{ user: u, ssl: { rejectUnauthorized: '${OFF}' } }",
        "{ user: u, ssl: { rejectUnauthorized: 0 } }",
        "'${TEXT}'",
        "{ connectionString: '${TEXT}' }",
    ] {
        assert!(read(refused).is_err(), "{refused}");
    }
    let tls = |connection: &str| read(connection).expect("sound").database.expect("a database").tls;
    assert_eq!(tls("{ user: u, ssl: 'true' }"), DatabaseTls::Verified { roots: None });
    assert_eq!(tls("{ user: u, ssl: no-verify }"), DatabaseTls::dangerously_accept_any_certificate());
    assert_eq!(tls("'postgres://u@h/d?sslnegotiation=direct'"), DatabaseTls::Verified { roots: None });
}

#[test]
fn authorities_of_node_are_said_to_have_no_effect() {
    let warned = |ssl: &str, variables: &[(&str, &str)]| {
        let text = file(
            &provider("https://idp.example.com"),
            &format!("  database: {{ client: pg, connection: {{ user: u, ssl: {ssl} }} }}\n"),
            "",
        );
        let warnings = settings(&load(&[&text], variables)).warnings;
        warnings
            .iter()
            .any(|warning| warning.contains("NODE_EXTRA_CA_CERTS") && warning.contains("ssl: { ca: { $file:"))
    };
    let set = &[("NODE_EXTRA_CA_CERTS", "/etc/ca.pem")][..];
    assert!(warned("true", set));
    for (ssl, variables) in [("true", &[][..]), ("false", set), ("{ rejectUnauthorized: false }", set)] {
        assert!(!warned(ssl, variables), "{ssl}");
    }
}

#[test]
fn a_merge_key_does_not_merge() {
    let text = file(&format!("      <<: *c\n      signer: {SIGNER}\n"), "", "");
    let text = format!("common: &c\n  issuer: https://idp.example.com\n  clientIds: [a]\n{text}");
    let shown = Check::of(&load(&[&text], &[])).to_string();
    assert!(shown.contains("lacks issuer, clientIds") && shown.contains("auth.providers.awsalb.<<"), "{shown}");
}

#[test]
fn a_listener_is_not_called_trusted_because_a_resolver_is_unknown() {
    let listener = SIGNER.replace("loadbalancer", "listener");
    let text = file(&provider("https://idp.example.com").replace(SIGNER, &listener), "", "");
    let text = text.replace("emailMatchingUserEntityProfileEmail", "byMagic");
    let shown = Check::of(&load(&[&text], &[])).to_string();
    assert!(shown.contains("refused  auth.providers.awsalb.signer"), "{shown}");
    assert!(shown.contains("byMagic"), "{shown}");
}

#[test]
fn the_catalogs_token_may_come_from_a_default() {
    let text = file(
        &provider("https://idp.example.com"),
        "  auth: { externalAccess: [{ type: static, options: { token: '${TOKEN:-canary-token}', subject: auth } }] }\n",
        "",
    );
    let config = load(&[&text], &[]);
    let CatalogCredentials::Static { token, .. } = settings(&config).catalog.credentials else { panic!("a token") };
    assert_eq!(token.expose(), "canary-token");
    assert!(!Check::of(&config).to_string().contains("canary"));
}
