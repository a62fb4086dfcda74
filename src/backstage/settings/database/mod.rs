//! `backend.database`: where the tables of Backstage's auth plugin are.
//!
//! Stock back ends give each plugin a database of its own (`backstage_plugin_auth`), or a schema of one database (`auth`), and
//! `plugin.auth` in front of what holds for all. The same is found here, so that both use the same tables.

mod connection;
mod tls;
mod url;

pub use self::tls::DatabaseTls;

use self::connection::Connection;
use super::{
    Secret,
    reader::{Reader, place},
};
use crate::internal::{Section, is_loopback};

/// The plugin whose tables these are.
const PLUGIN: &str = "auth";
const PATH: &str = "backend.database";

/// A PostgreSQL database and how it is reached.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DatabaseSettings {
    /// A host name, an IP address, or the folder of a Unix socket (which begins with `/`).
    pub host: String,
    /// 5432 unless another is named.
    pub port: u16,
    /// The user to connect as.
    pub user: String,
    /// The user's password, where there is one.
    pub password: Option<Secret>,
    /// The database with the auth plugin's tables.
    pub database: String,
    /// The schema with them, where plugins share a database (`pluginDivisionMode: schema`); else the usual search path holds.
    pub schema: Option<String>,
    /// The role to take on after connecting (`SET ROLE`).
    pub role: Option<String>,
    /// Whether and how the connection is encrypted.
    pub tls: DatabaseTls,
    /// Whether a database or schema that is not there may be created.
    pub ensure_exists: bool,
    /// Where the connection is written: `app-config.production.yaml:12`.
    pub place: String,
}

/// What is written.
pub(super) enum Database {
    /// `pg`.
    Postgres(Box<DatabaseSettings>),
    /// Nothing, or one that lives and dies with one process.
    Passing,
    /// Something else, named for a sentence; or something wrong, which is said.
    Other(Option<String>),
}

pub(super) fn read_database(reader: &Reader<'_>) -> Database {
    let all = reader.section(PATH);
    let own = reader.section(&format!("{PATH}.plugin.{PLUGIN}"));
    let everybodys = reader.text(&all, "client");
    let client = reader.text(&own, "client").or_else(|| everybodys.clone());
    match client.as_deref() {
        None if all.members().is_empty() => Database::Passing,
        Some("better-sqlite3" | "sqlite3" | "embedded-postgres") => Database::Passing,
        Some("pg") => {
            let shared = everybodys.as_deref() == Some("pg");
            read_postgres(reader, &all, &own, shared).map_or(Database::Other(None), Database::Postgres)
        }
        Some(other) => Database::Other(Some(format!(
            "{} is {}, and only pg is served",
            place(if own.find("client").is_some() { &own } else { &all }, "client"),
            crate::internal::quoted(other)
        ))),
        None => {
            if !all.is_unset("client") {
                reader.problem(format!("{} has no client: add client: pg", all.place()));
            }
            Database::Other(None)
        }
    }
}

/// The connection that holds for all, and over it that of the plugin.
fn read_postgres(
    reader: &Reader<'_>,
    all: &Section<'_>,
    own: &Section<'_>,
    shared: bool,
) -> Option<Box<DatabaseSettings>> {
    let mode = reader.text(all, "pluginDivisionMode");
    let by_schema = match mode.as_deref() {
        None | Some("database") => false,
        Some("schema") => true,
        Some(_) => {
            reader.problem(format!("{} must be database or schema", place(all, "pluginDivisionMode")));
            return None;
        }
    };
    let mut connection = if shared { Connection::read(reader, all)? } else { Connection::default() };
    if !by_schema {
        // It is the one that plugins' own are created from.
        connection.database = None;
    }
    let connection = connection.with(Connection::read(reader, own)?);
    let of = || connection.place.clone().unwrap_or_else(|| all.place());
    let Some(user) = connection.user.clone() else {
        reader.problem(format!("{} names no user: add user: <user>", of()));
        return None;
    };
    let prefix = reader.text(all, "prefix").unwrap_or_else(|| "backstage_plugin_".to_owned());
    let database = match connection.database.clone() {
        Some(database) => database,
        // As PostgreSQL has it.
        None if by_schema => user.clone(),
        None => format!("{prefix}{PLUGIN}"),
    };
    let schema_prefix = reader.text(all, "schemaPrefix").unwrap_or_default();
    let ensure_exists = reader.flag_or(own, "ensureExists", reader.flag_or(all, "ensureExists", true));
    match &connection.tls {
        Some(DatabaseTls::Unverified) => reader.warn(format!(
            "{}: the database's certificate is not checked, so whoever stands between can pass for it: name its authority in \
             ssl.ca",
            of()
        )),
        None | Some(DatabaseTls::Off) if connection.host.as_deref().is_some_and(is_elsewhere) => reader.warn(format!(
            "{}: the connection to the database is plain, so whoever stands between can pass for it, and sign in as anybody: \
             set ssl: true, or name its authority in ssl.ca",
            of()
        )),
        _ => {}
    }
    Some(Box::new(DatabaseSettings {
        place: of(),
        host: connection.host.unwrap_or_else(|| "localhost".to_owned()),
        port: connection.port.unwrap_or(5432),
        password: connection.password,
        schema: by_schema.then(|| format!("{schema_prefix}{PLUGIN}")),
        role: reader.text(own, "role").or_else(|| reader.text(all, "role")),
        tls: connection.tls.unwrap_or(DatabaseTls::Off),
        user,
        database,
        ensure_exists,
    }))
}

/// Whether there is a network to get there: neither this machine's own address, nor the folder of a socket.
fn is_elsewhere(host: &str) -> bool {
    !is_loopback(host) && !host.ends_with(".localhost") && !host.starts_with('/')
}
