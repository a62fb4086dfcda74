//! Every key of the auth service: how it is read, and what it does. The one place that declares a setting.
//!
//! The rows are read in this order, so that a setting is read before those that depend on it. Where several rows fit a key, the one
//! with the longest path holds. The members of `auth.providers.awsalb` that the layer reads are declared beside their reader, in
//! `PROVIDER_KEYS`.

use std::time::Duration;

use super::{
    catalog::{self, read_catalog},
    database::{self, Database, read_database},
    discovery::{ENDPOINTS, Endpoints, Side, not_an_address},
    fields::Draft,
    guest::read_guest,
    health::read_health_headers,
    key_store::{self, check_algorithm, read_key_store, read_plugin_keys},
    listen::read_listen,
    reader::{Path, Reader},
    setting::{Kind, Place, Setting},
    sign_out::{read_checked, sign_out},
    urls::{
        APP_URL, BASE_URL, CORS_ORIGINS, INSECURE_ORIGINS, absolute, allowed_origins, insecure_address, read_origins,
    },
};
use crate::{SignOutBuilder, backstage::origins::is_insecure};

const DATABASE: &str = "where the auth plugin's tables are";
const ENSURE_EXISTS: &str = "whether a missing database may be created";
const ROLE: &str = "the role of the connection (SET ROLE)";
const SEARCH_PATH: &str = "the schemas in which the tables are looked for";
const OF_NODES_CLIENT: &str = "it is for Node's database client";
const CLIENTS: &str = "Backstage's command line and MCP clients are not signed in here; an auth backend that signs them in can \
                       stand behind, by --upstream <URL>";
