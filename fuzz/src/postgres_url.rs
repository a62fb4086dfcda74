//! Addresses of databases, against tokio-postgres' own reader where both define a meaning, and for secrets in messages.

use tokio_postgres::config::Host;
use tower_alb_auth::{
    backstage::store::postgres::Postgres,
    fuzzing::backstage::{Address, postgres_url},
};

const PASSWORD: &str = "canary-of-a-password";

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    // A certificate file would be read from the disk.
    if percent_encoding::percent_decode_str(text).decode_utf8_lossy().contains("sslrootcert") {
        return;
    }
    check(text);
    secrets(text);
}

fn check(text: &str) {
    let read = postgres_url(text);
    let builder = Postgres::from_url(text);
    let Ok(url) = read else {
        assert!(builder.is_err(), "one reader for both");
        return;
    };
    assert!(builder.is_ok() || !url.ignored.is_empty() || text.contains("uselibpqcompat"), "{:?}", builder.err());
    assert!(!url.ignored.iter().any(|name| name.contains(':') || name.contains('@')));
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    let (authority, after) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    // By the URL Standard the authority ends at the first of these; tokio-postgres looks for an @ after them, too.
    if after.contains('@') {
        return;
    }
    if authority.matches('@').count() > 1 {
        // The URL Standard, and so the driver for Node.js, splits at the last one; tokio-postgres at the first.
        let last = authority.rsplit_once('@').map_or("", |(user_info, _)| user_info);
        let user = url.user.as_deref().unwrap_or_default();
        assert!(last.starts_with(user) || last.contains('%') || text.contains("user="), "{user}");
        return;
    }
    let Ok(other) = text.parse::<tokio_postgres::Config>() else { return };
    agrees(&url, &other, text);
}

/// Values of the query go over those before it for one reader, and beside them for the other.
fn agrees(url: &Address, other: &tokio_postgres::Config, text: &str) {
    let query = text.split_once('?').map_or("", |(_, query)| query);
    if ["host", "port", "user", "password", "dbname"].iter().any(|name| query.contains(name)) {
        return;
    }
    assert_eq!(url.user.as_deref().unwrap_or_default(), other.get_user().unwrap_or_default());
    let password = other.get_password().map(String::from_utf8_lossy).unwrap_or_default();
    assert_eq!(url.password.as_deref().unwrap_or_default(), password);
    assert_eq!(url.database.as_deref().unwrap_or_default(), other.get_dbname().unwrap_or_default());
    match other.get_hosts() {
        [] => assert_eq!(url.host, None),
        [Host::Tcp(host)] => assert_eq!(url.host.as_deref().unwrap_or_default(), host),
        #[cfg(unix)]
        [Host::Unix(path)] => assert_eq!(url.host.as_deref(), path.to_str()),
        // A list of hosts, of which this reader knows nothing: the whole text is the host.
        _ => {}
    }
    if let ([_], [port]) = (other.get_hosts(), other.get_ports()) {
        assert_eq!(url.port.unwrap_or(5432), *port);
    }
}

/// A password in any place where an address may have one is in no message.
fn secrets(text: &str) {
    // The fuzzer learns the password from comparisons, and writes it where no password belongs.
    if text.contains("canary") {
        return;
    }
    for address in [
        format!("postgres://u:{PASSWORD}{text}"),
        format!("postgres://u:{text}{PASSWORD}@h/d"),
        format!("postgres://{text}:{PASSWORD}@h/d"),
        format!("postgres://h/d?password={PASSWORD}{text}"),
    ] {
        let shown = match Postgres::from_url(&address) {
            Ok(builder) => format!("{builder:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        let is_password =
            postgres_url(&address).is_ok_and(|url| url.password.is_some_and(|password| password.contains(PASSWORD)));
        let is_fault = postgres_url(&address).is_err();
        assert!(!(is_password || is_fault) || !shown.contains(PASSWORD), "{shown}");
    }
}
