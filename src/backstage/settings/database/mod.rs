//! `backend.database`: the tables of Backstage's auth plugin.
//!
//! Stock back ends give each plugin a database of its own (`backstage_plugin_auth`), or a schema of one database (`auth`), and
//! `plugin.auth` in front of what holds for all. The same is found here, so that both use the same tables. What the files leave
//! out, the variables `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE` and `PGSSLMODE` set, as for the driver for Node.js.

mod connection;
mod host;
mod rds;
mod tls;
mod url;

#[cfg(feature = "postgres")]
pub(in crate::backstage) use self::url::PostgresUrl;
pub use self::{rds::RdsSettings, tls::DatabaseTls};

use self::{
    connection::Connection,
    host::{is_elsewhere, read_host},
    tls::of_environment,
};
use super::{
    Secret,
    reader::{Path, Reader, Warning},
};
use crate::{
    config::{Problem, ProblemKind},
    internal::{KeyAt, Section, Value, quoted},
};

/// The plugin whose tables these are.
const PLUGIN: &str = "auth";
const ALL: &str = "backend.database";
const OWN: &str = "backend.database.plugin.auth";

/// A key of all plugins, and over it the one of this plugin.
pub(super) struct Layered {
    pub(super) all: Path,
    pub(super) own: Path,
}

impl Layered {
    fn key(&self) -> &'static str {
        self.all.key()
    }
}

macro_rules! layered {
    ($path:literal) => {
        Layered {
            all: Path::new(concat!("backend.database.", $path)),
            own: Path::new(concat!("backend.database.plugin.auth.", $path)),
        }
    };
}

pub(super) const CLIENT: Layered = layered!("client");
pub(super) const CONNECTION: Layered = layered!("connection");
pub(super) const ENSURE_EXISTS: Layered = layered!("ensureExists");
pub(super) const ROLE: Layered = layered!("role");
pub(super) const SEARCH_PATH: Layered = layered!("knexConfig.searchPath");
pub(super) const PREFIX: Path = Path::new("backend.database.prefix");
pub(super) const SCHEMA_PREFIX: Path = Path::new("backend.database.schemaPrefix");
pub(super) const DIVISION_MODE: Path = Path::new("backend.database.pluginDivisionMode");

const DEFAULT_PORT: u16 = 5432;
const PORT_VARIABLE: &str = "PGPORT";
/// The longest name in PostgreSQL.
const MAX_NAME_BYTES: usize = 63;
/// Further authorities of Node.js, for every connection.
const EXTRA_AUTHORITIES: &str = "NODE_EXTRA_CA_CERTS";

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
    /// The schemas in which tables are looked for, in this order (`knexConfig.searchPath`); if it is empty, the usual search
    /// path holds.
    pub search_path: Vec<String>,
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
#[derive(Default)]
pub(super) enum Database {
    /// `pg`.
    Postgres(Box<DatabaseSettings>),
    /// None, or a database of one process only.
    #[default]
    Passing,
    /// Another kind, with the reason for a message; or none, because of a problem that is reported already.
    Other(Option<String>),
}

