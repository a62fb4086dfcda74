//! The effect of each key: one table, from which the start-up warnings and the check of the files are made.

use super::{keys::Key, reader::Warning};
use crate::internal::{KeyAt, Once, closest};

/// The effect of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Verdict {
    /// It is read.
    Used,
    /// It concerns other services.
    OfOthers,
    /// It concerns an auth service and has no effect here, which is a warning at start-up.
    NotServed,
}

/// Keys at and below a path, `*` for any name.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Rule {
    path: &'static str,
    pub(super) verdict: Verdict,
    pub(super) why: &'static str,
}

impl Rule {
    /// The name beside this rule's `*` that is most like the last name of the key.
    fn meant(&self, key: &KeyAt) -> Option<&'static str> {
        let parent = self.path.strip_suffix('*')?;
        let known = RULES.iter().filter_map(|rule| rule.path.strip_prefix(parent)?.split('.').next());
        closest(key.path.rsplit('.').next()?, known.filter(|name| *name != "*"))
    }
}

const fn used(path: &'static str, why: &'static str) -> Rule {
    Rule { path, verdict: Verdict::Used, why }
}

const fn of_others(path: &'static str, why: &'static str) -> Rule {
    Rule { path, verdict: Verdict::OfOthers, why }
}

const fn not_served(path: &'static str, why: &'static str) -> Rule {
    Rule { path, verdict: Verdict::NotServed, why }
}

const DATABASE: &str = "where the auth plugin's tables are";
const CLIENTS: &str = "Backstage's command line and MCP clients are not signed in here; an auth backend that signs them in can \
                       stand behind, by --upstream <URL>";
const FRONT_END: &str = "the front end reads it";

