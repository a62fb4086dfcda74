//! File sets, environments and command lines, each from its seed.

use std::collections::BTreeMap;

use super::Case;

const SIGNER: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app";

/// Keys with values that they may have, as YAML. Those that begin with `~` are rarer.
const KEYS: &[(&str, &[&str])] = &[
    (
        "auth.providers.awsalb.issuer",
        &[
            "https://a.example.com",
            "${ISSUER}",
            "${ISSUER:-https://d.example.com}",
            "https://${HOST}/v2.0",
            "'https://${HOST:-h.example.com}/${PATH_PART:-v2}'",
            "{ $env: ISSUER }",
            "{ $file: issuer.txt }",
            "{ $include: 'parts.yaml#issuer' }",
            "'https://$${HOST}.example.com'",
            "~null",
            "~5",
            "~''",
            "~[a]",
            "~{ $include: missing.yaml }",
            "~{ $env: UNSET }",
        ],
    ),
    ("auth.providers.awsalb.signer", &["<a>", "<b>", "${SIGNER:-<b>}", "{ $env: SIGNER }", "~null", "~text"]),
    (
        "auth.providers.awsalb.clientIds",
        &["[a]", "[a, b]", "['${CLIENT}']", "['${CLIENT:-c}']", "[{ $env: CLIENT }, x]", "~null", "~['']"],
    ),
    (
        "auth.providers.awsalb.signIn.resolvers",
        &[
            "[{ resolver: emailMatchingUserEntityProfileEmail }]",
            "[{ resolver: emailMatchingUserEntityProfileEmail, allowedDomains: [a.example.com, b.example.com] }]",
            "[{ resolver: emailLocalPartMatchingUserEntityName, allowedDomains: ['${DOMAIN:-d.example.com}'] }]",
            "{ $include: 'parts.yaml#resolvers' }",
            "[{ resolver: emailMatchingUserEntityProfileEmail, allowedDomains: null }]",
            "~[{ resolver: emailMatchingUserEntityProfileEmail, allowedDomains: a.example.com }]",
            "~null",
            "~[]",
        ],
    ),
    ("auth.providers.awsalb.exposeAccessToken", FLAGS),
    (
        "auth.providers.guest",
        &["{}", "null", "{ dangerouslyAllowOutsideDevelopment: true }", "{ $env: UNSET }", "~true", "~''"],
    ),
    ("auth.providers.guest.dangerouslyAllowOutsideDevelopment", FLAGS),
    ("auth.providers.github", &["null", "{ development: { clientId: x } }", "~text"]),
    ("auth.omitIdentityTokenOwnershipClaim", FLAGS),
    ("auth.identityTokenAlgorithm", &["ES256", "null", "${UNSET}", "'${UNSET:-ES256}'", "~RS256"]),
    (
        "auth.backstageTokenExpiration",
        &[
            "{ hours: 2 }",
            "{ minutes: '${MINUTES:-30}' }",
            "1h",
            "90m",
            "PT1H30M",
            "{ minutes: 90, seconds: 30 }",
            "null",
            "${UNSET}",
            "~{}",
            "~''",
            "~nonsense",
        ],
    ),
    ("auth.keyStore.provider", &["memory", "database", "${STORE:-memory}", "null", "${UNSET}", "~''", "~true"]),
    ("app.baseUrl", &["https://app.example.com", "https://${HOST:-h.example.com}/", "${UNSET}", "~null", "~5"]),
    ("backend.baseUrl", &["https://backend.example.com", "https://${HOST:-h.example.com}", "${UNSET}", "~null"]),
    (
        "backend.listen",
        &[
            "':8080'",
            "':${PORT:-9090}'",
            "'127.0.0.1:7000'",
            "'8081'",
            "{ port: 7001 }",
            "{ port: '${PORT}', host: 127.0.0.1 }",
            "{ port: '0x1F90' }",
            "null",
            "${UNSET}",
            "~8082",
            "~{ port: x }",
            "~{ port: '' }",
            "~text",
        ],
    ),
    ("backend.listen.port", &["7002", "'7003'", "${PORT:-7004}", "~null", "'${PORT}'", "7e3"]),
    (
        "backend.auth.externalAccess",
        &[
            "[{ type: static, options: { token: '${TOKEN:-canary-token}', subject: s } }]",
            "[{ type: static, options: { token: { $file: token.txt }, subject: s } }]",
            "[{ type: static, options: { token: canary-other, subject: s }, accessRestrictions: [{ plugin: search }] }, { type: static, options: { token: canary-token, subject: s } }]",
            "[{ type: static, options: { token: canary-token, subject: s }, accessRestrictions: [{ plugin: catalog, permission: 'catalog.entity.read, x' }] }]",
            "[{ type: static, options: { token: canary-token, subject: s }, accessRestrictions: [{ plugin: catalog, permissionAttribute: { action: [update] } }] }]",
            "~[{ type: static, options: { token: canary-token } }]",
            "~[{ type: static, options: { token: canary-token, subject: s }, accessRestrictions: [{ plugins: [catalog] }] }]",
            "[]",
            "null",
            "~text",
            "~[text]",
        ],
    ),
    (
        "discovery.endpoints",
        &[
            "[{ target: 'https://c.example.com/api/{{pluginId}}', plugins: [catalog] }]",
            "[{ target: { internal: 'https://i.example.com/api/{{ pluginId }}', external: 'https://e.example.com/api/{{pluginId}}' }, plugins: [auth, catalog] }]",
            "[{ target: 'https://one.example.com/{{pluginId}}', plugins: ['*'] }, { target: { internal: 'https://two.example.com/{{pluginId}}' }, plugins: [catalog] }]",
            "[{ target: 'https://${HOST:-h.example.com}/{{pluginId}}', plugins: [catalog, auth] }, { target: 'https://last.example.com', plugins: [catalog] }]",
            "[]",
            "null",
            "~[{ target: { internal: 'http+srv://x.local' }, plugins: [catalog] }]",
            "~[{ target: 'https://x.example.com', plugins: catalog }]",
            "~[{ plugins: [catalog] }]",
            "~text",
        ],
    ),
    ("backend.database.client", &["pg", "pg", "pg", "better-sqlite3", "${UNSET}", "${CLIENT_DB:-pg}", "~null"]),
    (
        "backend.database.connection",
        &[
            "{ host: db.example.com, port: 6432, user: u, password: canary, database: d, ssl: true }",
            "{ host: '${DB_HOST:-db.example.com}', port: '${DB_PORT:-5433}', user: u, password: '${DB_PASSWORD:-canary}' }",
            "{ user: u, password: { $file: token.txt } }",
            "'postgres://u:canary@db.example.com:6432/d?sslmode=require'",
            "'${DATABASE_URL:-postgres://u:canary@db/d}'",
            "'postgres://u@db/d?sslmode=no-verify'",
            "{ connectionString: 'postgres://v:canary@cs.example.com/e', user: other }",
            "~':memory:'",
            "~null",
            "~[text]",
            "~{ type: rds, host: db, port: 5432, user: u, region: eu-central-1 }",
        ],
    ),
    (
        "backend.database.connection.connectionString",
        &[
            "postgres://v:canary@cs.example.com/e",
            "postgres://v@cs.example.com/e?sslmode=require",
            "postgres://v@cs.example.com/e?sslmode=no-verify",
            "postgres://v@cs.example.com/e?sslmode=disable",
            "postgres://cs.example.com?ssl=true",
            "${UNSET}",
            "null",
        ],
    ),
    (
        "backend.database.connection.ssl",
        &[
            "true",
            "false",
            "{ rejectUnauthorized: false }",
            "{ ca: { $file: ca.pem } }",
            "no-verify",
            "null",
            "~'false'",
            "~yes",
        ],
    ),
    ("backend.database.connection.password", &["canary", "'${DB_PASSWORD}'", "''", "null"]),
    ("backend.database.pluginDivisionMode", &["schema", "database", "${MODE:-schema}", "null"]),
    ("backend.database.prefix", &["corp_", "null", "${UNSET}"]),
    ("backend.database.schemaPrefix", &["b_", "null", "~'1'"]),
    ("backend.database.ensureExists", FLAGS),
    ("backend.database.role", &["r", "null", "${ROLE:-r2}"]),
    (
        "backend.database.knexConfig",
        &["{ searchPath: [knex, public] }", "{ searchPath: one }", "{ pool: { min: 3 } }", "null"],
    ),
    ("backend.database.plugin.auth.knexConfig", &["{ searchPath: [own] }", "null"]),
    (
        "backend.database.plugin.auth.connection",
        &[
            "{ host: own.example.com, user: own, password: canary }",
            "{ password: '${DB_PASSWORD:-canary}' }",
            "{ database: own_tables }",
            "{ ssl: { ca: { $file: ca.pem } } }",
            "{ ssl: { rejectUnauthorized: true } }",
            "'postgres://own@own.example.com/own?sslmode=verify-full'",
            "null",
            "${UNSET}",
        ],
    ),
    ("backend.database.plugin.auth.client", &["pg", "null", "~better-sqlite3"]),
    ("backend.database.plugin.auth.role", &["own_role", "null"]),
    ("backend.database.plugin.auth.ensureExists", FLAGS),
];

