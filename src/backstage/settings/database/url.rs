//! `postgresql://user:password@host:5432/database?sslmode=verify-full`, read as PostgreSQL's driver for Node reads it.
//!
//! This is the one parser of such addresses: for `backend.database.connection` and for
//! [`Postgres::from_url`](crate::backstage::store::postgres::Postgres::from_url). The two differ in what an address without `sslmode` and
//! `ssl` means, which is up to the caller.
//!
//! | in the address | TLS |
//! |---|---|
//! | `sslmode=disable`, `ssl=0` | off |
//! | `ssl=false` | refused: the driver takes every other text for true |
//! | `sslmode=prefer`, `require`, `verify-ca`, `verify-full`; `ssl=true`, `ssl=1`; `sslrootcert` or `sslnegotiation=direct` alone | verified |
//! | `sslmode=no-verify` | any certificate |
//! | neither `sslmode`, `ssl` nor `sslrootcert` | not set: the caller's default |
//! | `sslmode` and `ssl` | what `sslmode` says |
//! | `uselibpqcompat=true` | `prefer`, and `require` without `sslrootcert`, accept any certificate, as in libpq |

use std::{io, path::Path};

use percent_encoding::percent_decode_str;

use super::tls::DatabaseTls;
use crate::{backstage::settings::Secret, config::ProblemKind, internal::tls::read_pem};

/// The longest file of certificates that is read.
const MAX_ROOTS_BYTES: u64 = 1024 * 1024;

/// The parts of an address. What it leaves out is up to the caller.
#[derive(Default)]
pub(in crate::backstage) struct PostgresUrl {
    pub(in crate::backstage) host: Option<String>,
    pub(in crate::backstage) port: Option<u16>,
    pub(in crate::backstage) user: Option<String>,
    pub(in crate::backstage) password: Option<Secret>,
    pub(in crate::backstage) database: Option<String>,
    pub(in crate::backstage) tls: Option<DatabaseTls>,
    /// Names of parameters that have no effect here.
    pub(in crate::backstage) ignored: Vec<String>,
    /// Whether `sslmode` has the meanings of libpq.
    pub(in crate::backstage) as_libpq: bool,
}

/// What is wrong with an address, as a predicate: never the address, which may hold a password.
#[derive(Debug)]
pub(in crate::backstage) struct UrlFault {
    pub(in crate::backstage) kind: ProblemKind,
    pub(in crate::backstage) predicate: String,
    pub(in crate::backstage) source: Option<io::Error>,
}

impl UrlFault {
    fn new(kind: ProblemKind, predicate: impl Into<String>) -> Self {
        Self { kind, predicate: predicate.into(), source: None }
    }

    fn invalid(predicate: &str) -> Self {
        Self::new(ProblemKind::InvalidValue, predicate)
    }
}

impl PostgresUrl {
    /// # Errors
    /// The text is not such an address, or a parameter has a value without a meaning.
    pub(in crate::backstage) fn parse(text: &str) -> Result<Self, UrlFault> {
        let no_address =
            || UrlFault::invalid("must be a URL such as postgresql://<user>:<password>@<host>:5432/<database>");
        let rest = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"));
        let rest = rest.ok_or_else(no_address)?;
        if rest.contains('#') {
            return Err(UrlFault::invalid("has a #: a # in a user or a password is written %23"));
        }
        let (before, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, database) = before.split_once('/').unwrap_or((before, ""));
        let (user_info, address) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
        let (host, port) = host_and_port(address).ok_or_else(no_address)?;
        let mut url = Self {
            host: decoded(host)?,
            port: port_of(port)?,
            user: decoded(user)?,
            password: decoded(password)?.map(Secret::new),
            database: decoded(database)?,
            ..Self::default()
        };
        url.read_parameters(query)?;
        Ok(url)
    }

    fn read_parameters(&mut self, query: &str) -> Result<(), UrlFault> {
        let mut ssl = Ssl::default();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let value = decoded(value)?;
            match name {
                "host" => self.host = value,
                "port" => self.port = port_of(&value.unwrap_or_default())?,
                "user" => self.user = value,
                "password" => self.password = value.map(Secret::new),
                "ssl" => ssl.on = value,
                "sslmode" => ssl.mode = Some(value.unwrap_or_default()),
                "sslrootcert" => ssl.roots = value,
                "sslnegotiation" => ssl.direct = value.as_deref() == Some("direct"),
                "uselibpqcompat" => self.as_libpq = value.as_deref() == Some("true"),
                "sslcert" | "sslkey" => {
                    let predicate = "asks for a certificate of the client, which is not served";
                    return Err(UrlFault::new(ProblemKind::NotServed, predicate));
                }
                "application_name" => {}
                other if other.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') => {
                    self.ignored.push(other.to_owned());
                }
                // The name may be the rest of a password.
                _ => {
                    let predicate = "has a parameter with an invalid name: a ? in a password is written %3F";
                    return Err(UrlFault::invalid(predicate));
                }
            }
        }
        self.tls = ssl.tls(self.as_libpq)?;
        Ok(())
    }
}

/// Of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn host_and_port(address: &str) -> Option<(&str, &str)> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        return Some((host, if rest.is_empty() { "" } else { rest.strip_prefix(':')? }));
    }
    let (host, port) = address.split_once(':').unwrap_or((address, ""));
    Some((host, port))
}

fn decoded(text: &str) -> Result<Option<String>, UrlFault> {
    let text = percent_decode_str(text).decode_utf8();
    let text = text.map_err(|_| UrlFault::invalid("has an escape that is not UTF-8"))?;
    Ok((!text.is_empty()).then(|| text.into_owned()))
}

