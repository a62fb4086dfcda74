//! `connection.ssl`: whether and how the connection to the database is encrypted.

use std::fmt;

use crate::{
    backstage::settings::reader::{Reader, Warning},
    config::{Problem, ProblemKind},
    internal::{Section, Value},
};

const KEY: &str = "ssl";

/// Why an unknown member of a connection is ignored.
pub(super) const UNKNOWN: &str = "no such setting is known here";

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

/// The setting; the outer `None` means that it cannot be used.
pub(super) fn read_tls(reader: &Reader<'_>, connection: &Section<'_>) -> Option<Option<DatabaseTls>> {
    if connection.is_unset(KEY) {
        return None;
    }
    let Some(node) = connection.find(KEY) else { return Some(None) };
    if !matches!(node.value, Value::Object(_)) {
        let on = connection.flag(KEY);
        return Some(Some(if on { DatabaseTls::Verified { roots: None } } else { DatabaseTls::Off }));
    }
    let ssl = connection.section(KEY)?;
    for key in ["cert", "key", "pfx"] {
        if ssl.find(key).is_some() {
            let predicate = "asks for a certificate of the client, which is not served";
            reader.problem(Problem::of(ProblemKind::NotServed, ssl.at(key), predicate));
        }
    }
    let known = ["ca", "rejectUnauthorized", "require", "cert", "key", "pfx"];
    for (name, _) in ssl.members().iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        reader.warn(Warning::ignored(ssl.at(name), UNKNOWN));
    }
    // The unset variable may have named an authority.
    if ssl.is_unset("ca") {
        return None;
    }
    if !reader.flag_or(&ssl, "rejectUnauthorized", true) {
        return Some(Some(DatabaseTls::Unverified));
    }
    let Some(authorities) = ssl.find("ca").and_then(|_| ssl.texts("ca")) else {
        return Some(Some(DatabaseTls::Verified { roots: None }));
    };
    let roots = authorities.join("\n");
    if !roots.contains("-----BEGIN CERTIFICATE-----") {
        let problem = Problem::of(ProblemKind::InvalidValue, ssl.at("ca"), "has no PEM block CERTIFICATE");
        reader.problem(problem.with_fix("write it as $file: <path of the authority's PEM>"));
        return None;
    }
    Some(Some(DatabaseTls::Verified { roots: Some(roots) }))
}
