//! File sets as teams write them, after public questions and reports: databases, addresses, lifetimes, resolvers, tokens and includes.

use super::{
    Case,
    cases::{database, over, provider},
};

const AUTHORITY: &str = include_str!("../../support/authority.pem");

pub fn field() -> Vec<Case> {
    [databases(), addresses(), lifetimes(), others(), values()].concat()
}

fn databases() -> Vec<Case> {
    vec![
        database(
            "a string with sslmode beside ssl",
            "connection: { connectionString: \"postgres://u:canary@db.example.com/d?sslmode=require\", ssl: { rejectUnauthorized: false } }",
            &[],
        ),
        database(
            "a string with sslmode beside an authority",
            "connection: { connectionString: \"postgres://u@db.example.com/d?sslmode=require\", ssl: { ca: '${AUTHORITY}' } }",
            &[("AUTHORITY", AUTHORITY)],
        ),
        database(
            "a string without sslmode beside ssl",
            "connection: { connectionString: \"postgres://u@db.example.com/d\", ssl: { rejectUnauthorized: false } }",
            &[],
        ),
        database(
            "a string with sslmode=disable beside ssl",
            "connection: { connectionString: \"postgres://u@db.example.com/d?sslmode=disable\", ssl: true }",
            &[],
        ),
        database(
            "a plugin string with sslmode over ssl",
            "connection: { user: u, ssl: { rejectUnauthorized: false } }\n    plugin: { auth: { connection: { connectionString: \"postgres://u@h/d?sslmode=require\" } } }",
            &[],
        ),
        database(
            "ssl of a plugin over a URL",
            "connection: postgres://u:canary@db.example.com/d?sslmode=require\n    plugin: { auth: { connection: { ssl: { rejectUnauthorized: false } } } }",
            &[],
        ),
        database(
            "an authority of a plugin",
            "connection: { user: u, ssl: { rejectUnauthorized: false } }\n    plugin: { auth: { connection: { ssl: { ca: '${AUTHORITY}' } } } }",
            &[("AUTHORITY", AUTHORITY)],
        ),
        database(
            "ssl from a variable",
            "connection: { user: u, ssl: \"${POSTGRES_SSL}\" }",
            &[("POSTGRES_SSL", "true")],
        ),
        database(
            "ssl as JSON in a variable",
            "connection: { user: u, ssl: \"${POSTGRES_SSL}\" }",
            &[("POSTGRES_SSL", "{\"rejectUnauthorized\":false}")],
        ),
        database("ssl: require", "connection: { user: u, ssl: require }", &[]),
        database(
            "all parts from variables",
            "connection: { host: \"${PH}\", port: \"${PP}\", user: \"${PU}\", password: \"${PW}\" }",
            &[("PH", "db"), ("PP", "5433"), ("PU", "u"), ("PW", "canary")],
        ),
        database(
            "a port from a variable that is not set",
            "connection: { host: \"${PH}\", port: \"${PP}\", user: u }",
            &[("PH", "db")],
        ),
        database(
            "schemas",
            "connection: { host: h, user: u, database: backstage }\n    pluginDivisionMode: schema\n    ensureExists: false\n    ensureSchemaExists: true",
            &[],
        ),
        database("an empty prefix", "connection: { user: u }\n    prefix: \"\"", &[]),
        database("a prefix", "connection: { user: u }\n    prefix: bs_", &[]),
        database(
            "a database of the plugin",
            "connection: { user: u, password: canary }\n    plugin: { auth: { connection: { database: authdb } } }",
            &[],
        ),
        database(
            "a plugin in memory",
            "connection: { user: u }\n    plugin: { auth: { client: better-sqlite3, connection: \":memory:\" } }",
            &[],
        ),
        database("a host with a port", "connection: { host: \"db.example.com:5432\", user: u }", &[]),
        database("several hosts", "connection: \"postgres://u@h1,h2/d\"", &[]),
        database("the folder of a socket", "connection: { host: /cloudsql/p:r:i, user: u, password: canary }", &[]),
        database("the folder of a socket in a URL", "connection: \"postgres://u:canary@/d?host=/cloudsql/p:r:i\"", &[]),
        database("a number sign in a password", "connection: \"postgres://u:canary#1@h/d\"", &[]),
        database("a percent sign in a password", "connection: \"postgres://u:can%ary@h/d\"", &[]),
        database("an at-sign in a password", "connection: \"postgres://u:canary@1@h/d\"", &[]),
        database("a slash in a password", "connection: \"postgres://u:canary/1@h/d\"", &[]),
        database("a plus and an escape in a password", "connection: \"postgres://u:canary+1%20@h/d\"", &[]),
        database("parameters for others", "connection: \"postgres://u@h/d?schema=auth&sslmode=prefer\"", &[]),
        database("a URL for Java", "connection: \"jdbc:postgresql://h/d\"", &[]),
        database("a pool", "connection: { user: u }\n    knexConfig: { pool: { min: 3, max: 12 } }", &[]),
        database("ssl beside the connection", "connection: { user: u }\n    ssl: true", &[]),
        database(
            "tokens of IAM",
            "connection: { type: rds, host: db, port: 5432, user: u, region: eu-central-1, ssl: { ca: '${AUTHORITY}' } }",
            &[("AUTHORITY", AUTHORITY)],
        ),
        database(
            "tokens of IAM in the region of the environment",
            "connection: { type: rds, host: db, port: 5432, user: u, ssl: true }",
            &[("AWS_REGION", "eu-central-1")],
        ),
        database(
            "an authority with escaped line feeds",
            "connection: { user: u, ssl: { ca: '${AUTHORITY}' } }",
            &[("AUTHORITY", "-----BEGIN CERTIFICATE-----\\nAAAA\\n-----END CERTIFICATE-----")],
        ),
        database("an authority as a path", "connection: { user: u, ssl: { ca: /etc/ssl/rds.pem } }", &[]),
        database("an unknown member of ssl", "connection: { user: u, ssl: { sslmode: require } }", &[]),
        database("a number as the password", "connection: { user: u, password: 12345678 }", &[]),
    ]
}

