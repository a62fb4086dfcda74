//! `connection.ssl`: whether and how the connection to the database is encrypted.

use std::fmt;

use crate::{
    backstage::settings::reader::{Reader, Warning, unknown},
    config::{Problem, ProblemKind},
    internal::{KeyAt, Node, Section, Value, tls::read_pem},
};

const KEY: &str = "ssl";
const REJECT: &str = "rejectUnauthorized";

/// Whether and how the connection to the database is encrypted, and which certificates are trusted: Backstage's
/// `backend.database.connection.ssl`. The default is [`verified`](Self::verified).
///
/// | `ssl` in app-config.yaml | here |
/// |---|---|
/// | `false`, or not set | [`off`](Self::off) |
/// | `true` | [`verified`](Self::verified), or [`system_roots`](Self::system_roots) |
/// | `ca: ...` | [`pem_roots`](Self::pem_roots) |
/// | `rejectUnauthorized: false` | [`dangerously_accept_any_certificate`](Self::dangerously_accept_any_certificate) |
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseTls {
    /// Plain.
    Off,
    /// Encrypted, with a certificate for the host's name.
    Verified {
        /// The trusted authorities, as PEM blocks `CERTIFICATE`; by default those of Mozilla's programme, as in Node.
        roots: Option<String>,
    },
    /// Encrypted, with a certificate for the host's name, verified by the roots of the operating system.
    SystemRoots,
    /// Encrypted, with any certificate (`rejectUnauthorized: false`). Outside of this crate it is made by
    /// [`dangerously_accept_any_certificate`](Self::dangerously_accept_any_certificate) only.
    #[non_exhaustive]
    Unverified,
}

impl fmt::Debug for DatabaseTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "Off",
            Self::Verified { roots: None } => "Verified",
            Self::Verified { roots: Some(_) } => "Verified by roots of its own",
            Self::SystemRoots => "Verified by the system's roots",
            Self::Unverified => "Unverified",
        })
    }
}

impl DatabaseTls {
    /// Whether only the database itself can read what is sent.
    pub(in crate::backstage) fn is_verified(&self) -> bool {
        matches!(self, Self::Verified { .. } | Self::SystemRoots)
    }
}

/// What is written: a connection of all plugins may have one part, and that of this plugin another.
pub(super) enum Ssl {
    On,
    Off,
    /// `no-verify`.
    Unverified,
    Object(SslObject),
}

#[derive(Default)]
pub(super) struct SslObject {
    reject_unauthorized: Option<bool>,
    authorities: Option<String>,
}

impl Ssl {
    pub(super) fn of_url(tls: DatabaseTls) -> Self {
        match tls {
            DatabaseTls::Off => Self::Off,
            DatabaseTls::Verified { roots } => Self::Object(SslObject { authorities: roots, ..SslObject::default() }),
            DatabaseTls::SystemRoots => Self::On,
            DatabaseTls::Unverified => {
                Self::Object(SslObject { reject_unauthorized: Some(false), ..SslObject::default() })
            }
        }
    }

    /// This one over the other: two objects are merged, as stock back ends merge them.
    pub(super) fn over(self, below: Self) -> Self {
        match (self, below) {
            (Self::Object(over), Self::Object(below)) => Self::Object(SslObject {
                reject_unauthorized: over.reject_unauthorized.or(below.reject_unauthorized),
                authorities: over.authorities.or(below.authorities),
            }),
            (over, _) => over,
        }
    }

    pub(super) fn tls(self) -> DatabaseTls {
        match self {
            Self::Off => DatabaseTls::Off,
            Self::On => DatabaseTls::Verified { roots: None },
            Self::Unverified | Self::Object(SslObject { reject_unauthorized: Some(false), .. }) => {
                DatabaseTls::Unverified
            }
            Self::Object(SslObject { authorities, .. }) => DatabaseTls::Verified { roots: authorities },
        }
    }
}