fn port_of(text: &str) -> Result<Option<u16>, UrlFault> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| UrlFault::invalid("has a port that is not a number from 1 to 65535"))
}

/// The parameters about encryption.
#[derive(Default)]
struct Ssl {
    on: Option<String>,
    mode: Option<String>,
    roots: Option<String>,
    /// Without a request for encryption first, and so never plain.
    direct: bool,
}

impl Ssl {
    fn tls(&self, as_libpq: bool) -> Result<Option<DatabaseTls>, UrlFault> {
        let verified = || Ok(Some(DatabaseTls::Verified { roots: self.authorities()? }));
        let unknown = |predicate: &str| Err(UrlFault::new(ProblemKind::UnknownValue, predicate));
        match (self.mode.as_deref(), as_libpq) {
            (None, _) if self.roots.is_some() => verified(),
            (None, _) => match self.on.as_deref() {
                Some("true" | "1") => verified(),
                Some("0") => Ok(Some(DatabaseTls::Off)),
                None if self.direct => verified(),
                None => Ok(None),
                Some("false") => unknown(
                    "has ssl=false, which the driver for Node.js takes for true: write sslmode=disable or ssl=true",
                ),
                Some(_) => unknown("has a parameter ssl that is neither true nor 0: write ssl=true or sslmode=disable"),
            },
            (Some("disable"), _) => Ok(Some(DatabaseTls::Off)),
            (Some("no-verify"), false) | (Some("prefer"), true) => Ok(Some(DatabaseTls::Unverified)),
            (Some("require"), true) if self.roots.is_none() => Ok(Some(DatabaseTls::Unverified)),
            (Some("require" | "verify-ca"), true) => Err(UrlFault::new(
                ProblemKind::NotServed,
                "has an sslmode that checks the authority and not the host: write sslmode=verify-full",
            )),
            // The driver takes all of them for the strictest.
            (Some("prefer" | "require" | "verify-ca"), false) | (Some("verify-full"), _) => verified(),
            _ => unknown("has an unknown sslmode: write sslmode=verify-full"),
        }
    }

    fn authorities(&self) -> Result<Option<String>, UrlFault> {
        let Some(path) = &self.roots else { return Ok(None) };
        let unread = |error: io::Error| UrlFault {
            kind: ProblemKind::Unreadable,
            predicate: format!("has an sslrootcert that cannot be read: {error}"),
            source: Some(error),
        };
        let size = std::fs::metadata(Path::new(path)).map_err(unread)?.len();
        if size > MAX_ROOTS_BYTES {
            let predicate = format!("has an sslrootcert that has more than {MAX_ROOTS_BYTES} bytes");
            return Err(UrlFault::new(ProblemKind::Unreadable, predicate));
        }
        let text = std::fs::read_to_string(path).map_err(unread)?;
        match read_pem(&text) {
            Ok(_) => Ok(Some(text)),
            Err(predicate) => Err(UrlFault::invalid(&format!("has an sslrootcert that {predicate}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<PostgresUrl, String> {
        PostgresUrl::parse(text).map_err(|fault| fault.predicate)
    }

    fn tls(query: &str) -> Result<Option<DatabaseTls>, String> {
        parse(&format!("postgres://u@h/d?{query}")).map(|url| url.tls)
    }

    #[test]
    fn the_parts_are_found_and_decoded() {
        let connection =
            parse("postgresql://us%40er:p%3Aw@db.example.com:6432/my%20db?application_name=x&pool=1").unwrap();
        assert_eq!(connection.host.as_deref(), Some("db.example.com"));
        assert_eq!(connection.port, Some(6432));
        assert_eq!(connection.user.as_deref(), Some("us@er"));
        assert_eq!(connection.password.as_ref().map(Secret::expose), Some("p:w"));
        assert_eq!(connection.database.as_deref(), Some("my db"));
        assert_eq!(connection.ignored, ["pool"]);
        let short = parse("postgres://[::1]").unwrap();
        assert_eq!((short.host.as_deref(), short.port, short.user), (Some("::1"), None, None));
        let socket = parse("postgres://u@/d?host=/var/run/postgresql").unwrap();
        assert_eq!((socket.host.as_deref(), socket.database.as_deref()), (Some("/var/run/postgresql"), Some("d")));
        for wrong in [
            "mysql://h/d",
            "db.example.com",
            "postgres://h:x/d",
            "postgres://::1/d",
            "postgres://[::1/d",
            "postgres://u:%ff@h/d",
            "postgres://u:1?canary@h/d",
            "postgres://u:canary#1@h/d",
        ] {
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
            ("sslmode=verify-full&uselibpqcompat=true", verified.clone()),
            // One of the two decides, in any order.
            ("ssl=0", Ok(Some(DatabaseTls::Off))),
            ("sslnegotiation=direct", verified.clone()),
            ("sslmode=verify-full&ssl=false", verified.clone()),
            ("ssl=false&sslmode=verify-full", verified),
        ] {
            assert_eq!(tls(query), expected, "{query}");
        }
        for wrong in [
            "sslmode=often",
            "sslmode=",
            "ssl=often",
            "ssl=false",
            "sslrootcert=/nowhere.pem",
            "sslcert=/x",
            "sslmode=verify-ca&uselibpqcompat=true",
        ] {
            assert!(tls(wrong).is_err(), "{wrong}");
        }
    }
}
