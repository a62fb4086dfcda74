//! Files as teams write them: what stock Backstage makes of them holds here too, or the start refuses them with the reason.

use tower_alb_auth::{
    backstage::settings::{CatalogCredentials, Check, DatabaseTls},
    config::{AppConfig, ProblemKind},
};

use crate::settings::{BASE, config, read, with, wrong};

const AUTHORITY: &str = include_str!("../../support/authority.pem");

fn database(connection: &str) -> String {
    format!("backend: {{ database: {{ client: pg, connection: {connection} }} }}\n")
}

fn warnings(text: &str) -> String {
    read(text).warnings.join("\n")
}

/// Stock Backstage verifies the certificate with `sslmode=require` in the string: the driver puts what the string says about encryption
/// in the place of all of `ssl`.
#[test]
fn s_240_a_connection_string_takes_the_place_of_ssl() {
    let tls = |members: &str| read(&database(&format!("{{ user: u, {members} }}"))).database.expect("a database").tls;
    let verified = DatabaseTls::Verified { roots: None };
    for (members, expected) in [
        ("connectionString: 'postgres://u@h/d?sslmode=require', ssl: { rejectUnauthorized: false }", verified.clone()),
        ("connectionString: 'postgres://u@h/d?ssl=true', ssl: { rejectUnauthorized: false }", verified.clone()),
        ("connectionString: 'postgres://u@h/d?sslmode=verify-full', ssl: false", verified.clone()),
        ("connectionString: 'postgres://u@h/d?sslmode=disable', ssl: true", DatabaseTls::Off),
    ] {
        assert_eq!(tls(members), expected, "{members}");
        let said = warnings(&database(&format!("{{ user: u, {members} }}")));
        assert!(
            said.contains("connectionString (app-config.production.yaml:1): says something about encryption"),
            "{said}"
        );
    }
    let roots = format!("connectionString: 'postgres://u@h/d?sslmode=require', ssl: {{ ca: {AUTHORITY:?} }}");
    assert_eq!(tls(&roots), verified, "the authority is not trusted, as in stock back ends");
    // A string that says nothing leaves ssl as it is.
    let silent = "connectionString: 'postgres://u@h/d', ssl: { rejectUnauthorized: false }";
    assert!(!matches!(tls(silent), DatabaseTls::Verified { .. } | DatabaseTls::Off), "{silent}");
    assert!(!warnings(&database(&format!("{{ user: u, {silent} }}"))).contains("says something about encryption"));
    let own = "backend:\n  database:\n    client: pg\n    connection: { user: u, ssl: { rejectUnauthorized: false } }\n    plugin: { auth: { \
               connection: { connectionString: 'postgres://u@h/d?sslmode=require' } } }\n";
    assert_eq!(read(own).database.expect("a database").tls, verified);
}

#[test]
fn the_host_of_a_database_is_a_host_alone() {
    for (host, fix) in [
        ("db.example.com:5432", "write host: <host> and port: <port>"),
        ("10.0.0.7:5432", "write host: <host> and port: <port>"),
        ("https://db.example.com", "the name or the IP address of one host alone"),
        ("postgres://u:canary@db.example.com/d", "the name or the IP address of one host alone"),
        ("db1.example.com,db2.example.com", "the name or the IP address of one host alone"),
        ("[::1]", "the name or the IP address of one host alone"),
        ("db.example.com/d", "the name or the IP address of one host alone"),
        ("db example", "the name or the IP address of one host alone"),
    ] {
        let said = wrong(&database(&format!("{{ host: '{host}', user: u }}")));
        assert!(said.contains("backend.database.connection.host (app-config.production.yaml:1)"), "{host}: {said}");
        assert!(said.contains(fix) && !said.contains("canary"), "{host}: {said}");
    }
    for host in ["db.example.com", "db_1", "10.0.0.7", "::1", "fe80::1%eth0", "/cloudsql/p:r:i", "DB.Example.com"] {
        let read = read(&database(&format!("{{ host: '{host}', user: u }}"))).database.expect("a database");
        assert_eq!(read.host, host);
    }
    // Beside other mistakes.
    let both = wrong(&database("{ host: 'h:5432', port: x, user: u }"));
    assert!(both.contains("connection.host") && both.contains("connection.port"), "{both}");
}

