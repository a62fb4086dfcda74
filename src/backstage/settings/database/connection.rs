//! `connection`: a URL, or an object of settings, of all plugins and over it of this one.
//!
//! Both are merged first, as stock back ends merge them, and what results is checked: what one of them lacks, or takes from a
//! variable that is not set, the other one may have.

use super::{
    rds::{self, RdsKeys},
    tls::{Ssl, read_ssl},
    url::PostgresUrl,
};
use crate::{
    backstage::settings::reader::{Reader, Warning, unknown},
    config::Problem,
    internal::{KeyAt, Node, Section, Value, quoted},
};

const KEY: &str = "connection";

/// Other members of it that have no effect here.
const IGNORED: [&str; 2] = ["application_name", "keepAlive"];

/// A text of a connection.
pub(super) enum Part {
    /// An empty one hides what stands below, and leaves the choice to the environment.
    Text(String),
    /// From this variable, which is not set.
    Unset(String),
}

/// The settings of one connection; what it leaves out, another one sets.
#[derive(Default)]
pub(super) struct Connection {
    rds: RdsKeys,
    host: Option<(Part, KeyAt)>,
    port: Option<(Part, KeyAt)>,
    user: Option<(Part, KeyAt)>,
    password: Option<(Part, KeyAt)>,
    database: Option<(Part, KeyAt)>,
    connection_string: Option<(Part, KeyAt)>,
    pub(super) ssl: Option<Ssl>,
    /// Where it is written.
    pub(super) place: Option<KeyAt>,
}

/// A connection whose variables are set.
pub(super) struct Checked {
    pub(super) host: Option<String>,
    pub(super) host_at: Option<KeyAt>,
    pub(super) port: Option<String>,
    pub(super) port_at: Option<KeyAt>,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) database: Option<String>,
    /// Whether the database is that of a `connectionString`, or of the environment if that names none.
    pub(super) is_string: bool,
    pub(super) ssl: Option<Ssl>,
    pub(super) rds: RdsKeys,
}

impl Connection {
    /// The connection of this section. `None` if it has mistakes, which are reported.
    pub(super) fn read(reader: &Reader<'_>, section: &Section<'_>) -> Option<Self> {
        let Some(node) = section.node.member(KEY) else { return Some(Self::default()) };
        match &node.value {
            Value::Null => Some(Self::default()),
            Value::Unset(variable) => {
                section.problems.add(Problem::unset_variable(section.at(KEY), variable));
                None
            }
            Value::Text(text) => Self::from_url(reader, section.at(KEY), text),
            Value::Object(_) => {
                let path = format!("{}.{KEY}", section.path);
                Self::from_object(reader, &Section { path, node, problems: section.problems })
            }
            _ => section.wrong(KEY, node, "a URL such as postgresql://<user>@<host>/<database>, or an object"),
        }
    }

    pub(super) fn has_host(&self) -> bool {
        self.host.is_some() || self.connection_string.is_some()
    }

    pub(super) fn without_database(self) -> Self {
        Self { database: None, ..self }
    }

    /// This one, overridden by the other.
    pub(super) fn with(self, over: Self) -> Self {
        Self {
            rds: self.rds.with(over.rds),
            host: over.host.or(self.host),
            port: over.port.or(self.port),
            user: over.user.or(self.user),
            password: over.password.or(self.password),
            database: over.database.or(self.database),
            connection_string: over.connection_string.or(self.connection_string),
            ssl: match (self.ssl, over.ssl) {
                (Some(below), Some(over)) => Some(over.over(below)),
                (below, over) => over.or(below),
            },
            place: over.place.or(self.place),
        }
    }