const FLAGS: &[&str] = &[
    "true",
    "false",
    "'true'",
    "yes",
    "off",
    "1",
    "0",
    "'Y'",
    "${FLAG}",
    "${FLAG:-true}",
    "${FLAG:-no}",
    "null",
    "${UNSET}",
    "~''",
    "~maybe",
    "~2",
    "~[]",
];

/// Variables with values that they may have.
const VARIABLES: &[(&str, &[&str])] = &[
    ("ISSUER", &["https://var.example.com", " https://var.example.com\n", ""]),
    ("SIGNER", &["<b>", "<b>\n"]),
    ("CLIENT", &["client", "client\n", ""]),
    ("DOMAIN", &["var.example.com", "var.example.com\n"]),
    ("HOST", &["host.example.com", "\thost.example.com ", ""]),
    ("PATH_PART", &["v3", ""]),
    ("FLAG", &["true", "false", "On\n", "n", "", "0"]),
    ("PORT", &["8085", "8085\n"]),
    ("MINUTES", &["45", ""]),
    ("STORE", &["database", ""]),
    ("TOKEN", &["canary-variable", "canary-variable\n", ""]),
    ("DB_HOST", &["var-db.example.com", ""]),
    ("DB_PORT", &["7432", ""]),
    ("DB_PASSWORD", &["canary-variable", "canary-variable\n", ""]),
    (
        "DATABASE_URL",
        &["postgres://url:canary@url.example.com/e\n", "postgresql://url:canary@url.example.com:7000/e?ssl=true"],
    ),
    ("MODE", &["database", "schema", ""]),
    ("PGHOST", &["pg.example.com", ""]),
    ("PGPORT", &["9999"]),
    ("PGUSER", &["pg-user"]),
    ("USER", &["operator"]),
    ("PGPASSWORD", &["canary-pg"]),
    ("PGDATABASE", &["pg-database"]),
    ("PGSSLMODE", &["require", "disable", "no-verify", "verify-full", "allow"]),
    (
        "APP_CONFIG_auth_providers_awsalb_issuer",
        &["https://over.example.com", "\"https://over.example.com\"", "", "~null"],
    ),
    ("APP_CONFIG_auth_omitIdentityTokenOwnershipClaim", &["true", "\"off\"", "0"]),
    ("APP_CONFIG_auth_providers_guest", &["{}", "{\"dangerouslyAllowOutsideDevelopment\": \"yes\"}"]),
    ("APP_CONFIG_backend_listen", &["\":8088\"", ":8088", "{\"port\": 8089}"]),
    ("APP_CONFIG_app_baseUrl", &["https://over-app.example.com", "~5"]),
    ("APP_CONFIG_backend_database_connection_host", &["over-db.example.com"]),
    (
        "APP_CONFIG_backend_database",
        &["{\"client\": \"pg\", \"connection\": {\"user\": \"json\", \"password\": null}}"],
    ),
    ("APP_CONFIG_backend__x", &["~x"]),
    ("BACKSTAGE_ENV", &["production", " production, test"]),
];