const FRONT_END: &str = "the front end reads it";

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The settings, and the keys that are not served here.
pub(super) const SETTINGS: &[Setting] = &[
    // Addresses, and the origins of pages.
    Setting {
        path: BASE_URL,
        kind: Kind::Url {
            example: "https://<the backend's host, as browsers see it>",
            place: |draft| &mut draft.base_url,
        },
        effect: "where browsers find this service",
    },
    Setting {
        path: APP_URL,
        kind: Kind::Url { example: "https://<the application's host>", place: |draft| &mut draft.app_url },
        effect: "the origin whose pages may send requests",
    },
    own(CORS_ORIGINS.whole(), "further origins whose pages may send requests", |reader, path, draft| {
        let of_cors = read_origins(reader, path);
        draft.allowed_origins = Some(allowed_origins(draft.app_url.as_deref(), of_cors));
    }),
    flag(
        INSECURE_ORIGINS.whole(),
        "whether pages of plain http and of the visitor's own machine may send requests beside an https address",
        false,
        |draft| &mut draft.allow_insecure_origins,
    ),
    not_served(
        "backend.cors.*",
        "pages of those origins may send GET and POST with credentials, and nothing else is needed",
    ),
    own("backend.listen", "the address that accepts connections", |reader, path, draft| {
        draft.listen = read_listen(reader, path);
    }),
    not_served("backend.https", "TLS ends at the load balancer: connections are plain http"),
    // Tokens.
    Setting {
        path: Path::new("auth.backstageTokenExpiration"),
        kind: Kind::Duration {
            default: seconds(3600),
            range: seconds(600)..=seconds(24 * 3600),
            step: seconds(1),
            place: |draft| &mut draft.token_lifetime,
        },
        effect: "how long a token lives",
    },
    flag("auth.omitIdentityTokenOwnershipClaim", "whether the claim ent is left out of tokens", true, |draft| {
        &mut draft.omit_ownership_claim
    }),
    own("auth.identityTokenAlgorithm", "ES256 is the only one", |reader, path, _| {
        check_algorithm(reader, &reader.section(path.section()), path.key());
    }),
    // The database, and the keys that may be in it.
    own(database::CLIENT.all.whole(), DATABASE, |reader, _, draft| {
        draft.found_database = read_database(reader);
        draft.database = Some(match &draft.found_database {
            Database::Postgres(settings) => Some((**settings).clone()),
            Database::Passing | Database::Other(_) => None,
        });
    }),
    beside(database::CONNECTION.all, DATABASE),
    beside(database::PREFIX, DATABASE),
    beside(database::SCHEMA_PREFIX, DATABASE),
    beside(database::DIVISION_MODE, DATABASE),
    beside(database::ENSURE_EXISTS.all, ENSURE_EXISTS),
    beside(database::ROLE.all, ROLE),
    beside(database::SEARCH_PATH.all, SEARCH_PATH),
    not_served("backend.database.knexConfig.*", OF_NODES_CLIENT),
    beside(database::CLIENT.own, DATABASE),
    beside(database::CONNECTION.own, DATABASE),
    beside(database::ENSURE_EXISTS.own, ENSURE_EXISTS),
    beside(database::ROLE.own, ROLE),
    beside(database::SEARCH_PATH.own, SEARCH_PATH),
    not_served("backend.database.plugin.auth.knexConfig.*", OF_NODES_CLIENT),
    of_others("backend.database.plugin.auth", "it is for Backstage's own migrations"),
    of_others("backend.database.plugin", "another plugin's database"),
    of_others("backend.database", "it is for Backstage's own database clients"),
    own("auth.keyStore.provider", "where signing keys come from", |reader, path, draft| {
        draft.key_store = read_key_store(reader, path, &draft.found_database);
    }),
    beside(key_store::STATIC_KEYS, "signing keys in files"),
    not_served("auth.keyStore.static.*", "the only key for files is auth.keyStore.static.keys"),
    not_served("auth.keyStore.*", "keys are in memory, in PostgreSQL or in files"),
    own("backend.auth.pluginKeyStore", "where the keys of plugin tokens come from", |reader, path, draft| {
        draft.plugin_keys = Some(read_plugin_keys(reader, path));
    }),
    // How the service ends, and what probes get.
    Setting {
        path: Path::new("backend.lifecycle.serverShutdownDelay"),
        kind: Kind::Duration {
            default: Duration::ZERO,
            // As --shutdown-delay.
            range: Duration::ZERO..=seconds(300),
            step: Duration::from_millis(1),
            place: |draft| &mut draft.shutdown_delay,
        },
        effect: "how long the service continues after a signal to end",
    },
    of_others("backend.lifecycle", "this service has no plugins to start"),
    own("backend.health.headers", "headers of health responses", |reader, path, draft| {
        draft.health_headers = Some(read_health_headers(reader, path));
    }),
    // The catalog.
    own("backend.auth.externalAccess", "the token for the catalog", |reader, path, draft| {
        draft.catalog = read_catalog(reader, path, base_of(draft));
    }),
    of_others("backend.auth", "back ends authenticate each other with it"),
    beside(catalog::PLAIN_HTTP, "whether a catalog on another machine may be queried over plain http"),
    // Providers.
    own(
        "auth.providers.guest",
        "sessions without a sign-in: only with NODE_ENV=development, unless dangerouslyAllowOutsideDevelopment is true",
        |reader, path, draft| draft.guest = Some(read_guest(reader, path)),
    ),
    own("auth.providers.awsalb.sessionCookieName", "the cookie that sign-out expires", |reader, path, draft| {
        draft.session_cookie = read_checked(reader, path, SignOutBuilder::cookie_name);
    }),
    own("auth.providers.awsalb.signOutUrl", "where sign-out sends the browser", |reader, path, draft| {
        draft.sign_out_url = read_checked(reader, path, SignOutBuilder::end_session);
        let (cookie, url) = (draft.session_cookie.as_deref(), draft.sign_out_url.as_deref());
        draft.sign_out = sign_out(cookie, url, draft.allowed_origins.as_deref().unwrap_or_default());
    }),
    flag(
        "auth.providers.awsalb.exposeAccessToken",
        "whether a session shows the provider's access token",
        false,
        |draft| &mut draft.expose_access_token,
    ),
    // The provider warns about it.
    of_others(
        "auth.providers.awsalb.sessionDuration",
        "the session is the load balancer's, see SessionTimeout of the listener rule",
    ),
    beside(Path::new("auth.providers.awsalb"), "the provider that is served here"),
    not_served(
        "auth.providers.*",
        "only awsalb and guest are served here; an auth backend that serves it can stand behind, by --upstream <URL>",
    ),
    // Addresses of plugins.
    own(
        ENDPOINTS.whole(),
        "the addresses of the catalog and of this service; other plugins' are ignored",
        |reader, _, draft| draft.auth_url = read_auth_url(reader, draft),
    ),
    of_others("discovery", "nothing of an auth service"),
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
    // The rest of the backend.
    not_served(
        "backend.rateLimit",
        "requests are not limited here; limit them in front of the load balancer, such as by AWS WAF's rate-based rules",
    ),
    not_served(
        "backend.csp",
        "this service sends no Content-Security-Policy: its responses are JSON, and a page's policy comes with the page",
    ),
    not_served("backend.trustProxy", "no client address is read here"),
    not_served(
        "backend.server",
        "the limits of connections are --header-timeout, --idle-timeout and --max-connections here",
    ),
    of_others("backend", "nothing of an auth service"),
];

const fn flag(path: &'static str, effect: &'static str, default: bool, place: Place<bool>) -> Setting {
    Setting { path: Path::new(path), kind: Kind::Flag { default, place }, effect }
}

