//! Settings from a URL.

use percent_encoding::percent_decode_str;

use super::{Postgres, PostgresBuilder, PostgresTls};
use crate::ConfigError;

const EXAMPLE: &str = "postgres://user:password@host:5432/backstage_plugin_auth";

/// Messages never repeat the URL: an unencoded character can make any part of it a part of the
/// password.
pub(super) fn parse(url: &str) -> Result<PostgresBuilder, ConfigError> {
    let no_address = || ConfigError::message(format!("PostgreSQL's URL is invalid: write {EXAMPLE}"));
    let rest = url.strip_prefix("postgres://").or_else(|| url.strip_prefix("postgresql://")).ok_or_else(no_address)?;
    if rest.contains('#') {
        return Err(ConfigError::message("PostgreSQL's URL contains a #: write it as %23 in user or password"));
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let (login, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = host_and_port(address).ok_or_else(no_address)?;

    let mut builder = Postgres::builder(decoded(host)?, decoded(database)?);
    if let Some(port) = port {
        builder = builder.port(
            port.parse()
                .map_err(|_| ConfigError::message("the port in PostgreSQL's URL is not a number from 1 to 65535"))?,
        );
    }
    let (user, password) = login.split_once(':').map_or((login, None), |(user, password)| (user, Some(password)));
    if !user.is_empty() {
        builder = builder.user(decoded(user)?);
    }
    if let Some(password) = password {
        builder = builder.password(decoded(password)?);
    }
    for (name, value) in
        query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    {
        builder = match (name, value) {
            ("sslmode", "disable") | ("ssl", "false" | "0") => builder.tls(PostgresTls::off()),
            ("sslmode", "require" | "verify-ca" | "verify-full") | ("ssl", "true" | "1") => {
                builder.tls(PostgresTls::verified())
            }
            ("sslmode", "no-verify") => builder.tls(PostgresTls::dangerously_accept_any_certificate()),
            ("sslmode", _) => {
                return Err(ConfigError::message(
                    "sslmode in PostgreSQL's URL has an unknown value: write disable, verify-full, or no-verify, which is dangerous",
                ));
            }
            ("ssl", _) => {
                return Err(ConfigError::message("ssl in PostgreSQL's URL has an unknown value: write true or false"));
            }
            (name, _) => {
                return Err(ConfigError::message(format!(
                    "the parameter {} in PostgreSQL's URL is unknown: only sslmode and ssl are supported; set the rest on the builder",
                    crate::internal::quoted(name)
                )));
            }
        };
    }
    Ok(builder)
}

/// Parses `host`, `host:port`, `[v6]` or `[v6]:port`. An empty host is this machine.
fn host_and_port(address: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
        }
        None => address.split_once(':').map_or((address, None), |(host, port)| (host, Some(port))),
    };
    Some((if host.is_empty() { "localhost" } else { host }, port))
}

fn decoded(text: &str) -> Result<String, ConfigError> {
    let text = percent_decode_str(text).decode_utf8();
    let broken = |_| ConfigError::message("PostgreSQL's URL has percent-encoded bytes that are not UTF-8");
    text.map(|text| text.into_owned()).map_err(broken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_backstages_driver_reads_it() {
        for (url, expected) in [
            (
                "postgres://u:p@db.example.com:6543/auth",
                r#"host: "db.example.com", port: 6543, user: Some("u"), database: "auth", schema: None, tls: PostgresTls(verified, compiled roots)"#,
            ),
            (
                "postgresql://u%40x@[::1]/auth?sslmode=disable",
                r#"host: "::1", port: 5432, user: Some("u@x"), database: "auth", schema: None, tls: PostgresTls(off)"#,
            ),
            (
                "postgres://u:p%2Fq@/auth?ssl=true",
                r#"host: "localhost", port: 5432, user: Some("u"), database: "auth", schema: None, tls: PostgresTls(verified, compiled roots)"#,
            ),
            (
                "postgres://u@%2Frun%2Fpostgresql/auth?sslmode=no-verify",
                r#"host: "/run/postgresql", port: 5432, user: Some("u"), database: "auth", schema: None, tls: PostgresTls(any certificate)"#,
            ),
        ] {
            let shown = format!("{:?}", parse(url).unwrap());
            assert!(shown.contains(expected), "{url}: {shown}");
        }
    }

    #[test]
    fn a_wrong_address_is_refused_and_never_shown() {
        for (url, expected) in [
            ("mysql://u:canary@db/auth", "write postgres://"),
            ("u:canary@db", "write postgres://"),
            ("postgres://u:canary@[::1/auth", "write postgres://"),
            ("postgres://u:canary#x@db/auth", "%23"),
            ("postgres://u:canary@db:port/auth", "not a number"),
            ("postgres://u:canary@db/auth?sslmode=prefer", "sslmode"),
            ("postgres://u:canary@db/auth?sslmode=", "sslmode"),
            ("postgres://u:canary@db/auth?options=-csearch_path%3Dx", "\"options\""),
            ("postgres://u:canary%ff@db/auth", "UTF-8"),
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(expected), "{url}: {error}");
            assert!(!error.contains("canary"), "{url}: {error}");
        }
    }
}