/// What an earlier file has, so that most cases can be read.
const BASE: &[(&str, &str)] = &[
    ("app.baseUrl", "https://base.example.com"),
    ("backend.baseUrl", "https://base.example.com"),
    ("auth.providers.awsalb.issuer", "https://base-idp.example.com"),
    ("auth.providers.awsalb.signer", "<a>"),
    ("auth.providers.awsalb.clientIds", "[base-client]"),
    (
        "auth.providers.awsalb.signIn.resolvers",
        "[{ resolver: emailMatchingUserEntityProfileEmail, allowedDomains: [base.example.com] }]",
    ),
    ("backend.database.client", "pg"),
    ("backend.database.connection.host", "base-db.example.com"),
    ("backend.database.connection.user", "base"),
];

/// Beside the files, for `$file` and `$include`.
const PARTS: &[(&str, &str)] = &[
    ("issuer.txt", "https://file.example.com\n\n"),
    ("token.txt", "canary-from-a-file \n"),
    ("ca.pem", include_str!("../../support/authority.pem")),
    (
        "parts.yaml",
        "issuer: https://${HOST:-part.example.com}\nresolvers:\n  - resolver: emailMatchingUserEntityProfileEmail\n    allowedDomains: [{ $file: domain.txt }]\n",
    ),
    ("domain.txt", "part.example.com\n"),
];

