//! `connection.ssl`: whether and how the connection to the database is encrypted.

use std::fmt;

use crate::backstage::settings::reader::{Reader, place};
use crate::internal::{Section, Value};

const KEY: &str = "ssl";

/// Whether and how the connection to the database is encrypted.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatabaseTls {
    /// Plain.
    Off,
    /// Encrypted, and the certificate must be one of the host's.
    Verified {
        /// The authorities that are believed, as PEM blocks `CERTIFICATE`; without any, those of Mozilla's programme, as in Node.
        roots: Option<String>,
    },
    /// Encrypted; whose certificate it is, is not looked at (`rejectUnauthorized: false`).
    Unverified,
}

impl fmt::Debug for DatabaseTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Off => "Off",
            Self::Verified { roots: None } => "Verified",
            Self::Verified { roots: Some(_) } => "Verified by roots of its own",
            Self::Unverified => "Unverified",
        })
    }
}

/// What is written; `None` where that cannot be used.
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
            reader.problem(format!("{} asks for a certificate of the client, which is not served", place(&ssl, key)));
        }
    }
    let known = ["ca", "rejectUnauthorized", "require", "cert", "key", "pfx"];
    for (name, node) in ssl.members().iter().filter(|(name, _)| !known.contains(&name.as_str())) {
        reader.warn(format!("{}.{name} ({}) is ignored: no such setting is taken here", ssl.path, node.origin));
    }
    // A variable that is not set may have said so.
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
        reader.problem(format!(
            "{} has no PEM block CERTIFICATE: write it as $file: <path of the authority's PEM>",
            place(&ssl, "ca")
        ));
        return None;
    }
    Some(Some(DatabaseTls::Verified { roots: Some(roots) }))
}