fn addresses() -> Vec<Case> {
    vec![
        over("listen: a port alone", "backend: { listen: ':7007' }\n", &[]),
        over("listen: a port as text", "backend: { listen: '7007' }\n", &[]),
        over("listen: an address", "backend: { listen: '0.0.0.0:7007' }\n", &[]),
        over("listen: a name", "backend: { listen: 'localhost:7007' }\n", &[]),
        over("listen: IPv6 without brackets", "backend: { listen: '::1:7007' }\n", &[]),
        over("listen: an object", "backend: { listen: { host: 127.0.0.1, port: 7008 } }\n", &[]),
        over("listen: an unknown member", "backend: { listen: { address: 127.0.0.1, port: 7008 } }\n", &[]),
        over("listen: port 0", "backend: { listen: { port: 0 } }\n", &[]),
        over("listen: IPv6 in an object", "backend: { listen: { host: '::', port: 7007 } }\n", &[]),
        over("listen: a URL", "backend: { listen: 'http://0.0.0.0:7007' }\n", &[]),
        over("listen: an empty text", "backend: { listen: '' }\n", &[]),
        over("listen: true", "backend: { listen: true }\n", &[]),
        over("listen: a fraction", "backend: { listen: { port: 7007.5 } }\n", &[]),
        over(
            "discovery: catalog",
            "discovery: { endpoints: [{ target: \"https://catalog.example.com/api/catalog\", plugins: [catalog] }] }\n",
            &[],
        ),
        over(
            "discovery: both sides",
            "discovery: { endpoints: [{ target: { internal: \"https://catalog.example.com/api/{{ pluginId }}\", external: \"https://x.example.com/api/{{pluginId}}\" }, plugins: [catalog, auth] }] }\n",
            &[],
        ),
        over(
            "discovery: all plugins",
            "discovery: { endpoints: [{ target: \"https://all.example.com/api/{{pluginId}}\", plugins: [\"*\"] }] }\n",
            &[],
        ),
        over(
            "discovery: a text for plugins",
            "discovery: { endpoints: [{ target: \"https://catalog.example.com/api/catalog\", plugins: catalog }] }\n",
            &[],
        ),
        over(
            "discovery: a slash at the end",
            "discovery: { endpoints: [{ target: \"https://catalog.example.com/api/catalog/\", plugins: [catalog] }] }\n",
            &[],
        ),
        over(
            "discovery: browsers alone",
            "discovery: { endpoints: [{ target: { external: \"https://x.example.com/api/catalog\" }, plugins: [catalog] }] }\n",
            &[],
        ),
        over(
            "discovery: twice",
            "discovery: { endpoints: [{ target: \"https://a.example.com/api/catalog\", plugins: [catalog] }, { target: \"https://b.example.com/api/catalog\", plugins: [catalog] }] }\n",
            &[],
        ),
        over(
            "discovery: slips",
            "discovery: { endpoints: [{ targets: \"https://a.example.com/api/catalog\", plugin: [catalog] }] }\n",
            &[],
        ),
    ]
}