/// A sequence of numbers that looks random (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((number ^ (number >> 31)) % end as u64).expect("small")
    }

    fn one_in(&mut self, number: usize) -> bool {
        self.below(number) == 0
    }

    /// One of them; a rare one seldom.
    fn of<'v>(&mut self, values: &'v [&'v str]) -> &'v str {
        loop {
            let value = values[self.below(values.len())];
            match value.strip_prefix('~') {
                Some(rare) if self.one_in(40) => return rare,
                Some(_) => {}
                None => return value,
            }
        }
    }
}

pub fn generated(seed: u64) -> Case {
    let mut numbers = Numbers(seed);
    let by_default = numbers.one_in(3);
    let mut names: Vec<&str> = vec!["app-config.yaml"];
    let later = [
        "app-config.local.yaml",
        "app-config.production.yaml",
        "app-config.production.local.yaml",
        "app-config.test.yaml",
    ];
    names.extend(later.iter().filter(|_| numbers.one_in(2)));
    let mut files: Vec<(String, String)> =
        PARTS.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    for (index, name) in names.iter().enumerate() {
        let mut tree = Tree::default();
        if index == 0 && !numbers.one_in(20) {
            BASE.iter().for_each(|(key, value)| tree.add(key, value));
        }
        for _ in 0..=numbers.below(7) {
            let (key, values) = KEYS[numbers.below(KEYS.len())];
            tree.add(key, numbers.of(values));
        }
        files.push(((*name).to_owned(), signers(&tree.text(0))));
    }
    let named = if by_default { Vec::new() } else { names.iter().map(|name| (*name).to_owned()).collect() };
    let mut variables = Vec::new();
    for (name, values) in VARIABLES {
        if numbers.one_in(if name.starts_with("APP_CONFIG") { 12 } else { 4 }) {
            let value = numbers.of(values);
            variables.push(((*name).to_owned(), signers(value)));
        }
    }
    Case { name: format!("seed {seed}"), files, named, variables }
}

fn signers(text: &str) -> String {
    text.replace("<a>", &format!("{SIGNER}/a/50dc6c495c0c9188")).replace("<b>", &format!("{SIGNER}/b/60dc6c495c0c9188"))
}

/// A key's value, or the keys below it.
#[derive(Default)]
struct Tree {
    value: Option<String>,
    below: BTreeMap<String, Tree>,
}

impl Tree {
    fn add(&mut self, key: &str, value: &str) {
        let mut node = self;
        for part in key.split('.') {
            node.value = None;
            node = node.below.entry(part.to_owned()).or_default();
        }
        node.below.clear();
        node.value = Some(value.to_owned());
    }

    fn text(&self, depth: usize) -> String {
        let mut text = String::new();
        for (name, node) in &self.below {
            let indent = "  ".repeat(depth);
            match &node.value {
                Some(value) => text.push_str(&format!("{indent}{name}: {value}\n")),
                None => text.push_str(&format!("{indent}{name}:\n{}", node.text(depth + 1))),
            }
        }
        text
    }
}
