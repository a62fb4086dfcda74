//! File sets that were written by hand, each for one rule or one trap.

use super::Case;

const SIGNER: &str = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/edge/50dc6c495c0c9188";

/// Every required key.
fn base() -> String {
    format!(
        "app: {{ baseUrl: 'https://app.example.com' }}\nbackend: {{ baseUrl: 'https://backend.example.com' }}\nauth:\n  providers:\n    \
         awsalb:\n      issuer: https://idp.example.com\n      signer: {SIGNER}\n      clientIds: [a]\n      signIn: {{ resolvers: [{{ \
         resolver: emailMatchingUserEntityProfileEmail }}] }}\n"
    )
}

/// A later file over the base, with variables.
pub fn over(name: &str, later: &str, variables: &[(&str, &str)]) -> Case {
    named(name, &[("base.yaml", &base()), ("later.yaml", later)], variables)
}

/// The same below the provider.
pub fn provider(name: &str, later: &str, variables: &[(&str, &str)]) -> Case {
    over(name, &format!("auth:\n  providers:\n    awsalb:\n      {later}\n"), variables)
}

/// The same below the database.
pub fn database(name: &str, later: &str, variables: &[(&str, &str)]) -> Case {
    over(name, &format!("backend:\n  database:\n    client: pg\n    {later}\n"), variables)
}

/// These files, all of which are named.
fn named(name: &str, files: &[(&str, &str)], variables: &[(&str, &str)]) -> Case {
    let named = files.iter().map(|(name, _)| (*name).to_owned()).collect();
    Case { named, ..by_default(name, files, variables) }
}

fn by_default(name: &str, files: &[(&str, &str)], variables: &[(&str, &str)]) -> Case {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    Case {
        name: name.to_owned(),
        files: files.iter().map(owned).collect(),
        named: Vec::new(),
        variables: variables.iter().map(owned).collect(),
    }
}