fn lifetimes() -> Vec<Case> {
    vec![
        over("lifetime: an object", "auth: { backstageTokenExpiration: { hours: 2 } }\n", &[]),
        over("lifetime: two units", "auth: { backstageTokenExpiration: { hours: 1, minutes: 30 } }\n", &[]),
        over("lifetime: a text", "auth: { backstageTokenExpiration: 2h }\n", &[]),
        over("lifetime: words", "auth: { backstageTokenExpiration: '2 hours' }\n", &[]),
        over("lifetime: ISO 8601", "auth: { backstageTokenExpiration: PT2H }\n", &[]),
        over("lifetime: a day", "auth: { backstageTokenExpiration: P1D }\n", &[]),
        over("lifetime: half an hour", "auth: { backstageTokenExpiration: PT0.5H }\n", &[]),
        over("lifetime: a comma", "auth: { backstageTokenExpiration: 'PT3600,5S' }\n", &[]),
        over("lifetime: seconds with a point", "auth: { backstageTokenExpiration: PT1800.5S }\n", &[]),
        over("lifetime: a number", "auth: { backstageTokenExpiration: 3600 }\n", &[]),
        over("lifetime: a text of digits", "auth: { backstageTokenExpiration: '3600' }\n", &[]),
        over("lifetime: texts in an object", "auth: { backstageTokenExpiration: { hours: '2' } }\n", &[]),
        over("lifetime: a negative text", "auth: { backstageTokenExpiration: '-1h' }\n", &[]),
        over("lifetime: nothing", "auth: { backstageTokenExpiration: { hours: 0 } }\n", &[]),
        over("lifetime: a slip", "auth: { backstageTokenExpiration: { hour: 1 } }\n", &[]),
        over("lifetime: 30 days", "auth: { backstageTokenExpiration: { days: 30 } }\n", &[]),
        over("lifetime: a default", "auth: { backstageTokenExpiration: '${EXP:-45m}' }\n", &[]),
        over("lifetime: null", "auth: { backstageTokenExpiration: null }\n", &[]),
        over("lifetime: an empty object", "auth: { backstageTokenExpiration: {} }\n", &[]),
        over("lifetime: half an hour without a zero", "auth: { backstageTokenExpiration: '.5h' }\n", &[]),
        over("lifetime: a point at the end", "auth: { backstageTokenExpiration: '1.h' }\n", &[]),
        over("lifetime: no digits before the point", "auth: { backstageTokenExpiration: PT.5H }\n", &[]),
        over("lifetime: a month", "auth: { backstageTokenExpiration: '1mo' }\n", &[]),
        over("lifetime: lower case", "auth: { backstageTokenExpiration: pt2h }\n", &[]),
        over("lifetime: a negative unit", "auth: { backstageTokenExpiration: { hours: 2, minutes: -30 } }\n", &[]),
        over("lifetime: a list", "auth: { backstageTokenExpiration: [1h] }\n", &[]),
    ]
}

