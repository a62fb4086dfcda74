//! `backend.database`: the tables of Backstage's auth plugin.
//!
//! Stock back ends give each plugin a database of its own (`backstage_plugin_auth`), or a schema of one database (`auth`), and
//! `plugin.auth` in front of what holds for all. The same is found here, so that both use the same tables.

mod connection;
mod rds;
mod tls;
mod url;

#[cfg(feature = "postgres")]
pub(in crate::backstage) use self::url::PostgresUrl;
pub use self::{rds::RdsSettings, tls::DatabaseTls};

use self::connection::Connection;
use super::{
    Secret,
    reader::{Reader, Warning},
};
use crate::{
    config::{Problem, ProblemKind},
    internal::{Section, is_loopback, quoted},
};

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
    /// The user's password, if there is one.
    pub password: Option<Secret>,
    /// The database with the auth plugin's tables.
    pub database: String,
    /// The schema with them, where plugins share a database (`pluginDivisionMode: schema`); else the usual search path holds.
    pub schema: Option<String>,
    /// The role to take on after connecting (`SET ROLE`).
    pub role: Option<String>,
    /// Whether and how the connection is encrypted.
    pub tls: DatabaseTls,
    /// Whether tokens of IAM for Amazon RDS take the place of a password, and how.
    pub rds: Option<RdsSettings>,
    /// Whether a missing database or schema may be created.
    pub ensure_exists: bool,
    /// Where the connection is written: `backend.database.connection (app-config.production.yaml:12)`.
    pub place: String,
}

/// The kind of database that the settings name.
pub(super) enum Database {
    /// `pg`.
    Postgres(Box<DatabaseSettings>),
    /// None, or a database of one process only.
    Passing,
    /// Another kind, with the reason for a message; or none, because of a problem that is reported already.
    Other(Option<String>),
}

pub(super) fn read_database(reader: &Reader<'_>) -> Database {
    let all = reader.section(PATH);
    let own = reader.section(&format!("{PATH}.plugin.{PLUGIN}"));
    let shared = reader.text(&all, "client");
    let client = reader.text(&own, "client").or_else(|| shared.clone());
    match client.as_deref() {
        None if all.members().is_empty() => Database::Passing,
        Some("better-sqlite3" | "sqlite3" | "embedded-postgres") => Database::Passing,
        Some("pg") => {
            let shared = shared.as_deref() == Some("pg");
            read_postgres(reader, &all, &own, shared).map_or(Database::Other(None), Database::Postgres)
        }
        Some(other) => Database::Other(Some(format!(
            "{} is {}, and only pg is served",
            if own.find("client").is_some() { &own } else { &all }.at("client"),
            quoted(other)
        ))),
        None => {
            if !all.is_unset("client") {
                let problem = Problem::of(ProblemKind::Missing, all.place(), "has no client");
                reader.problem(problem.with_fix("add client: pg"));
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
            let problem =
                Problem::of(ProblemKind::UnknownValue, all.at("pluginDivisionMode"), "must be database or schema");
            reader.problem(problem.with_expected("database, schema"));
            return None;
        }
    };
    let mut connection = if shared { Connection::read(reader, all)? } else { Connection::default() };
    if !by_schema {
        // Databases of plugins are created from it.
        connection.database = None;
    }
    let connection = connection.with(Connection::read(reader, own)?);
    let of = || connection.place.clone().unwrap_or_else(|| all.place());
    let Some(user) = connection.user.clone() else {
        let problem = Problem::of(ProblemKind::Missing, of(), "names no user");
        reader.problem(problem.with_fix("add user: <user>"));
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
        Some(DatabaseTls::Unverified) => reader.warn(Warning::of(
            of(),
            "the database's certificate is not checked, so an attacker on the network can impersonate it: name its authority \
             in ssl.ca",
        )),
        None | Some(DatabaseTls::Off) if connection.host.as_deref().is_some_and(is_elsewhere) => reader.warn(Warning::of(
            of(),
            "the connection to the database is plain, so an attacker on the network can impersonate it and sign in as any \
             user: set ssl: true, or name its authority in ssl.ca",
        )),
        _ => {}
    }
    let target = rds::Target {
        has_host: connection.host.is_some(),
        has_port: connection.port.is_some(),
        has_password: connection.password.is_some(),
        tls: connection.tls.as_ref(),
    };
    let rds = rds::settings(reader, &connection.rds, &target, &of());
    Some(Box::new(DatabaseSettings {
        rds,
        place: of().to_string(),
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

/// Whether the connection uses a network: neither a loopback address, nor the folder of a socket.
fn is_elsewhere(host: &str) -> bool {
    !is_loopback(host) && !host.ends_with(".localhost") && !host.starts_with('/')
}