pub fn written() -> Vec<Case> {
    let base = base();
    let issuer = |issuer: &str| format!("auth: {{ providers: {{ awsalb: {{ issuer: '{issuer}' }} }} }}\n");
    let with = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let mut including = provider("an include of a key", "$include: parts.yaml#a.b", &[]);
    including.files.push(with("parts.yaml", "a: { b: { issuer: 'https://${HOST:-x.example.com}' } }\n"));
    let mut missing = provider("an include of a key that is missing", "$include: parts.yaml#a.c", &[]);
    missing.files.push(with("parts.yaml", "a: { b: 1 }\n"));
    let mut chained = provider("an include of an include", "$include: parts.yaml", &[]);
    chained.files.push(with("parts.yaml", "$include: other.yaml\n"));
    chained.files.push(with("other.yaml", "issuer: https://other.example.com\n"));
    let mut nested = provider("an include below an include, in another folder", "$include: deep/parts.yaml", &[]);
    nested.files.push(with("deep/parts.yaml", "issuer: { $file: issuer.txt }\n"));
    nested.files.push(with("deep/issuer.txt", "https://deep.example.com\r\n\t\u{a0}\n"));
    let mut json = provider("an include of JSON", "$include: parts.json", &[]);
    json.files.push(with("parts.json", "{\"issuer\": \"https:\\/\\/json.example.com\"}"));
    let mut no_json = provider("an include of YAML that is called JSON", "$include: parts.json", &[]);
    no_json.files.push(with("parts.json", "issuer: https://json.example.com"));
    let mut empty = provider("an include of an empty file", "issuer: { $include: empty.yaml }", &[]);
    empty.files.push(with("empty.yaml", "\n"));
    let mut workspace = by_default(
        "the files of a monorepo's root",
        &[("app-config.yaml", &base), ("app-config.local.yaml", &issuer("https://local.example.com"))],
        &[],
    );
    workspace.files.push(with("package.json", "{\"workspaces\": [\"packages/*\"]}"));
    vec![
        over("nothing over the base", "", &[]),
        over("a comment alone", "# nothing\n", &[]),
        over("null alone", "~\n", &[]),
        over("a list", "- a\n", &[]),
        over("two documents", "a: 1\n---\nb: 2\n", &[]),
        over("a key twice", "app: {}\napp: {}\n", &[]),
        over("a byte order mark", &format!("\u{feff}{}", issuer("https://bom.example.com")), &[]),
        over("line ends of Windows", &issuer("https://crlf.example.com").replace('\n', "\r\n"), &[]),
        over("keys with points", "auth.providers.awsalb.issuer: https://point.example.com\n", &[]),
        over("version 1.1", "%YAML 1.1\n---\nauth: { omitIdentityTokenOwnershipClaim: yes }\n", &[]),
        provider("a default in a default", "issuer: '${A:-${B}}'", &[("B", "https://b.example.com")]),
        provider("an escaped variable with a default", "issuer: 'https://$${A:-b}.example.com'", &[]),
        provider("a default with another default", "issuer: '${A:-https://a:-b.example.com}'", &[]),
        provider(
            "a variable of white space before a default",
            "issuer: '${A:-https://d.example.com}'",
            &[("A", " \n ")],
        ),
        provider("a default of white space", "issuer: '${A:-  }'", &[]),
        provider("a variable that is empty", "issuer: 'https://idp.example.com${A}'", &[("A", "")]),
        provider("a shell's other default", "issuer: '${A-https://d.example.com}'", &[]),
        provider("a name with white space", "issuer: 'https://${ A }.example.com'", &[("A", "x")]),
        provider("a variable over an earlier value", "issuer: ${UNSET}", &[]),
        provider("null over an earlier value", "issuer: null", &[]),
        provider("a variable in a list", "clientIds: ['${UNSET}', b]", &[]),
        provider("a folded text", "issuer: >-\n        https://folded.example.com", &[]),
        provider("a tagged text", "issuer: !!str https://tagged.example.com", &[]),
        provider("an anchor", "issuer: &i https://anchor.example.com\n      keyEndpoint: *i", &[]),
        provider("a merge key", "<<: { issuer: 'https://merged.example.com' }", &[]),
        provider("an include beside other keys", "issuer: { $env: A, b: c }", &[("A", "https://a.example.com")]),
        provider("a number for a text", "issuer: 0123", &[]),
        including,
        missing,
        chained,
        nested,
        json,
        no_json,
        empty,
        over(
            "a text below an object",
            "auth: { providers: { guest: {} } }\n",
            &[("APP_CONFIG_auth_providers_github", "x")],
        ),
        named("an object over a text", &[("a.yaml", "auth: text\n"), ("b.yaml", &base)], &[]),
        named(
            "an object over a text that null hides",
            &[("a.yaml", "auth: text\n"), ("b.yaml", "auth: null\n"), ("c.yaml", &base)],
            &[],
        ),
        named("an object over null", &[("a.yaml", "auth: null\nbackend: ~\n"), ("b.yaml", &base)], &[]),
        named(
            "null between two objects",
            &[("a.yaml", &base), ("b.yaml", "auth: null\n"), ("c.yaml", &issuer("https://c.example.com"))],
            &[],
        ),
        named("a file that is missing", &[], &[]),
        by_default(
            "the files of an environment",
            &[
                ("app-config.yaml", &base),
                ("app-config.production.yaml", &issuer("https://production.example.com")),
                ("app-config.other.yaml", &issuer("https://other.example.com")),
            ],
            &[("BACKSTAGE_ENV", "production")],
        ),
        by_default(
            "the local file over that of an environment",
            &[
                ("app-config.yaml", &base),
                ("app-config.local.yaml", &issuer("https://local.example.com")),
                ("app-config.production.yaml", &issuer("https://production.example.com")),
            ],
            &[("BACKSTAGE_ENV", "production")],
        ),
        by_default(
            "the environment's local file over the local file",
            &[
                ("app-config.yaml", &base),
                ("app-config.local.yaml", &issuer("https://local.example.com")),
                ("app-config.production.local.yaml", &issuer("https://production.example.com")),
            ],
            &[("BACKSTAGE_ENV", "production")],
        ),
        workspace,
        over("a variable's JSON text", "", &[("APP_CONFIG_auth_providers_awsalb_issuer", "\"https://v.example.com\"")]),
        over("a variable that is no JSON", "", &[("APP_CONFIG_auth_providers_awsalb_issuer", "https://v.example.com")]),
        over("a variable's number", "", &[("APP_CONFIG_auth_providers_awsalb_issuer", "5")]),
        over("a variable's null", "", &[("APP_CONFIG_auth_providers_awsalb_issuer", "null")]),
        over("a variable's object with null", "", &[("APP_CONFIG_auth_providers", "{\"guest\": null}")]),
        over("a variable of no key", "", &[("APP_CONFIG_auth__x", "y")]),
        over("variables one below the other", "", &[("APP_CONFIG_auth_x", "y"), ("APP_CONFIG_auth_x_y", "z")]),
        over("a variable's blanks", "", &[("APP_CONFIG_auth_omitIdentityTokenOwnershipClaim", " true ")]),
        over("booleans as texts", "auth: { omitIdentityTokenOwnershipClaim: ' Yes ' }\n", &[]),
        over("a boolean as a number", "auth: { omitIdentityTokenOwnershipClaim: 0x1 }\n", &[]),
        over("an unset boolean", "auth: { omitIdentityTokenOwnershipClaim: '${UNSET}' }\n", &[]),
        over("a guest of null", "auth: { providers: { guest: null, github: null } }\n", &[]),
        over("a guest of true", "auth: { providers: { guest: true } }\n", &[]),
        over("a port in a variable", "backend: { listen: { port: '${PORT}' } }\n", &[("PORT", "8080\n")]),
        over("a port with a point", "backend: { listen: { port: '8080.0' } }\n", &[]),
        over("a listener's number", "backend: { listen: 8080 }\n", &[]),
        database(
            "the driver's variables",
            "connection: {}",
            &[("PGHOST", "h"), ("PGUSER", "u"), ("PGPASSWORD", "canary"), ("PGSSLMODE", "require")],
        ),
        database(
            "the driver's database",
            "connection: {}\n    pluginDivisionMode: schema",
            &[("PGUSER", "u"), ("PGDATABASE", "d")],
        ),
        database("a mode that the driver does not know", "connection: { user: u }", &[("PGSSLMODE", "allow")]),
        database("a mode beside ssl", "connection: { user: u, ssl: false }", &[("PGSSLMODE", "require")]),
        database("ssl=false in a URL", "connection: postgres://u@h/d?ssl=false", &[]),
        database("ssl=0 in a URL", "connection: postgres://u@h/d?ssl=0", &[]),
        database("a text for ssl", "connection: { user: u, ssl: 'false' }", &[]),
        database(
            "a text for a certificate's check",
            "connection: { user: u, ssl: { rejectUnauthorized: 'false' } }",
            &[],
        ),
        database("direct encryption", "connection: postgres://u@h/d?sslnegotiation=direct", &[]),
        database("a search path", "connection: { user: u }\n    knexConfig: { searchPath: [knex, public] }", &[]),
        database(
            "a search path beside schemas",
            "connection: { user: u, database: d }\n    pluginDivisionMode: schema\n    knexConfig: { searchPath: [knex, public] }",
            &[],
        ),
        database(
            "a plugin's connection over another type",
            "connection: { type: rds, host: h, port: 5432, user: u, database: d }\n    plugin: { auth: { connection: { type: default, \
             user: own, password: canary, ssl: true } } }",
            &[],
        ),
        database(
            "a plugin's ssl over another",
            "connection: { user: u, ssl: { rejectUnauthorized: false } }\n    plugin: { auth: { connection: { ssl: { require: true } } } }",
            &[],
        ),
        database(
            "a plugin's URL over an object",
            "connection: { user: u, password: canary, port: 6432, ssl: true }\n    plugin: { auth: { connection: 'postgres://own@h/d' } }",
            &[],
        ),
        database(
            "a connection string in an object",
            "connection: { user: u, database: d, connectionString: 'postgres://v@h/e' }",
            &[],
        ),
        database(
            "a URL from a variable",
            "connection: ${DATABASE_URL}\n    ssl: true",
            &[("DATABASE_URL", "postgres://u:canary@h/d\n")],
        ),
        over(
            "an SRV record",
            "discovery: { endpoints: [{ target: { internal: 'http+srv://_http._tcp.x.local/api/{{pluginId}}' }, plugins: [catalog] }] }\n",
            &[],
        ),
    ]
}
