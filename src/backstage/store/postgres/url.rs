//! [`Postgres::from_url`]: an address as settings of the store.

use super::{Postgres, PostgresBuilder};
use crate::{
    ConfigError,
    backstage::settings::PostgresUrl,
    config::{Problem, ProblemKind},
};

/// The address is never repeated in a message: a password with a character that is not encoded may be any part of it.
pub(super) fn parse(url: &str) -> Result<PostgresBuilder, ConfigError> {
    let problem = |kind, predicate: String| Problem::sentence(kind, format!("PostgreSQL's address {predicate}"));
    let url = PostgresUrl::parse(url)
        .map_err(|fault| ConfigError::new([problem(fault.kind, fault.predicate).maybe_caused_by(fault.source)]))?;
    let unsupported = url.ignored.iter().map(String::as_str).chain(url.as_libpq.then_some("uselibpqcompat"));
    let problems: Vec<Problem> = unsupported
        .map(|name| {
            let predicate = format!("has the parameter {}, which is not supported", crate::internal::quoted(name));
            problem(ProblemKind::UnknownKey, predicate).with_fix("set other options on the builder")
        })
        .collect();
    if !problems.is_empty() {
        return Err(ConfigError::new(problems));
    }
    let host = url.host.unwrap_or_else(|| "localhost".to_owned());
    let mut builder = Postgres::builder(host, url.database.unwrap_or_default());
    if let Some(port) = url.port {
        builder = builder.port(port);
    }
    if let Some(user) = url.user {
        builder = builder.user(user);
    }
    if let Some(password) = url.password {
        builder = builder.password(password.expose());
    }
    Ok(match url.tls {
        // The builder's own default, which is verified.
        None => builder,
        Some(tls) => builder.tls(tls),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_backstages_driver_reads_it() {
        for (url, expected) in [
            (
                "postgres://u:p@db.example.com:6543/auth",
                r#"host: "db.example.com", port: 6543, user: Some("u"), database: "auth", schema: None, tls: Verified"#,
            ),
            (
                "postgresql://u%40x@[::1]/auth?sslmode=disable",
                r#"host: "::1", port: 5432, user: Some("u@x"), database: "auth", schema: None, tls: Off"#,
            ),
            (
                "postgres://u:p%2Fq@/auth?ssl=true",
                r#"host: "localhost", port: 5432, user: Some("u"), database: "auth", schema: None, tls: Verified"#,
            ),
            (
                "postgres://u@%2Frun%2Fpostgresql/auth?sslmode=no-verify",
                r#"host: "/run/postgresql", port: 5432, user: Some("u"), database: "auth", schema: None, tls: Unverified"#,
            ),
        ] {
            let shown = format!("{:?}", parse(url).unwrap());
            assert!(shown.contains(expected), "{url}: {shown}");
        }
    }

    #[test]
    fn a_wrong_address_is_refused_and_never_shown() {
        for (url, expected) in [
            ("mysql://u:canary@db/auth", "must be a URL such as postgresql://"),
            ("u:canary@db", "must be a URL"),
            ("postgres://u:canary@[::1/auth", "must be a URL"),
            ("postgres://u:canary#x@db/auth", "%23"),
            ("postgres://u:canary@db:port/auth", "not a number"),
            ("postgres://u:canary@db/auth?sslmode=often", "sslmode"),
            ("postgres://u:canary@db/auth?sslmode=", "sslmode"),
            ("postgres://u:canary@db/auth?sslmode=require&uselibpqcompat=true", "\"uselibpqcompat\""),
            ("postgres://u:canary@db/auth?options=-csearch_path%3Dx", "\"options\""),
            ("postgres://u:canary%ff@db/auth", "UTF-8"),
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(expected), "{url}: {error}");
            assert!(!error.contains("canary"), "{url}: {error}");
        }
    }
}