#[test]
fn a_database_of_iam_without_a_region_is_a_warning() {
    let text = |region: &str| {
        database(&format!("{{ type: rds, host: db.example.com, port: 5432, user: u, ssl: true{region} }}"))
    };
    assert!(
        warnings(&text("")).contains("has type: rds and no region, so the service starts only if AWS_REGION is set")
    );
    assert!(!warnings(&text(", region: eu-central-1")).contains("no region"));
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        let of_environment = |asked: &str| (asked == name).then(|| "eu-central-1".to_owned());
        let config = AppConfig::from_text(
            "app-config.yaml",
            &format!("{}{}", text(""), BASE.replace("backend:", "x:")),
            of_environment,
        );
        let check = Check::of(&config.expect("YAML"));
        assert!(!check.to_string().contains("no region"), "{name}: {check}");
    }
}

#[test]
fn an_address_to_listen_at_is_one() {
    for written in ["'http://0.0.0.0:7007'", "'::1:7007'", "'*:7007'", "' :7007 '", "'[x]:7007'", "':7007/'"] {
        let said = wrong(&format!("backend: {{ listen: {written} }}"));
        assert!(
            said.contains("backend.listen (app-config.production.yaml:1) must be :<port> or <host>:<port>"),
            "{said}"
        );
    }
    for host in ["127.0.0.1:7008", "http://127.0.0.1", "*", "a b"] {
        let said = wrong(&format!("backend: {{ listen: {{ host: '{host}' }} }}"));
        assert!(said.contains("backend.listen.host (app-config.production.yaml:1) is no host"), "{said}");
    }
    for (host, expected) in [("'::'", "::"), ("'[::1]'", "::1"), ("localhost", "localhost"), ("0.0.0.0", "0.0.0.0")] {
        assert_eq!(read(&format!("backend: {{ listen: {{ host: {host} }} }}")).listen.host.as_deref(), Some(expected));
    }
}