/// `PGSSLMODE`, which the driver reads if no connection says anything about encryption.
pub(super) fn of_environment(reader: &Reader<'_>) -> Option<DatabaseTls> {
    const NAME: &str = "PGSSLMODE";
    const VALUES: [&str; 6] = ["disable", "prefer", "require", "verify-ca", "verify-full", "no-verify"];
    match reader.variable(NAME) {
        None | Some("disable") => Some(DatabaseTls::Off),
        // The driver takes all of them for the strictest.
        Some("prefer" | "require" | "verify-ca" | "verify-full") => Some(DatabaseTls::Verified { roots: None }),
        Some("no-verify") => Some(DatabaseTls::Unverified),
        Some(_) => {
            let problem =
                Problem::of(ProblemKind::UnknownValue, KeyAt::path(NAME), "has a value that the driver ignores");
            let fix = format!("set it to one of {}, or unset it and set ssl: true", VALUES.join(", "));
            reader.problem(problem.with_expected(VALUES.join(", ")).with_fix(fix));
            None
        }
    }
}

/// The setting; the outer `None` means that it cannot be used.
pub(super) fn read_ssl(reader: &Reader<'_>, connection: &Section<'_>) -> Option<Option<Ssl>> {
    if connection.is_unset(KEY) {
        return None;
    }
    let Some(node) = connection.find(KEY) else { return Some(None) };
    match &node.value {
        Value::Object(_) => {}
        Value::Bool(true) => return Some(Some(Ssl::On)),
        Value::Bool(false) => return Some(Some(Ssl::Off)),
        Value::Text(text) if text == "true" => return Some(Some(Ssl::On)),
        Value::Text(text) if text == "no-verify" => return Some(Some(Ssl::Unverified)),
        Value::Text(_) => {
            let predicate = "is a text, and the driver for Node.js takes every text for true";
            let problem = Problem::of(ProblemKind::WrongType, connection.at(KEY), predicate);
            reader.problem(problem.with_expected("true or false").with_fix("write true or false, without quotes"));
            return None;
        }
        _ => return connection.wrong(KEY, node, "true, false or an object"),
    }
    // Backstage takes the whole connection as it is, so that an object may stand over another value.
    let ssl = Section { path: format!("{}.{KEY}", connection.path), node, problems: connection.problems };
    for key in ["cert", "key", "pfx"] {
        if ssl.find(key).is_some() {
            let predicate = "asks for a certificate of the client, which is not served";
            reader.problem(Problem::of(ProblemKind::NotServed, ssl.at(key), predicate));
        }
    }
    let known = ["ca", "rejectUnauthorized", "require", "cert", "key", "pfx"];
    for (name, _) in ssl.members().iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        reader.warn(Warning::ignored(ssl.at(name), unknown(name, &known)));
    }
    // The unset variable may have named an authority.
    if ssl.is_unset("ca") {
        return None;
    }
    let reject_unauthorized = match ssl.find(REJECT) {
        None => None,
        Some(Node { value: Value::Bool(value), .. }) => Some(*value),
        // Node.js checks the certificate at any value except false itself.
        Some(node) => {
            let found = node.kind();
            let problem = Problem::wrong_type(ssl.at(REJECT), "true or false", found);
            reader.problem(problem.with_fix("Node.js takes every other value for true: write it without quotes"));
            return None;
        }
    };
    let authorities = match ssl.find("ca").map(|node| &node.value) {
        None => None,
        Some(Value::Text(text)) => Some(text.clone()),
        Some(_) => Some(ssl.texts("ca")?.join("\n")),
    };
    let used = authorities.as_ref().filter(|_| reject_unauthorized != Some(false));
    if let Some((text, predicate)) = used.and_then(|text| Some((text, read_pem(text).err()?))) {
        let fix = match text.contains("\\n") {
            true => {
                "it has the characters \\n where line feeds belong; write it as $file: <path of the authority's PEM>"
            }
            false => "write it as $file: <path of the authority's PEM>",
        };
        reader.problem(Problem::of(ProblemKind::InvalidValue, ssl.at("ca"), predicate).with_fix(fix));
        return None;
    }
    Some(Some(Ssl::Object(SslObject { reject_unauthorized, authorities })))
}
