//! `postgresql://user:password@host:5432/database?sslmode=verify-full`, as the stock driver of PostgreSQL reads it.

use std::path::Path;

use percent_encoding::percent_decode_str;

use super::{connection::Connection, tls::DatabaseTls};
use crate::backstage::settings::Secret;

/// The longest file of certificates that is read.
const MAX_ROOTS_BYTES: u64 = 1024 * 1024;

/// What a URL says.
pub(super) struct Parsed {
    pub(super) connection: Connection,
    /// Names of parameters that change nothing here.
    pub(super) passed_over: Vec<String>,
}

/// # Errors
/// What is wrong, as the end of a sentence; never what is written.
pub(super) fn parse(text: &str) -> Result<Parsed, String> {
    const WANTED: &str = "must be a URL such as postgresql://<user>:<password>@<host>:5432/<database>";
    let rest = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://")).ok_or(WANTED)?;
    let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = before.split_once('/').unwrap_or((before, ""));
    let (user_info, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    // A name of colons is an IPv6 address, which stands in brackets.
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (address, ""),
    };
    let mut connection = Connection {
        host: decoded(host.trim_start_matches('[').trim_end_matches(']'))?,
        port: port_of(port)?,
        user: decoded(user)?,
        password: decoded(password)?.map(Secret::new),
        database: decoded(database)?,
        ..Connection::default()
    };
    let (mut passed_over, mut ssl) = (Vec::new(), Ssl::default());
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let value = decoded(value)?;
        match name {
            "host" => connection.host = value,
            "port" => connection.port = port_of(&value.unwrap_or_default())?,
            "user" => connection.user = value,
            "password" => connection.password = value.map(Secret::new),
            "ssl" => ssl.on = value,
            "sslmode" => ssl.mode = value,
            "sslrootcert" => ssl.roots = value,
            "uselibpqcompat" => ssl.as_libpq = value.as_deref() == Some("true"),
            "sslcert" | "sslkey" => return Err("asks for a certificate of the client, which is not served".to_owned()),
            "application_name" => {}
            other if other.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') => {
                passed_over.push(other.to_owned());
            }
            // It may be the rest of a password.
            _ => return Err("has a parameter that is none: a ? in a password is written %3F".to_owned()),
        }
    }
    connection.tls = ssl.tls()?;
    Ok(Parsed { connection, passed_over })
}

fn decoded(text: &str) -> Result<Option<String>, String> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| "has an escape that is not UTF-8".to_owned())?;
    Ok((!text.is_empty()).then(|| text.into_owned()))
}

fn port_of(text: &str) -> Result<Option<u16>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| "has a port that is none".to_owned())
}

/// What the parameters say of encryption.
#[derive(Default)]
struct Ssl {
    on: Option<String>,
    mode: Option<String>,
    roots: Option<String>,
    /// The meanings of libpq instead of the driver's own.
    as_libpq: bool,
}

impl Ssl {
    fn tls(&self) -> Result<Option<DatabaseTls>, String> {
        let verified = || Ok(Some(DatabaseTls::Verified { roots: self.authorities()? }));
        match (self.mode.as_deref(), self.as_libpq) {
            (None, _) if self.roots.is_some() => verified(),
            (None, _) => match self.on.as_deref() {
                Some("true" | "1") => verified(),
                Some("0" | "false") => Ok(Some(DatabaseTls::Off)),
                None => Ok(None),
                Some(_) => Err("has a parameter ssl that is neither true nor false".to_owned()),
            },
            (Some("disable"), _) => Ok(Some(DatabaseTls::Off)),
            (Some("no-verify"), false) | (Some("prefer"), true) => Ok(Some(DatabaseTls::Unverified)),
            (Some("require"), true) if self.roots.is_none() => Ok(Some(DatabaseTls::Unverified)),
            (Some("require" | "verify-ca"), true) => {
                Err("has an sslmode that checks the authority and not the host: write sslmode=verify-full".to_owned())
            }
            // The driver takes all of them for the strictest.
            (Some("prefer" | "require" | "verify-ca"), false) | (Some("verify-full"), _) => verified(),
            _ => Err("has an sslmode that is none: write sslmode=verify-full".to_owned()),
        }
    }

    fn authorities(&self) -> Result<Option<String>, String> {
        let Some(path) = &self.roots else { return Ok(None) };
        let unread = |problem: String| format!("has an sslrootcert that {problem}");
        let size =
            std::fs::metadata(Path::new(path)).map_err(|error| unread(format!("cannot be read: {error}")))?.len();
        if size > MAX_ROOTS_BYTES {
            return Err(unread(format!("has more than {MAX_ROOTS_BYTES} bytes")));
        }
        let text = std::fs::read_to_string(path).map_err(|error| unread(format!("cannot be read: {error}")))?;
        if text.contains("-----BEGIN CERTIFICATE-----") {
            Ok(Some(text))
        } else {
            Err(unread("has no PEM block CERTIFICATE".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls(query: &str) -> Result<Option<DatabaseTls>, String> {
        parse(&format!("postgres://u@h/d?{query}")).map(|parsed| parsed.connection.tls)
    }

    #[test]
    fn the_parts_are_found_and_decoded() {
        let parsed = parse("postgresql://us%40er:p%3Aw@db.example.com:6432/my%20db?application_name=x&pool=1").unwrap();
        let connection = parsed.connection;
        assert_eq!(connection.host.as_deref(), Some("db.example.com"));
        assert_eq!(connection.port, Some(6432));
        assert_eq!(connection.user.as_deref(), Some("us@er"));
        assert_eq!(connection.password.as_ref().map(Secret::expose), Some("p:w"));
        assert_eq!(connection.database.as_deref(), Some("my db"));
        assert_eq!(parsed.passed_over, ["pool"]);
        let short = parse("postgres://[::1]").unwrap().connection;
        assert_eq!((short.host.as_deref(), short.port, short.user), (Some("::1"), None, None));
        let socket = parse("postgres://u@/d?host=/var/run/postgresql").unwrap().connection;
        assert_eq!((socket.host.as_deref(), socket.database.as_deref()), (Some("/var/run/postgresql"), Some("d")));
        for wrong in
            ["mysql://h/d", "db.example.com", "postgres://h:x/d", "postgres://u:%ff@h/d", "postgres://u:1?canary@h/d"]
        {
            let said = parse(wrong).map(drop).unwrap_err();
            assert!(!said.contains("canary"), "{wrong}: {said}");
        }
    }

    #[test]
    fn encryption_is_what_the_driver_makes_of_it() {
        let verified = Ok(Some(DatabaseTls::Verified { roots: None }));
        for (query, expected) in [
            ("", Ok(None)),
            ("sslmode=disable", Ok(Some(DatabaseTls::Off))),
            ("ssl=true", verified.clone()),
            ("sslmode=require", verified.clone()),
            ("sslmode=verify-full", verified.clone()),
            ("sslmode=no-verify", Ok(Some(DatabaseTls::Unverified))),
            ("sslmode=require&uselibpqcompat=true", Ok(Some(DatabaseTls::Unverified))),
            ("sslmode=verify-full&uselibpqcompat=true", verified),
        ] {
            assert_eq!(tls(query), expected, "{query}");
        }
        for wrong in [
            "sslmode=often",
            "ssl=often",
            "sslrootcert=/nowhere.pem",
            "sslcert=/x",
            "sslmode=verify-ca&uselibpqcompat=true",
        ] {
            assert!(tls(wrong).is_err(), "{wrong}");
        }
    }
}