/// The first that fits holds.
const RULES: &[Rule] = &[
    used("app.baseUrl", "the origin whose pages may send requests"),
    // The provider.
    used("auth.providers.awsalb.issuer", "the issuer of the load balancer's users"),
    used("auth.providers.awsalb.signer", "the load balancer that is trusted"),
    used("auth.providers.awsalb.signers", "the load balancers that are trusted"),
    used("auth.providers.awsalb.region", "compared with the signer's, and needed for nothing else"),
    used("auth.providers.awsalb.clientIds", "the clients whose users may sign in"),
    used("auth.providers.awsalb.dangerouslyAcceptAnyClient", "users of any client of the issuer may sign in"),
    used(
        "auth.providers.awsalb.dangerouslyFetchKeysOverHttpFrom",
        "keys of an emulator over plain http from this host",
    ),
    used("auth.providers.awsalb.keyEndpoint", "where the load balancers' public keys are"),
    used("auth.providers.awsalb.requireVerifiedEmail", "whether an email has to be verified"),
    used(
        "auth.providers.awsalb.acceptMissingEmailVerified",
        "that emails without the claim email_verified are accepted is acknowledged",
    ),
    used(
        "auth.providers.awsalb.dangerouslyAcceptUnverifiedEmail",
        "whether an email that the provider reports as not verified is accepted",
    ),
    used("auth.providers.awsalb.emailClaim", "the claim with the address of the user"),
    used("auth.providers.awsalb.groups", "groups from claims that users own for"),
    used("auth.providers.awsalb.limits", "limits of tokens, keys and caches"),
    used(
        "auth.providers.awsalb.dangerouslyIgnoreIdentityHeader",
        "whether x-amzn-oidc-identity may differ from the signed subject",
    ),
    used(
        "auth.providers.awsalb.dangerouslyAllowInsecureOrigins",
        "whether pages of plain http and of the visitor's own machine may send requests beside an https address",
    ),
    used("auth.providers.awsalb.denyListFile", "the file with users that are shut out"),
    used("auth.providers.awsalb.signIn", "the sign-in policy"),
    used("auth.providers.awsalb.sessionCookieName", "the cookie that sign-out expires"),
    used("auth.providers.awsalb.signOutUrl", "where sign-out sends the browser"),
    used("auth.providers.awsalb.exposeAccessToken", "whether a session shows the provider's access token"),
    // The provider warns about it.
    of_others(
        "auth.providers.awsalb.sessionDuration",
        "the session is the load balancer's, see SessionTimeout of the listener rule",
    ),
    used("auth.providers.awsalb", "the provider that is served here"),
    used(
        "auth.providers.guest",
        "sessions without a sign-in: only with NODE_ENV=development, unless dangerouslyAllowOutsideDevelopment is true",
    ),
    not_served(
        "auth.providers.*",
        "only awsalb and guest are served here; an auth backend that serves it can stand behind, by --upstream <URL>",
    ),
    // Tokens and keys.
    used("auth.backstageTokenExpiration", "how long a token lives"),
    used("auth.omitIdentityTokenOwnershipClaim", "whether the claim ent is left out of tokens"),
    used("auth.identityTokenAlgorithm", "ES256 is the only one"),
    used("auth.keyStore.provider", "where signing keys come from"),
    used("auth.keyStore.static.keys", "signing keys in files"),
    not_served("auth.keyStore.static.*", "the only key for files is auth.keyStore.static.keys"),
    not_served("auth.keyStore.*", "keys are in memory, in PostgreSQL or in files"),
    // Settings of other providers and of the front end.
    not_served("auth.environment", "what differs between environments is in a file of its own"),
    not_served("auth.session", "no session is kept here: that is the load balancer's"),
    not_served("auth.experimentalExtraAllowedOrigins", "it concerns sign-in in a pop-up window, and awsalb has none"),
    not_served("auth.experimentalRefreshToken", CLIENTS),
    not_served("auth.experimentalDynamicClientRegistration", CLIENTS),
    not_served("auth.experimentalClientIdMetadataDocuments", CLIENTS),
    not_served("auth.clientIdMetadataDocuments", CLIENTS),
    not_served("auth.staticClients", CLIENTS),
    not_served("auth.refreshToken", CLIENTS),
    of_others("auth.autologout", FRONT_END),
    not_served("auth.*", "it is not a known setting"),
    // The backend.
    used("backend.baseUrl", "where browsers find this service"),
    used("backend.listen", "the address that accepts connections"),
    used("backend.cors.origin", "further origins whose pages may send requests"),
    not_served(
        "backend.cors.*",
        "pages of those origins may send GET and POST with credentials, and nothing else is needed",
    ),
    not_served("backend.https", "TLS ends at the load balancer: connections are plain http"),
    used("backend.auth.externalAccess", "the token for the catalog"),
    used("backend.auth.pluginKeyStore", "where the keys of plugin tokens come from"),
    of_others("backend.auth", "back ends authenticate each other with it"),
    used("backend.lifecycle.serverShutdownDelay", "how long the service continues after a signal to end"),
    of_others("backend.lifecycle", "this service has no plugins to start"),
    used("backend.health.headers", "headers of health responses"),
    not_served(
        "backend.rateLimit",
        "requests are not limited here; limit them in front of the load balancer, such as by AWS WAF's rate-based rules",
    ),
    not_served(
        "backend.csp",
        "this service sends no Content-Security-Policy: its responses are JSON, and a page's policy comes with the page",
    ),
    not_served("backend.trustProxy", "no client address is read here"),
    not_served("backend.server", "the limits of connections are fixed here"),
    used("backend.database.client", DATABASE),
    used("backend.database.connection", DATABASE),
    used("backend.database.prefix", DATABASE),
    used("backend.database.schemaPrefix", DATABASE),
    used("backend.database.pluginDivisionMode", DATABASE),
    used("backend.database.ensureExists", "whether a missing database may be created"),
    used("backend.database.role", "the role of the connection (SET ROLE)"),
    used("backend.database.plugin.auth.knexConfig.searchPath", "the schemas in which the tables are looked for"),
    not_served("backend.database.plugin.auth.knexConfig.*", "it is for Node's database client"),
    used("backend.database.plugin.auth.client", DATABASE),
    used("backend.database.plugin.auth.connection", DATABASE),
    used("backend.database.plugin.auth.ensureExists", "whether a missing database may be created"),
    used("backend.database.plugin.auth.role", "the role of the connection (SET ROLE)"),
    of_others("backend.database.plugin.auth", "it is for Backstage's own migrations"),
    of_others("backend.database.plugin", "another plugin's database"),
    used("backend.database.knexConfig.searchPath", "the schemas in which the tables are looked for"),
    not_served("backend.database.knexConfig.*", "it is for Node's database client"),
    of_others("backend.database", "it is for Backstage's own database clients"),
    of_others("backend", "nothing of an auth service"),
    used("discovery.endpoints", "the addresses of the catalog and of this service; other plugins' are ignored"),
    of_others("discovery", "nothing of an auth service"),
];

/// The rule for a key. There is one for every key below `auth`, `backend` and `discovery`.
pub(super) fn rule_of(key: &Key<'_>) -> Option<&'static Rule> {
    RULES.iter().find(|rule| {
        let mut names = key.names();
        rule.path.split('.').all(|wanted| names.next().is_some_and(|name| wanted == "*" || wanted == name))
    })
}

/// A warning for each key, or each group of keys, that has no effect here and would have one in a stock auth backend.
pub(super) fn not_served_here(keys: &[Key<'_>]) -> Vec<Warning> {
    let mut ignored: Once<(KeyAt, &Rule)> = Once::default();
    for key in keys {
        let Some(rule) = rule_of(key).filter(|rule| rule.verdict == Verdict::NotServed) else { continue };
        ignored.add((key.above(rule.path.split('.').count()), rule));
    }
    let warning = |(key, rule): (KeyAt, &Rule)| {
        let meant = rule.meant(&key).map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        Warning::ignored(key, format!("{}{meant}", rule.why))
    };
    ignored.into_list().into_iter().map(warning).collect()
}