fn others() -> Vec<Case> {
    vec![
        over(
            "external access: a static token",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary, subject: s } }] } }\n",
            &[("TOKEN", "canary-canary\n")],
        ),
        over(
            "external access: a token from a variable",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: '${TOKEN}', subject: s } }] } }\n",
            &[("TOKEN", "canary-canary\n")],
        ),
        over(
            "external access: a short token",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary, subject: s } }] } }\n",
            &[("TOKEN", "canary-canary\n")],
        ),
        over(
            "external access: a number as the token",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: 1234567890, subject: s } }] } }\n",
            &[("TOKEN", "canary-canary\n")],
        ),
        over(
            "external access: no options",
            "backend: { auth: { externalAccess: [{ type: static, token: canary-canary, subject: s }] } }\n",
            &[("TOKEN", "canary-canary\n")],
        ),
        over(
            "external access: no type",
            "backend: { auth: { externalAccess: [{ options: { token: canary-canary, subject: s } }] } }\n",
            &[("TOKEN", "canary-canary\n")],
        ),
        over(
            "external access: others before it",
            "backend: { auth: { externalAccess: [{ type: legacy, options: { secret: Y2FuYXJ5, subject: s } }, { type: jwks, options: { url: 'https://idp.example.com/jwks' } }, { type: static, options: { token: canary-canary, subject: s } }] } }\n",
            &[("TOKEN", "canary-canary\n")],
        ),
        over(
            "external access: no restriction",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary, subject: s }, accessRestrictions: [] }] } }\n",
            &[("TOKEN", "canary-canary\n")],
        ),
        over(
            "external access: the catalog alone",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary, subject: s }, accessRestrictions: [{ plugin: catalog }] }] } }\n",
            &[("TOKEN", "canary-canary\n")],
        ),
        over(
            "external access: another plugin alone",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary, subject: s }, accessRestrictions: [{ plugin: search }] }] } }\n",
            &[],
        ),
        over(
            "external access: the permission to create",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary, subject: s }, accessRestrictions: [{ plugin: catalog, permission: catalog.entity.create }] }] } }\n",
            &[],
        ),
        over(
            "external access: several permissions in a text",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary, subject: s }, accessRestrictions: [{ plugin: catalog, permission: 'catalog.entity.create,catalog.entity.read' }] }] } }\n",
            &[],
        ),
        over(
            "external access: the action to update",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary, subject: s }, accessRestrictions: [{ plugin: catalog, permissionAttribute: { action: [update] } }] }] } }\n",
            &[],
        ),
        over(
            "external access: a slip in a restriction",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary, subject: s }, accessRestrictions: [{ plugins: [catalog] }] }] } }\n",
            &[],
        ),
        over(
            "external access: a plugin twice",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary, subject: s }, accessRestrictions: [{ plugin: catalog }, { plugin: catalog }] }] } }\n",
            &[],
        ),
        over(
            "external access: no subject",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary } }] } }\n",
            &[],
        ),
        over(
            "external access: no secret in a later entry",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary, subject: s } }, { type: legacy, options: { subject: s } }] } }\n",
            &[],
        ),
        over(
            "external access: the permission to read",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary, subject: s }, accessRestrictions: [{ plugin: catalog, permission: catalog.entity.read }] }] } }\n",
            &[("TOKEN", "canary-canary\n")],
        ),
        over(
            "external access: the action to read",
            "backend: { auth: { externalAccess: [{ type: static, options: { token: canary-canary, subject: s }, accessRestrictions: [{ plugin: catalog, permissionAttribute: { action: read } }] }] } }\n",
            &[("TOKEN", "canary-canary\n")],
        ),
        over("auth: memory", "auth: { keyStore: { provider: memory } }\n", &[]),
        over("auth: firestore", "auth: { keyStore: { provider: firestore } }\n", &[]),
        over("auth: a text for the key store", "auth: { keyStore: memory }\n", &[]),
        over("auth: RS256", "auth: { identityTokenAlgorithm: RS256 }\n", &[]),
        over("auth: an environment", "auth: { environment: production }\n", &[]),
        over("auth: false in quotes", "auth: { omitIdentityTokenOwnershipClaim: 'False' }\n", &[]),
        over("auth: never", "auth: { omitIdentityTokenOwnershipClaim: never }\n", &[]),
        over(
            "auth: a guest",
            "auth: { providers: { guest: { userEntityRef: user:default/guest, dangerouslyAllowOutsideDevelopment: true } } }\n",
            &[],
        ),
        over(
            "auth: guests by a default",
            "auth: { providers: { guest: { dangerouslyAllowOutsideDevelopment: '${ALLOW_GUESTS:-false}' } } }\n",
            &[],
        ),
        over(
            "auth: guests by a variable that is not set",
            "auth: { providers: { guest: { dangerouslyAllowOutsideDevelopment: '${ALLOW_GUESTS}' } } }\n",
            &[],
        ),
        over("auth: a guest in an environment", "auth: { providers: { guest: { development: {} } } }\n", &[]),
        over("auth: a guest of an empty text", "auth: { providers: { guest: '' } }\n", &[]),
        over(
            "auth: another provider",
            "auth: { providers: { github: { development: { clientId: x, clientSecret: canary } } } }\n",
            &[],
        ),
        over("auth: a list of providers", "auth: { providers: [awsalb] }\n", &[]),
    ]
}

