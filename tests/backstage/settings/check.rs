//! What is reported of every key.

use tower_alb_auth::{backstage::settings::Check, config::AppConfig};

use crate::settings::{environment, read};

/// The usual settings of a Backstage, and what the service requires in addition.
const USUAL: &str = "
app:
  title: canary
  baseUrl: http://localhost:3000
organization:
  name: canary
backend:
  auth:
    keys:
      - secret: canary
    externalAccess:
      - type: legacy
        options: { secret: canary, subject: canary }
      - type: static
        options: { token: canary-token, subject: canary }
        accessRestrictions:
          - plugin: catalog
  baseUrl: http://localhost:7007
  listen:
    port: 7007
  csp:
    connect-src: [\"'self'\", 'http:', 'https:']
  cors:
    origin: http://localhost:3000
    methods: [GET, HEAD, PATCH, POST, PUT, DELETE]
    credentials: true
  https: true
  database:
    client: pg
    connection:
      host: canary
      port: ${PORT}
      user: canary
      password: ${PASSWORD}
      application_name: canary
      statement_timeout: 5
    knexConfig: { pool: { max: 5 } }
    plugin:
      catalog:
        connection: { database: canary }
auth:
  environment: development
  backstageTokenExpiration: { hours: 2 }
  session:
    secret: canary
  keyStore:
    provider: database
  omitIdentityTokenOwnershipClaim: ${NO_OMIT}
  experimentalExtraAllowedOrigins: ['https://*.canary.example']
  somethingNew: 1
  providers:
    guest: {}
    github:
      development:
        clientId: canary
        clientSecret: canary
    awsalb:
      issuer: https://idp.example.com
      signer: arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/canary/50dc6c495c0c9188
      region: eu-central-1
      clientIds: [canary]
      sessionDuration: { hours: 1 }
      signIn:
        resolvers:
          - resolver: emailMatchingUserEntityProfileEmail
          - resolver: emailLocalPartMatchingUserEntityName
            allowedDomains: [canary.example]
discovery:
  endpoints:
    - target: http://localhost:7008/api/{{pluginId}}
      plugins: [catalog]
catalog:
  rules: []
";

fn problems(check: &Check) -> String {
    check.problems().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn check(text: &str) -> Check {
    Check::of(&AppConfig::from_text("app-config.yaml", text, environment).expect("YAML"))
}

#[test]
fn every_key_is_used_or_ignored_with_its_place_and_no_value_is_shown() {
    let check = check(USUAL);
    let shown = check.to_string();
    assert!(check.is_sound() && !shown.contains("canary"), "{shown}");
    insta::assert_snapshot!(shown, @r"
    used     app.baseUrl (app-config.yaml:4): the origin whose pages may send requests
    ignored  backend.auth.keys[0].secret (app-config.yaml:10): back ends authenticate each other with it
    ignored  backend.auth.externalAccess[0].type (app-config.yaml:12): the catalog is not queried with it
    ignored  backend.auth.externalAccess[0].options.secret (app-config.yaml:13): the catalog is not queried with it
    ignored  backend.auth.externalAccess[0].options.subject (app-config.yaml:13): the catalog is not queried with it
    used     backend.auth.externalAccess[1].type (app-config.yaml:14): the token for the catalog
    used     backend.auth.externalAccess[1].options.token (app-config.yaml:15): the token for the catalog
    used     backend.auth.externalAccess[1].options.subject (app-config.yaml:15): the token for the catalog
    used     backend.auth.externalAccess[1].accessRestrictions[0].plugin (app-config.yaml:17): the token for the catalog
    used     backend.baseUrl (app-config.yaml:18): where browsers find this service
    used     backend.listen.port (app-config.yaml:20): the address that accepts connections
    ignored  backend.csp.connect-src (app-config.yaml:22): this service sends no Content-Security-Policy: its responses are JSON, and a page's policy comes with the page
    used     backend.cors.origin (app-config.yaml:24): further origins whose pages may send requests
    ignored  backend.cors.methods (app-config.yaml:25): pages of those origins may send GET and POST with credentials, and nothing else is needed
    ignored  backend.cors.credentials (app-config.yaml:26): pages of those origins may send GET and POST with credentials, and nothing else is needed
    ignored  backend.https (app-config.yaml:27): TLS ends at the load balancer: connections are plain http
    used     backend.database.client (app-config.yaml:29): where the auth plugin's tables are
    used     backend.database.connection.host (app-config.yaml:31): where the auth plugin's tables are
    used     backend.database.connection.port (app-config.yaml:32): where the auth plugin's tables are
    used     backend.database.connection.user (app-config.yaml:33): where the auth plugin's tables are
    used     backend.database.connection.password (app-config.yaml:34): where the auth plugin's tables are
    used     backend.database.connection.application_name (app-config.yaml:35): where the auth plugin's tables are
    ignored  backend.database.connection.statement_timeout (app-config.yaml:36): it is not a known setting
    ignored  backend.database.knexConfig.pool.max (app-config.yaml:37): it is for Node's database client
    ignored  backend.database.plugin.catalog.connection.database (app-config.yaml:40): another plugin's database
    ignored  auth.environment (app-config.yaml:42): what differs between environments is in a file of its own
    used     auth.backstageTokenExpiration.hours (app-config.yaml:43): how long a token lives
    ignored  auth.session.secret (app-config.yaml:45): no session is kept here: that is the load balancer's
    used     auth.keyStore.provider (app-config.yaml:47): where signing keys come from
    ignored  auth.omitIdentityTokenOwnershipClaim (app-config.yaml:48): the environment variable NO_OMIT is not set
    ignored  auth.experimentalExtraAllowedOrigins (app-config.yaml:49): it concerns sign-in in a pop-up window, and awsalb has none
    ignored  auth.somethingNew (app-config.yaml:50): it is not a known setting
    used     auth.providers.guest (app-config.yaml:52): sessions without a sign-in: only with NODE_ENV=development, unless dangerouslyAllowOutsideDevelopment is true
    ignored  auth.providers.github.development.clientId (app-config.yaml:55): only awsalb and guest are served here; an auth backend that serves it can stand behind, by --upstream <URL>
    ignored  auth.providers.github.development.clientSecret (app-config.yaml:56): only awsalb and guest are served here; an auth backend that serves it can stand behind, by --upstream <URL>
    used     auth.providers.awsalb.issuer (app-config.yaml:58): the issuer of the load balancer's users
    used     auth.providers.awsalb.signer (app-config.yaml:59): the load balancer that is trusted
    used     auth.providers.awsalb.region (app-config.yaml:60): compared with the signer's, and needed for nothing else
    used     auth.providers.awsalb.clientIds (app-config.yaml:61): the clients whose users may sign in
    ignored  auth.providers.awsalb.sessionDuration.hours (app-config.yaml:62): the session is the load balancer's, see SessionTimeout of the listener rule
    used     auth.providers.awsalb.signIn.resolvers[0].resolver (app-config.yaml:65): the sign-in policy
    used     auth.providers.awsalb.signIn.resolvers[1].resolver (app-config.yaml:66): the sign-in policy
    used     auth.providers.awsalb.signIn.resolvers[1].allowedDomains (app-config.yaml:67): the sign-in policy
    used     discovery.endpoints[0].target (app-config.yaml:70): the addresses of the catalog and of this service; other plugins' are ignored
    used     discovery.endpoints[0].plugins (app-config.yaml:71): the addresses of the catalog and of this service; other plugins' are ignored

    warnings
    - backend.csp (app-config.yaml:22) is ignored: this service sends no Content-Security-Policy: its responses are JSON, and a page's policy comes with the page
    - backend.cors.methods (app-config.yaml:25) is ignored: pages of those origins may send GET and POST with credentials, and nothing else is needed
    - backend.cors.credentials (app-config.yaml:26) is ignored: pages of those origins may send GET and POST with credentials, and nothing else is needed
    - backend.https (app-config.yaml:27) is ignored: TLS ends at the load balancer: connections are plain http
    - backend.database.knexConfig.pool (app-config.yaml:37) is ignored: it is for Node's database client
    - auth.environment (app-config.yaml:42) is ignored: what differs between environments is in a file of its own
    - auth.session (app-config.yaml:45) is ignored: no session is kept here: that is the load balancer's
    - auth.experimentalExtraAllowedOrigins (app-config.yaml:49) is ignored: it concerns sign-in in a pop-up window, and awsalb has none
    - auth.somethingNew (app-config.yaml:50) is ignored: it is not a known setting
    - auth.providers.github (app-config.yaml:54) is ignored: only awsalb and guest are served here; an auth backend that serves it can stand behind, by --upstream <URL>
    - auth.omitIdentityTokenOwnershipClaim (app-config.yaml:48): the environment variable NO_OMIT is not set, so the key counts as absent
    - backend.database.connection.statement_timeout (app-config.yaml:36) is ignored: it is not a known setting
    - backend.database.connection (app-config.yaml:31): the connection to the database is plain, so an attacker on the network can impersonate it and sign in as any user: set ssl: true, or name its authority in ssl.ca
    - auth.providers.awsalb.sessionDuration (app-config.yaml:62) is ignored: the session is the load balancer's, see SessionTimeout of the listener rule
    - an email without the claim email_verified is accepted from https://idp.example.com: users who can change their address there become the user of that address here. If the provider sends the claim, use require_verified_email() (app-config.yaml: requireVerifiedEmail, environment: ALB_AUTH_REQUIRE_VERIFIED_EMAIL). If users cannot change their address, acknowledge it by accept_missing_email_verified() (acceptMissingEmailVerified, ALB_AUTH_ACCEPT_MISSING_EMAIL_VERIFIED)
    ");
}

#[test]
fn what_is_refused_says_why() {
    let text = USUAL
        .replace("provider: database", "provider: firestore\n    firestore: { projectId: canary }")
        .replace("client: pg", "client: mysql2")
        .replace("clientIds: [canary]", "audience: canary")
        .replace("emailMatchingUserEntityProfileEmail", "usernameMatchingUserEntityName")
        .replace("baseUrl: http://localhost:7007", "baseUrl: canary")
        .replace("signer: arn:", "signer: arm:")
        .replace("sessionDuration: { hours: 1 }", "signOutUrl: canary");
    let check = check(&text);
    assert!(!check.is_sound());
    let refused: Vec<&str> =
        check.lines().iter().filter(|line| line.starts_with("refused")).map(String::as_str).collect();
    insta::assert_snapshot!(format!("{}\n\n{}", refused.join("\n"), problems(&check)), @r#"
    refused  backend.baseUrl (app-config.yaml:18): must be a URL such as https://<the backend's host, as browsers see it>, without user, query or fragment
    refused  auth.keyStore.provider (app-config.yaml:47): is "firestore", which is not one of database, memory, static
    refused  auth.providers.awsalb.signer (app-config.yaml:60): "arm:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/canary/50dc6c495c0c9188" is not an ARN: expected arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
    refused  auth.providers.awsalb.audience (app-config.yaml:62): is not a known setting. Known settings are issuer, signer, signers, region, clientIds, dangerouslyAcceptAnyClient, keyEndpoint, dangerouslyFetchKeysOverHttpFrom, emulatorCaFile, requireVerifiedEmail, acceptMissingEmailVerified, dangerouslyAcceptUnverifiedEmail, emailClaim, groups, accessToken, limits, dangerouslyIgnoreIdentityHeader, denyListFile, signIn, sessionCookieName, signOutUrl, exposeAccessToken, sessionDuration, dangerouslyAllowInsecureOrigins
    refused  auth.providers.awsalb.signOutUrl (app-config.yaml:63): the end-session address "canary" must begin with https:// and name a host
    refused  auth.providers.awsalb.signIn.resolvers[0].resolver (app-config.yaml:66): is "usernameMatchingUserEntityName", which is not one of emailLocalPartMatchingUserEntityName, emailMatchingUserEntityProfileEmail, emailMatchingUserEntityAnnotation, claimAsUserEntityName

    backend.baseUrl (app-config.yaml:18) must be a URL such as https://<the backend's host, as browsers see it>, without user, query or fragment
    auth.keyStore.provider (app-config.yaml:47) is "firestore", which is not one of database, memory, static
    auth.providers.awsalb.signOutUrl (app-config.yaml:63): the end-session address "canary" must begin with https:// and name a host
    auth.providers.awsalb.audience (app-config.yaml:62) is not a known setting. Known settings are issuer, signer, signers, region, clientIds, dangerouslyAcceptAnyClient, keyEndpoint, dangerouslyFetchKeysOverHttpFrom, emulatorCaFile, requireVerifiedEmail, acceptMissingEmailVerified, dangerouslyAcceptUnverifiedEmail, emailClaim, groups, accessToken, limits, dangerouslyIgnoreIdentityHeader, denyListFile, signIn, sessionCookieName, signOutUrl, exposeAccessToken, sessionDuration, dangerouslyAllowInsecureOrigins
    auth.providers.awsalb.signIn.resolvers[0].resolver (app-config.yaml:66) is "usernameMatchingUserEntityName", which is not one of emailLocalPartMatchingUserEntityName, emailMatchingUserEntityProfileEmail, emailMatchingUserEntityAnnotation, claimAsUserEntityName
    auth.providers.awsalb (app-config.yaml:59) lacks clientIds: add
    auth:
      providers:
        awsalb:
          clientIds: [<client id>]
    clientIds: they stand in the listener rule's authenticate action: aws elbv2 describe-rules --listener-arn <listener>
    auth.providers.awsalb.signer (app-config.yaml:60): "arm:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/canary/50dc6c495c0c9188" is not an ARN: expected arn:aws:elasticloadbalancing:<region>:<account>:loadbalancer/app/<name>/<id>; find it by: aws elbv2 describe-load-balancers --names <alb> --query 'LoadBalancers[].LoadBalancerArn'
    "#);
}

/// S-85: what create-app writes, once the addresses are those of production.
#[test]
fn s_85_the_check_refuses_an_insecure_origin_beside_an_address_on_https() {
    let production = USUAL
        .replace("baseUrl: http://localhost:3000", "baseUrl: https://backstage.example.com")
        .replace("baseUrl: http://localhost:7007", "baseUrl: https://backstage.example.com");
    let refused = check(&production);
    let line = "refused  backend.cors.origin (app-config.yaml:24): \"http://localhost:3000\" is not an origin for pages of a site on https";
    assert!(!refused.is_sound() && refused.lines().iter().any(|held| held.starts_with(line)), "{refused}");
    let waived = production.replace("    awsalb:\n", "    awsalb:\n      dangerouslyAllowInsecureOrigins: true\n");
    let waived = check(&waived);
    let line = "used     auth.providers.awsalb.dangerouslyAllowInsecureOrigins (";
    assert!(waived.is_sound() && waived.lines().iter().any(|held| held.starts_with(line)), "{waived}");
    let warning = "pages of http://localhost:3000 may request sessions of https://backstage.example.com";
    assert!(waived.warnings().iter().any(|held| held.starts_with(warning)), "{waived}");
    assert!(!check(USUAL).to_string().contains("may request sessions"), "nothing there is on https");
}

/// The line of such a key names where the lines to paste are, and does not end in "add".
#[test]
fn a_mistake_with_lines_to_paste_says_in_its_line_where_they_are() {
    let check = check(&USUAL.replace("            allowedDomains: [canary.example]\n", ""));
    let line = "would be user:default/admin: add the lines that stand under \"problems\"";
    assert!(check.lines().iter().any(|held| held.starts_with("refused") && held.ends_with(line)), "{check}");
}

/// Every key of the parts has a line, whatever is in the file.
#[test]
fn no_key_is_passed_over() {
    let text = "auth: { a: { b: 1 } }\nbackend: { a: 1, cors: { b: 1 }, auth: { c: [] } }\ndiscovery: { d: 1 }\nelse: { e: 1 }\n";
    let check = check(text);
    let keys: Vec<&str> = check.lines().iter().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(keys, ["auth.a.b", "backend.a", "backend.cors.b", "backend.auth.c", "discovery.d"]);
}

#[test]
fn what_is_not_served_is_reported_once_a_group_when_the_service_starts() {
    let settings = read(
        "auth:\n  session: { secret: canary, other: canary }\n  providers:\n    github: { a: canary, b: canary }\n    microsoft: { a: canary }\n",
    );
    let told: Vec<&str> =
        settings.warnings.iter().map(String::as_str).filter(|warning| warning.contains("is ignored")).collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    auth.session (app-config.production.yaml:2) is ignored: no session is kept here: that is the load balancer's
    auth.providers.github (app-config.production.yaml:4) is ignored: only awsalb and guest are served here; an auth backend that serves it can stand behind, by --upstream <URL>
    auth.providers.microsoft (app-config.production.yaml:5) is ignored: only awsalb and guest are served here; an auth backend that serves it can stand behind, by --upstream <URL>
    ");
}

#[test]
fn settings_under_the_name_of_an_environment_are_not_reported_as_used_nor_is_an_invalid_database() {
    let yaml = "
app: { baseUrl: 'https://backstage.example.com' }
backend: { baseUrl: 'https://backstage.example.com', database: { client: better-sqlite3 } }
auth: { providers: { awsalb: { production: { issuer: 'https://idp.example.com', region: eu-central-1 } } } }
";
    let check = Check::of(&AppConfig::from_text("app-config.yaml", yaml, |_| None).unwrap());
    let lines = check.lines();
    assert_eq!(
        lines[2],
        "ignored  backend.database.client (app-config.yaml:3): there is no PostgreSQL, so nothing is stored there"
    );
    assert_eq!(lines.len(), 5, "{lines:?}");
    for line in &lines[3..] {
        assert!(line.starts_with("refused  auth.providers.awsalb.production."), "{line}");
        assert!(line.contains("holds settings under the name of an environment"), "{line}");
    }
}

/// A newcomer's typos: nothing below them is read.
#[test]
fn what_stands_below_an_unknown_key_is_not_reported_as_used() {
    let text = USUAL
        .replace("        resolvers:", "        resolver:")
        .replace("    provider: database", "    provider: static\n    static:\n      kyes:\n        - keyId: canary");
    let check = check(&text);
    let line = |path: &str| check.lines().iter().find(|line| line.contains(path)).cloned().expect("a line");
    let resolver = line(" auth.providers.awsalb.signIn.resolver[1].allowedDomains ");
    assert!(
        resolver.starts_with("refused") && resolver.contains("is not a known setting. Did you mean resolvers?"),
        "{resolver}"
    );
    let keys = line(" auth.keyStore.static.kyes[0].keyId ");
    assert!(keys.starts_with("ignored") && keys.ends_with("auth.keyStore.static.keys"), "{keys}");
    let meant = |warning: &&String| warning.starts_with("auth.keyStore.static.kyes (");
    assert!(check.warnings().iter().find(meant).expect("a warning").ends_with("; did you mean keys?"), "{check}");
}

/// What the ARN, the region and the catalog's address are is looked at after the files have been read, and their lines are known still.
#[test]
fn values_that_are_wrong_are_refused_at_their_line() {
    let refused = |from: &str, to: &str| {
        let check = check(&USUAL.replace(from, to));
        assert!(!check.is_sound(), "{to}");
        check.lines().iter().find(|line| line.starts_with("refused")).cloned().expect("a line that is refused")
    };
    let listener =
        refused(":loadbalancer/app/canary/50dc6c495c0c9188", ":listener/app/canary/50dc6c495c0c9188/f2f7dc8efc522ab2");
    assert!(listener.contains(" auth.providers.awsalb.signer (app-config.yaml:59): "), "{listener}");
    assert!(listener.contains("is the ARN of a listener"), "{listener}");
    let region = refused("region: eu-central-1", "region: eu-west-1");
    assert!(region.contains(" auth.providers.awsalb.region (app-config.yaml:60): is \"eu-west-1\""), "{region}");
    let http = refused("http://localhost:7008/api", "http://catalog.internal/api");
    assert!(
        http.contains(" discovery.endpoints[0].target (app-config.yaml:70): the catalog's address is plain http"),
        "{http}"
    );
}

#[test]
fn a_problem_of_two_keys_is_reported_at_both() {
    let text = USUAL.replace(
        "      region: eu-central-1\n",
        "      requireVerifiedEmail: true\n      acceptMissingEmailVerified: true\n",
    );
    let check = check(&text);
    let refused: Vec<&String> = check.lines().iter().filter(|line| line.starts_with("refused")).collect();
    assert_eq!(refused.len(), 2, "{check}");
    assert!(refused.iter().all(|line| line.ends_with(": both are true: leave one out")), "{refused:?}");
}