/// They would leave the service at every interface and the usual port.
#[test]
fn an_unknown_member_of_the_address_to_listen_at_is_reported() {
    let text = "backend: { listen: { hots: 127.0.0.1, address: 127.0.0.1, prot: 7008 } }";
    let said = warnings(text);
    for part in [
        "backend.listen.hots (app-config.production.yaml:1) is ignored: it is not a known setting. Did you mean host?",
        "backend.listen.address (app-config.production.yaml:1) is ignored: it is not a known setting",
        "backend.listen.prot (app-config.production.yaml:1) is ignored: it is not a known setting. Did you mean port?",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let check = Check::of(&config(text).over(config(BASE))).to_string();
    assert!(check.contains("ignored  backend.listen.hots (") && !check.contains("used     backend.listen."), "{check}");
}

fn external(entries: &str) -> String {
    format!("backend: {{ auth: {{ externalAccess: [{entries}] }} }}")
}

fn token(text: &str) -> Option<String> {
    match read(text).catalog.credentials {
        CatalogCredentials::Static { token, .. } => Some(token.expose().to_owned()),
        _ => None,
    }
}

#[test]
fn a_token_that_may_read_the_catalog_is_used() {
    for (restrictions, is_used) in [
        ("", true),
        (", accessRestrictions: []", true),
        (", accessRestrictions: null", true),
        (", accessRestrictions: [{ plugin: catalog }]", true),
        (", accessRestrictions: [{ plugin: search }, { plugin: catalog }]", true),
        (", accessRestrictions: [{ plugin: catalog, permission: catalog.entity.read }]", true),
        (", accessRestrictions: [{ plugin: catalog, permission: 'catalog.entity.create, catalog.entity.read' }]", true),
        (", accessRestrictions: [{ plugin: catalog, permission: [catalog.entity.create, catalog.entity.read] }]", true),
        (", accessRestrictions: [{ plugin: catalog, permissionAttribute: { action: read } }]", true),
        (", accessRestrictions: [{ plugin: catalog, permissionAttribute: { action: [create, read] } }]", true),
        (", accessRestrictions: [{ plugin: catalog, permissionAttribute: {} }]", true),
        (", accessRestrictions: [{ plugin: search }]", false),
        (", accessRestrictions: [{ plugin: catalog, permission: catalog.entity.create }]", false),
        (", accessRestrictions: [{ plugin: catalog, permission: '${NOT_SET}' }]", false),
        (", accessRestrictions: [{ plugin: catalog, permissionAttribute: { action: update } }]", false),
        (", accessRestrictions: [{ plugin: search, permission: catalog.entity.read }]", false),
        (
            ", accessRestrictions: [{ plugin: catalog, permission: catalog.entity.read, permissionAttribute: { action: create } }]",
            false,
        ),
    ] {
        let text =
            external(&format!("{{ type: static, options: {{ token: canary-token, subject: s }}{restrictions} }}"));
        assert_eq!(token(&text).is_some(), is_used, "{restrictions}");
    }
}

#[test]
fn mistakes_in_external_access_are_those_of_stock_backstage() {
    for (entries, parts) in [
        (
            "{ options: { token: canary-token, subject: s } }",
            &["externalAccess[0] (app-config.production.yaml:1) lacks type"][..],
        ),
        (
            "{ type: static, token: canary-token, subject: s }",
            &["externalAccess[0] (app-config.production.yaml:1) lacks options"],
        ),
        (
            "{ type: static, options: { token: canary-token } }",
            &["externalAccess[0].options (app-config.production.yaml:1) lacks subject"],
        ),
        (
            "{ type: static, options: { subject: s } }",
            &["externalAccess[0].options (app-config.production.yaml:1) lacks token"],
        ),
        (
            "{ type: jwks, options: { issuer: x } }",
            &["externalAccess[0].options (app-config.production.yaml:1) lacks url"],
        ),
        (
            "{ type: static, options: { token: canary-token, subject: s }, accessRestrictions: [{ plugins: [catalog] }] }",
            &[
                "accessRestrictions[0].plugins (app-config.production.yaml:1) is not a known setting. Did you mean plugin?",
                "lacks plugin",
            ],
        ),
        (
            "{ type: static, options: { token: canary-token, subject: s }, accessRestrictions: [{ plugin: catalog }, { plugin: catalog }] }",
            &["accessRestrictions[1] (app-config.production.yaml:1) names the plugin \"catalog\" again"],
        ),
        // A mistake in a later entry is one too.
        (
            "{ type: static, options: { token: canary-token, subject: s } }, { type: legacy }",
            &["externalAccess[1] (app-config.production.yaml:1) lacks options"],
        ),
    ] {
        let said = wrong(&external(entries));
        assert!(parts.iter().all(|part| said.contains(part)) && !said.contains("canary"), "{entries}: {said}");
    }
    // What only other back ends need may be in their environment alone.
    let of_others = "{ type: legacy, options: { secret: '${NOT_SET}', subject: '${NOT_SET}' } }, { type: custom, options: { a: b } }, \
                     { type: static, options: { token: canary-token, subject: s } }, { type: static, options: { token: '${NOT_SET}', subject: s } }";
    assert_eq!(token(&external(of_others)).as_deref(), Some("canary-token"));
    let said = warnings(&external("{ type: Static, options: { token: canary-token, subject: s } }"));
    assert!(said.contains("externalAccess[0].type (app-config.production.yaml:1): \"Static\" is no type of stock back ends; did you mean static?"), "{said}");
    // One mistake hides no other.
    let both = format!(
        "{}discovery: {{ endpoints: [{{ target: 'http://catalog.internal/api/catalog', plugins: [catalog] }}] }}",
        "backend: { auth: { externalAccess: [{ type: static, options: { token: '${NOT_SET}', subject: s } }] } }\n"
    );
    let said = wrong(&both);
    assert!(said.contains("NOT_SET") && said.contains("the catalog's address is plain http"), "{said}");
}

#[test]
fn a_key_that_is_refused_is_not_also_called_unknown() {
    for text in
        ["auth: { providers: [awsalb] }", "auth: { keyStore: memory }", "auth: { backstageTokenExpiration: 3600 }"]
    {
        let check = Check::of(&config(text).over(config(BASE)));
        assert!(!check.is_sound());
        assert!(!check.warnings().iter().any(|warning| warning.contains("is ignored")), "{:?}", check.warnings());
    }
    let firestore = Check::of(&config("auth: { keyStore: { static: memory } }").over(config(BASE)));
    assert!(firestore.warnings().iter().any(|warning| warning.contains("auth.keyStore.static (")), "{firestore}");
}

/// A waiver that is not set is not reported as one.
#[test]
fn an_insecure_origin_is_called_waived_only_if_it_is() {
    let origin = "backend: { cors: { origin: http://localhost:3000 } }\n";
    let check = Check::of(&config(origin).over(config(BASE)));
    assert!(check.problems().iter().any(|problem| problem.kind() == ProblemKind::Insecure), "{check}");
    assert!(!check.to_string().contains("because the check is waived"), "{check}");
    let waived = format!("{origin}auth: {{ providers: {{ awsalb: {{ dangerouslyAllowInsecureOrigins: true }} }} }}\n");
    let check = Check::of(&config(&waived).over(config(BASE)));
    assert!(check.to_string().contains("because the check is waived"), "{check}");
}

#[test]
fn durations_are_those_of_stock_backstage() {
    let lifetime = |written: &str| {
        with(&format!("auth: {{ backstageTokenExpiration: {written} }}")).map(|read| read.token_lifetime.as_secs())
    };
    for (written, seconds) in [
        ("{ hours: 2 }", 7200),
        ("{ hours: '2' }", 7200),
        ("{ hours: 1.5, minutes: 30 }", 7200),
        ("2h", 7200),
        ("'2 hours'", 7200),
        ("2H", 7200),
        ("' 2h '", 7200),
        ("'.5h'", 1800),
        ("7200000ms", 7200),
        ("PT2H", 7200),
        ("P1D", 86_400),
        ("'PT3600,5S'", 3601),
        ("'${EXPIRATION:-45m}'", 2700),
        ("null", 3600),
        ("'1w'", 86_400),
        ("{ minutes: 5 }", 600),
    ] {
        assert_eq!(lifetime(written).ok(), Some(seconds), "{written}");
    }
    for written in [
        "3600",
        "'3600'",
        "'1.h'",
        "PT.5H",
        "'-1h'",
        "-PT1H",
        "pt2h",
        "'1mo'",
        "{ hour: 1 }",
        "{}",
        "''",
        "[1h]",
        "true",
    ] {
        let said = lifetime(written).expect_err(written).to_string();
        assert!(said.contains("auth.backstageTokenExpiration"), "{written}: {said}");
    }
}

/// The start would refuse them later, by the name of a method.
#[test]
fn an_authority_that_cannot_be_one_is_named_by_its_key() {
    let at = "backend.database.connection.ssl.ca (app-config.production.yaml:1) ";
    let escaped = AUTHORITY.replace('\n', "\\n");
    for (authority, part) in [
        (escaped.as_str(), "it has the characters \\n where line feeds belong"),
        ("/etc/ssl/rds.pem", "has no PEM block CERTIFICATE: write it as $file"),
        ("LS0tLS1CRUdJTiBD", "has no PEM block CERTIFICATE: write it as $file"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----", "has a certificate that cannot be a root"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n", "has an invalid PEM block"),
    ] {
        let said = wrong(&database(&format!("{{ user: u, ssl: {{ ca: {authority:?} }} }}")));
        assert!(said.contains(at) && said.contains(part) && !said.contains("pem_roots"), "{authority}: {said}");
        // Nothing is verified with it.
        read(&database(&format!("{{ user: u, ssl: {{ rejectUnauthorized: false, ca: {authority:?} }} }}")));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----").expect("written");
    let said = wrong(&database(&format!("'postgres://u@h/d?sslrootcert={}'", file.display())));
    assert!(
        said.contains(
            "connection (app-config.production.yaml:1) has an sslrootcert that has a certificate that cannot"
        ),
        "{said}"
    );
}