fn values() -> Vec<Case> {
    vec![
        provider(
            "a value: a default in a default that is not set",
            "issuer: \"${A:-${B:-https://b.example.com}}\"",
            &[],
        ),
        provider(
            "a value: a default in a default that is set",
            "issuer: \"${A:-${B:-https://b.example.com}}\"",
            &[("A", "https://a.example.com")],
        ),
        provider("a value: a brace in a default", "issuer: \"${A:-{x}}\"", &[]),
        provider("a value: a shell's required variable", "issuer: \"${A:?must be set}\"", &[]),
        provider("a value: a shell's variable", "issuer: \"$A\"", &[("A", "https://a.example.com")]),
        provider("a value: a default that is empty behind a text", "issuer: \"https://x.example.com${SUFFIX:-}\"", &[]),
        provider(
            "a value: a variable in a variable",
            "issuer: \"${A}\"",
            &[("A", "${B}"), ("B", "https://b.example.com")],
        ),
        provider("a value: two variables", "issuer: \"${P}://${H}\"", &[("P", "https"), ("H", "h.example.com")]),
        provider("a value: a URL as the default", "issuer: \"${A:-https://d.example.com:8443/x?y=z}\"", &[]),
        provider("a value: quotes in a default", "issuer: \"${A:-''}\"", &[]),
        provider("a value: a name with a point", "issuer: \"${a.b}\"", &[("a.b", "https://x.example.com")]),
        provider("a value: a template", "issuer: \"{{ISSUER}}\"", &[]),
        provider("a value: an escaped variable", "issuer: \"https://$${H}.example.com\"", &[("H", "h")]),
        provider("a value: two dollar signs before it", "issuer: \"$$${A}\"", &[("A", "https://a.example.com")]),
        provider("a value: a date", "issuer: 2020-01-01", &[]),
        provider("the provider: settings of an environment", "production: { issuer: \"https://x.example.com\" }", &[]),
        provider("the provider: an environment that is null", "development: null", &[]),
        provider("the provider: names with hyphens", "client-ids: [a]", &[]),
        provider("the provider: a session", "sessionDuration: { hours: 24 }", &[]),
        provider(
            "the provider: a variable that JSON is in",
            "issuer: { $env: ISS }",
            &[("ISS", " https://x.example.com \n")],
        ),
        provider(
            "the provider: a variable with a default in $env",
            "issuer: { $env: \"ISS:-https://d.example.com\" }",
            &[],
        ),
        provider(
            "the provider: an old secret",
            "issuer: { $secret: { env: ISS } }",
            &[("ISS", "https://x.example.com")],
        ),
        provider("the provider: a text with a line feed", "issuer: |\n        https://x.example.com", &[]),
        provider("the provider: a list for a text", "signer: [a]", &[]),
        provider("the provider: a resolver alone", "signIn: { resolver: emailMatchingUserEntityProfileEmail }", &[]),
        provider(
            "the provider: a resolver as text",
            "signIn: { resolvers: [emailMatchingUserEntityProfileEmail] }",
            &[],
        ),
        provider(
            "the provider: domains as text",
            "signIn: { resolvers: [{ resolver: emailLocalPartMatchingUserEntityName, allowedDomains: example.com }] }",
            &[],
        ),
        provider(
            "the provider: a domain with an at-sign",
            "signIn: { resolvers: [{ resolver: emailLocalPartMatchingUserEntityName, allowedDomains: [\"@example.com\"] }] }",
            &[],
        ),
        provider(
            "the provider: a domain from a default",
            "signIn: { resolvers: [{ resolver: emailLocalPartMatchingUserEntityName, allowedDomains: [\"${DOMAIN:-example.com}\"] }] }",
            &[],
        ),
        provider(
            "the provider: two resolvers",
            "signIn: { resolvers: [{ resolver: emailMatchingUserEntityProfileEmail }, { resolver: emailLocalPartMatchingUserEntityName, allowedDomains: [example.com] }] }",
            &[],
        ),
    ]
}
