//! `connection`: a URL, or an object of settings.

use super::{
    rds::{self, RdsKeys},
    tls::{DatabaseTls, UNKNOWN, read_tls},
    url::PostgresUrl,
};
use crate::{
    backstage::settings::{
        Secret,
        reader::{Reader, Warning},
    },
    config::Problem,
    internal::{KeyAt, Section, Value, quoted},
};

const KEY: &str = "connection";

/// Other members of it that have no effect here.
const IGNORED: [&str; 3] = ["type", "application_name", "keepAlive"];

/// The settings of one connection; what it leaves out, another one sets.
#[derive(Default)]
pub(super) struct Connection {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) database: Option<String>,
    pub(super) tls: Option<DatabaseTls>,
    pub(super) rds: RdsKeys,
    /// Where it is written.
    pub(super) place: Option<KeyAt>,
}

impl Connection {
    /// The connection of this section, if it can be used.
    pub(super) fn read(reader: &Reader<'_>, section: &Section<'_>) -> Option<Self> {
        if section.is_unset(KEY) {
            return None;
        }
        let Some(node) = section.find(KEY) else { return Some(Self::default()) };
        match &node.value {
            Value::Text(text) => Self::from_url(reader, section.at(KEY), text),
            Value::Object(_) => Self::from_object(reader, &section.section(KEY)?),
            _ => section.wrong(KEY, node, "a URL such as postgresql://<user>@<host>/<database>, or an object"),
        }
    }

    /// This one, overridden by the other.
    pub(super) fn with(self, over: Self) -> Self {
        Self {
            host: over.host.or(self.host),
            port: over.port.or(self.port),
            user: over.user.or(self.user),
            password: over.password.or(self.password),
            database: over.database.or(self.database),
            tls: over.tls.or(self.tls),
            rds: self.rds.with(over.rds),
            place: over.place.or(self.place),
        }
    }

    fn from_url(reader: &Reader<'_>, place: KeyAt, text: &str) -> Option<Self> {
        let url = match PostgresUrl::parse(text) {
            Ok(url) => url,
            // Never the URL: there may be a password in it.
            Err(fault) => {
                reader.problem(Problem::of(fault.kind, place, fault.predicate).maybe_caused_by(fault.source));
                return None;
            }
        };
        for name in &url.ignored {
            reader.warn(Warning::of(place.clone(), format!("its parameter {} is ignored", quoted(name))));
        }
        let PostgresUrl { host, port, user, password, database, tls, .. } = url;
        Some(Self { host, port, user, password, database, tls, rds: RdsKeys::default(), place: Some(place) })
    }

    fn from_object(reader: &Reader<'_>, object: &Section<'_>) -> Option<Self> {
        let rds = RdsKeys::read(reader, object)?;
        let unset =
            ["host", "port", "user", "password", "database", "connectionString"].map(|key| object.is_unset(key));
        if unset.contains(&true) {
            return None;
        }
        let known = ["host", "port", "user", "password", "database", "ssl", "connectionString"]
            .into_iter()
            .chain(IGNORED)
            .chain(rds::KEYS);
        let known: Vec<&str> = known.collect();
        for (name, _) in object.members().iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            reader.warn(Warning::ignored(object.at(name), UNKNOWN));
        }
        let written = Self {
            host: object.text("host"),
            port: reader.number(object, "port", "a port"),
            user: object.text("user"),
            password: secret(object, "password"),
            database: object.text("database"),
            tls: read_tls(reader, object)?,
            rds,
            place: Some(object.place()),
        };
        match object.text("connectionString") {
            // As the stock driver reads the two.
            Some(url) => Some(written.with(Self::from_url(reader, object.at("connectionString"), &url)?)),
            None => Some(written),
        }
    }
}

/// A secret text. An empty one counts as absent.
fn secret(section: &Section<'_>, key: &str) -> Option<Secret> {
    match &section.find(key)?.value {
        Value::Text(text) if text.is_empty() => None,
        _ => section.text(key).map(Secret::new),
    }
}