pub(super) fn read_database(reader: &Reader<'_>) -> Database {
    let all = reader.section(ALL);
    let own = reader.section(OWN);
    let shared = reader.text(&all, CLIENT.key());
    let client = reader.text(&own, CLIENT.key()).or_else(|| shared.clone());
    // Stock back ends need it beside the plugin's client too.
    let client = client.filter(|_| shared.is_some());
    match client.as_deref() {
        None if all.members().is_empty() => Database::Passing,
        Some("better-sqlite3" | "sqlite3" | "embedded-postgres") => Database::Passing,
        Some("pg") => {
            let shared = shared.as_deref() == Some("pg");
            read_postgres(reader, &all, &own, shared).map_or(Database::Other(None), Database::Postgres)
        }
        Some(other) => Database::Other(Some(format!(
            "{} is {}, and only pg is served",
            if own.find(CLIENT.key()).is_some() { &own } else { &all }.at(CLIENT.key()),
            quoted(other)
        ))),
        None => {
            if !all.is_unset(CLIENT.key()) {
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
    let mode = reader.text(all, DIVISION_MODE.key());
    let by_schema = match mode.as_deref() {
        None | Some("database") => false,
        Some("schema") => true,
        Some(_) => {
            let problem =
                Problem::of(ProblemKind::UnknownValue, all.at(DIVISION_MODE.key()), "must be database or schema");
            reader.problem(problem.with_expected("database, schema"));
            return None;
        }
    };
    let Some(below_node) = all.find(CONNECTION.key()) else {
        if !all.is_unset(CONNECTION.key()) {
            let problem = Problem::of(ProblemKind::Missing, all.place(), "has no connection");
            reader.problem(problem.with_fix("add connection: {}, and in it what the environment does not set"));
        }
        return None;
    };
    // A text is for the other client.
    let is_of_another = !shared && matches!(below_node.value, Value::Text(_));
    let below = if is_of_another { Some(Connection::default()) } else { Connection::read(reader, all) };
    let over = Connection::read(reader, own);
    let below = below?;
    // Otherwise databases of plugins are created from it.
    let below = if by_schema { below } else { below.without_database() };
    let over = over?;
    if is_of_another && !over.has_host() {
        let clause = "has no host, and the connection below it is that of another client";
        let problem = Problem::of(ProblemKind::Missing, own.at(CONNECTION.key()), clause);
        reader.problem(problem.with_fix("add host: <host>"));
        return None;
    }
    let mut connection = below.with(over);
    let place = connection.place.take().unwrap_or_else(|| all.place());
    let of = || place.clone();
    let connection = connection.check(reader)?;
    let or_variable =
        |written: Option<String>, name: &str| written.or_else(|| reader.variable(name).map(str::to_owned));
    let user = or_variable(or_variable(connection.user, "PGUSER"), "USER");
    let has_port = connection.port.is_some() || reader.variable(PORT_VARIABLE).is_some();
    let port = read_port(reader, connection.port, connection.port_at);
    let host = read_host(reader, connection.host, connection.host_at);
    let search_path = search_path(reader, all, own);
    let tls = match connection.ssl {
        Some(ssl) => Some(ssl.tls()),
        None => of_environment(reader),
    };
    let Some(user) = user else {
        let problem = Problem::of(ProblemKind::Missing, of(), "names no user");
        reader.problem(problem.with_fix("add user: <user>"));
        return None;
    };
    let (host, port, search_path, tls) = (host?, port?, search_path?, tls?);
    let prefix = reader.text(all, PREFIX.key()).unwrap_or_else(|| "backstage_plugin_".to_owned());
    let database = match connection.database {
        Some(database) => database,
        // As the driver has it.
        None if by_schema || connection.is_string => or_variable(None, "PGDATABASE").unwrap_or_else(|| user.clone()),
        None => format!("{prefix}{PLUGIN}"),
    };
    let schema_prefix = reader.text(all, SCHEMA_PREFIX.key()).unwrap_or_default();
    if !is_schema_prefix(&schema_prefix) {
        let predicate = "must begin with a letter or _, and have letters, digits and _ only";
        reader.problem(Problem::of(ProblemKind::InvalidValue, all.at(SCHEMA_PREFIX.key()), predicate));
        return None;
    }
    let schema = by_schema.then(|| format!("{schema_prefix}{PLUGIN}"));
    let ensure_exists = reader.flag_or(own, ENSURE_EXISTS.key(), reader.flag_or(all, ENSURE_EXISTS.key(), true));
    match &tls {
        DatabaseTls::Unverified => reader.warn(Warning::of(
            of(),
            "the database's certificate is not checked, so an attacker on the network can impersonate it: name its authority \
             in ssl.ca",
        )),
        DatabaseTls::Off if host.as_deref().is_some_and(is_elsewhere) => reader.warn(Warning::of(
            of(),
            "the connection to the database is plain, so an attacker on the network can impersonate it and sign in as any \
             user: set ssl: true, or name its authority in ssl.ca",
        )),
        DatabaseTls::Verified { roots: None } if reader.variable(EXTRA_AUTHORITIES).is_some() => {
            reader.warn(Warning::of(
                of(),
                format!(
                    "{EXTRA_AUTHORITIES} has no effect here, so the database's certificate must be of a public authority: \
                     if it is of the authority in that file, write ssl: {{ ca: {{ $file: <that file> }} }}"
                ),
            ));
        }
        _ => {}
    }
    let target =
        rds::Target { has_host: host.is_some(), has_port, has_password: connection.password.is_some(), tls: &tls };
    let rds = rds::settings(reader, &connection.rds, &target, &of());
    Some(Box::new(DatabaseSettings {
        rds,
        place: of().to_string(),
        host: host.unwrap_or_else(|| "localhost".to_owned()),
        port,
        password: or_variable(connection.password, "PGPASSWORD").map(Secret::new),
        search_path: with_schema(search_path, schema.as_ref()),
        schema,
        role: reader.text(own, ROLE.key()).or_else(|| reader.text(all, ROLE.key())),
        tls,
        user,
        database,
        ensure_exists,
    }))
}

/// The port of the connection, or of `PGPORT`.
fn read_port(reader: &Reader<'_>, written: Option<String>, at: Option<KeyAt>) -> Option<u16> {
    let (text, at) = match written {
        Some(text) => (text, at.unwrap_or_else(|| KeyAt::path("port"))),
        None => match reader.variable(PORT_VARIABLE) {
            Some(text) => (text.to_owned(), KeyAt::path(PORT_VARIABLE)),
            None => return Some(DEFAULT_PORT),
        },
    };
    let port = text.trim().parse().ok().filter(|port| *port > 0);
    if port.is_none() {
        reader.problem(Problem::wrong_type(at, "a port", "a text"));
    }
    port
}

/// `knexConfig.searchPath`: that of all plugins, and over it that of this one, place by place.
fn search_path(reader: &Reader<'_>, all: &Section<'_>, own: &Section<'_>) -> Option<Vec<String>> {
    let [all, own] = [all, own].map(|section| {
        let Some(knex) = section.section("knexConfig") else { return Some(Vec::new()) };
        reader.tell_unset(&knex, SEARCH_PATH.key());
        match knex.find(SEARCH_PATH.key()).map(|node| &node.value) {
            None => Some(Vec::new()),
            Some(Value::Text(text)) if !text.is_empty() && !text.contains(',') => Some(vec![text.clone()]),
            Some(_) => knex.texts(SEARCH_PATH.key()),
        }
    });
    let (mut path, own) = (all?, own?);
    for (index, schema) in own.into_iter().enumerate() {
        match path.get_mut(index) {
            Some(held) => *held = schema,
            None => path.push(schema),
        }
    }
    Some(path)
}

/// As stock back ends have it; a longer name is cut by PostgreSQL.
fn is_schema_prefix(prefix: &str) -> bool {
    let first = prefix.chars().next().is_none_or(|c| c.is_ascii_alphabetic() || c == '_');
    let fits = prefix.len().saturating_add(PLUGIN.len()) <= MAX_NAME_BYTES;
    first && fits && prefix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The plugin's schema takes the first place.
fn with_schema(mut path: Vec<String>, schema: Option<&String>) -> Vec<String> {
    if let (Some(first), Some(schema)) = (path.first_mut(), schema) {
        first.clone_from(schema);
    }
    path
}
