//! `connection`: a URL, or an object of settings.

use super::{
    tls::{DatabaseTls, read_tls},
    url,
};
use crate::backstage::settings::{
    Secret,
    reader::{Reader, place},
};
use crate::internal::{Section, Value};

const KEY: &str = "connection";

/// Other members of it that change nothing here.
const PASSED_OVER: [&str; 3] = ["type", "application_name", "keepAlive"];

/// What one connection says; the rest is for the next.
#[derive(Default)]
pub(super) struct Connection {
    pub(super) host: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) user: Option<String>,
    pub(super) password: Option<Secret>,
    pub(super) database: Option<String>,
    pub(super) tls: Option<DatabaseTls>,
    /// Where it is written.
    pub(super) place: Option<String>,
}

impl Connection {
    /// What is written in this section, if it can be used.
    pub(super) fn read(reader: &Reader<'_>, section: &Section<'_>) -> Option<Self> {
        if section.is_unset(KEY) {
            return None;
        }
        let Some(node) = section.find(KEY) else { return Some(Self::default()) };
        match &node.value {
            Value::Text(text) => Self::from_url(reader, &place(section, KEY), text),
            Value::Object(_) => Self::from_object(reader, &section.section(KEY)?),
            _ => section.wrong(KEY, node, "a URL such as postgresql://<user>@<host>/<database>, or an object"),
        }
    }

    /// This one, and over it the other.
    pub(super) fn with(self, over: Self) -> Self {
        Self {
            host: over.host.or(self.host),
            port: over.port.or(self.port),
            user: over.user.or(self.user),
            password: over.password.or(self.password),
            database: over.database.or(self.database),
            tls: over.tls.or(self.tls),
            place: over.place.or(self.place),
        }
    }

    fn from_url(reader: &Reader<'_>, place: &str, text: &str) -> Option<Self> {
        let parsed = match url::parse(text) {
            Ok(parsed) => parsed,
            // Never the URL: there may be a password in it.
            Err(problem) => {
                reader.problem(format!("{place} {problem}"));
                return None;
            }
        };
        for name in &parsed.passed_over {
            reader.warn(format!("{place}: its parameter {} is ignored", crate::internal::quoted(name)));
        }
        Some(Self { place: Some(place.to_owned()), ..parsed.connection })
    }

    fn from_object(reader: &Reader<'_>, object: &Section<'_>) -> Option<Self> {
        if let Some(kind) = reader.text(object, "type").filter(|kind| kind != "default") {
            reader.problem(format!(
                "{} is {}, whose passwords come from a cloud's identity service, which is not asked here: set user and \
                 password in {}",
                place(object, "type"),
                crate::internal::quoted(&kind),
                "backend.database.plugin.auth.connection"
            ));
            return None;
        }
        let unset =
            ["host", "port", "user", "password", "database", "connectionString"].map(|key| object.is_unset(key));
        if unset.contains(&true) {
            return None;
        }
        let known =
            ["host", "port", "user", "password", "database", "ssl", "connectionString"].into_iter().chain(PASSED_OVER);
        let known: Vec<&str> = known.collect();
        for (name, node) in object.members().iter().filter(|(name, _)| !known.contains(&name.as_str())) {
            reader.warn(format!("{}.{name} ({}) is ignored: no such setting is taken here", object.path, node.origin));
        }
        let written = Self {
            host: object.text("host"),
            port: reader.number(object, "port", "a port"),
            user: object.text("user"),
            password: secret(object, "password"),
            database: object.text("database"),
            tls: read_tls(reader, object)?,
            place: Some(object.place()),
        };
        match object.text("connectionString") {
            // As the stock driver reads the two.
            Some(url) => Some(written.with(Self::from_url(reader, &place(object, "connectionString"), &url)?)),
            None => Some(written),
        }
    }
}

/// A text that nobody may see. Empty is none.
fn secret(section: &Section<'_>, key: &str) -> Option<Secret> {
    match &section.find(key)?.value {
        Value::Text(text) if text.is_empty() => None,
        _ => section.text(key).map(Secret::new),
    }
}