const fn own(path: &'static str, effect: &'static str, read: fn(&Reader<'_>, Path, &mut Draft)) -> Setting {
    Setting { path: Path::new(path), kind: Kind::Own(read), effect }
}

const fn beside(path: Path, effect: &'static str) -> Setting {
    Setting { path, kind: Kind::Beside, effect }
}

const fn of_others(path: &'static str, effect: &'static str) -> Setting {
    Setting { path: Path::new(path), kind: Kind::OfOthers, effect }
}

const fn not_served(path: &'static str, effect: &'static str) -> Setting {
    Setting { path: Path::new(path), kind: Kind::NotServed, effect }
}

/// The address of the backend. A placeholder stands for one that is missing, so that the rest is checked.
fn base_of(draft: &Draft) -> &str {
    draft.base_url.as_deref().unwrap_or("https://backend.invalid")
}

fn read_auth_url(reader: &Reader<'_>, draft: &Draft) -> Option<String> {
    let Some((url, of)) = Endpoints::read(reader).of("auth", Side::External) else {
        return Some(format!("{}/api/auth", base_of(draft)));
    };
    let sound = absolute(&url);
    if sound.is_none() {
        reader.problem(not_an_address(of.clone(), &url, "this service's address"));
    }
    if let (Some(url), Some(public)) = (&sound, draft.urls().and_then(|urls| urls.public()))
        && is_insecure(url)
    {
        reader.problem(insecure_address(of, url, public));
    }
    sound
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{
        backstage::settings::duration::{RangeInWords, Words},
        internal::PROVIDER_KEYS,
    };

    fn is_used(setting: &Setting) -> bool {
        !matches!(setting.kind, Kind::OfOthers | Kind::NotServed)
    }

    /// The rows of the table of docs/CONFIGURATION.md that stands behind these words: key and meaning.
    fn page(table: &str) -> Vec<(String, String)> {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIGURATION.md");
        let text = fs::read_to_string(path).expect("the page");
        let table = text.split(table).nth(1).and_then(|rest| rest.split("\n\n").next()).expect("the table");
        let rows = table.lines().filter_map(|row| row.strip_prefix("| `")?.split_once(" | "));
        let rows: Vec<_> = rows.map(|(key, meaning)| (format!("`{key}"), meaning.to_owned())).collect();
        assert!(rows.len() > 10, "{rows:?}");
        rows
    }

    /// The texts between backticks.
    fn code(cell: &str) -> impl Iterator<Item = &str> {
        cell.split('`').skip(1).step_by(2)
    }

    #[test]
    fn each_setting_has_its_row_on_the_page_with_its_default_and_range() {
        let rows = page("act on a key and this one does not, then the key is named at\nstart-up.\n\n");
        for setting in
            SETTINGS.iter().filter(|setting| is_used(setting) && setting.path.whole() != "auth.providers.awsalb")
        {
            // What is set for one plugin is explained with what is set for all.
            let path = setting.path.whole().replace(".plugin.auth.", ".");
            let explains = |(key, meaning): &&(String, String)| {
                let below = |whole: &str| path.strip_prefix(whole)?.strip_prefix('.').map(str::to_owned);
                code(key).any(|whole| whole == path)
                    || code(meaning).any(|whole| whole == path)
                    || code(key).filter_map(below).any(|rest| code(meaning).any(|named| named.starts_with(&rest)))
            };
            let (_, meaning) = rows.iter().find(explains).unwrap_or_else(|| panic!("{path} has no row"));
            let words: Vec<String> = match &setting.kind {
                Kind::Flag { default, .. } => vec![format!("`{}`", !default)],
                Kind::Url { .. } => vec!["required".to_owned()],
                Kind::Duration { default, range, .. } if range.start().is_zero() => {
                    assert!(default.is_zero(), "{path}: name the default on the page");
                    vec![format!("{} at most", Words(*range.end()))]
                }
                Kind::Duration { default, range, .. } => {
                    vec![format!("{} unless set", Words(*default)), RangeInWords(range).to_string()]
                }
                _ => Vec::new(),
            };
            for words in words {
                assert!(meaning.contains(&words), "{path}: {words:?} is missing in {meaning:?}");
            }
        }
        for key in rows.iter().flat_map(|(key, _)| code(key)) {
            let declared = |setting: &Setting| {
                let rest = setting.path.whole().strip_prefix(key);
                is_used(setting) && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            assert!(SETTINGS.iter().any(declared), "{key} is on the page, and no setting");
        }
    }

    #[test]
    fn each_key_of_the_layer_has_its_row_on_the_page() {
        let rows = page("| key of `auth.providers.awsalb` | meaning |");
        for (name, _) in PROVIDER_KEYS {
            let named = |cell: &str| code(cell).any(|text| text.split(['.', ':']).next() == Some(name));
            assert!(rows.iter().any(|(key, meaning)| named(key) || named(meaning)), "{name}");
        }
        for key in rows.iter().flat_map(|(key, _)| code(key)) {
            let name = key.split('.').next().unwrap_or_default();
            assert!(
                PROVIDER_KEYS.iter().any(|(declared, _)| *declared == name),
                "{key} is on the page, and no setting"
            );
        }
    }
}