    /// The parts, each from a variable that is set if it is from one.
    pub(super) fn check(self, reader: &Reader<'_>) -> Option<Checked> {
        if let Some(problem) = self.rds.unsupported() {
            reader.problem(problem);
            return None;
        }
        let mut merged = self;
        let mut is_string = false;
        if let Some((part, at)) = merged.connection_string.take() {
            let text = set(reader, &part, &at)?;
            if !text.is_empty() {
                // The driver has its parts over the others, those also that it leaves out.
                is_string = true;
                let url = Self::from_url(reader, at.clone(), text)?;
                // And what it says about encryption in the place of all of `ssl`: with `sslmode=require` the certificate is verified,
                // also if `ssl` waives that.
                if url.ssl.is_some() && merged.ssl.take().is_some() {
                    let text = "says something about encryption, so ssl beside it has no effect, as with the driver for Node.js: \
                                leave ssl out, or sslmode and the like of the connection string";
                    reader.warn(Warning::of(at, text));
                }
                merged = merged.with(url);
            }
        }
        let host_at = merged.host.as_ref().map(|(_, at)| at.clone());
        let [host, port, user, password, database] =
            [&merged.host, &merged.port, &merged.user, &merged.password, &merged.database].map(|part| match part {
                Some((part, at)) => set(reader, part, at).map(|text| (!text.is_empty()).then(|| text.to_owned())),
                None => Some(None),
            });
        Some(Checked {
            host: host?,
            host_at,
            port: port?,
            port_at: merged.port.map(|(_, at)| at),
            user: user?,
            password: password?,
            database: database?,
            is_string,
            ssl: merged.ssl,
            rds: merged.rds,
        })
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
        let part = |text: Option<String>| Some((Part::Text(text.unwrap_or_default()), place.clone()));
        Some(Self {
            host: part(url.host),
            port: part(url.port.map(|port| port.to_string())),
            user: part(url.user),
            password: part(url.password.map(|password| password.expose().to_owned())),
            database: part(url.database),
            ssl: url.tls.map(Ssl::of_url),
            place: Some(place),
            ..Self::default()
        })
    }

    fn from_object(reader: &Reader<'_>, object: &Section<'_>) -> Option<Self> {
        let known = ["host", "port", "user", "password", "database", "ssl", "connectionString"];
        let known: Vec<&str> = known.into_iter().chain(IGNORED).chain(rds::KEYS).collect();
        for (name, member) in object.members().iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            if !matches!(member.value, Value::Null) {
                reader.warn(Warning::ignored(object.at(name), unknown(name, &known)));
            }
        }
        let parts = ["host", "port", "user", "password", "database", "connectionString"];
        let [host, port, user, password, database, connection_string] = parts.map(|key| part(object, key));
        let ssl = read_ssl(reader, object);
        Some(Self {
            rds: RdsKeys::read(reader, object),
            host: host?,
            port: port?,
            user: user?,
            password: password?,
            database: database?,
            connection_string: connection_string?,
            ssl: ssl?,
            place: Some(object.place()),
        })
    }
}

/// The text, unless its variable is not set.
fn set<'p>(reader: &Reader<'_>, part: &'p Part, at: &KeyAt) -> Option<&'p str> {
    match part {
        Part::Text(text) => Some(text),
        Part::Unset(variable) => {
            reader.problem(Problem::unset_variable(at.clone(), variable));
            None
        }
    }
}

/// A member; the outer `None` means a mistake.
fn part(object: &Section<'_>, key: &str) -> Option<Option<(Part, KeyAt)>> {
    let part = match object.node.member(key).map(|Node { value, .. }| value) {
        None | Some(Value::Null) => return Some(None),
        Some(Value::Text(text)) => Part::Text(text.clone()),
        Some(Value::Unset(variable)) => Part::Unset(variable.clone()),
        Some(Value::Number(number)) if key == "port" => Part::Text(number.clone()),
        Some(_) if key == "port" => {
            let node = object.find(key)?;
            return object.wrong(key, node, "a port");
        }
        // Reports what it is.
        Some(_) => return object.text(key).map(|_| None),
    };
    Some(Some((part, object.at(key))))
}
