//! `auth.keyStore`: where the keys that sign Backstage's tokens come from, and where their public halves are kept.

use std::path::PathBuf;

use super::{
    database::Database,
    reader::{Reader, place},
};
use crate::internal::Section;

/// Where signing keys come from, and where their public halves are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyStoreSettings {
    /// Made in this process and known to it alone: for one replica.
    Memory,
    /// Made in this process; the public halves are in Backstage's database, where every replica lists them.
    Database,
    /// From files that all replicas share; the first signs.
    Static(Vec<StaticKey>),
}

/// A key pair in two files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StaticKey {
    /// A PEM block `PUBLIC KEY` (SPKI).
    pub public_key_file: PathBuf,
    /// A PEM block `PRIVATE KEY` (PKCS #8).
    pub private_key_file: PathBuf,
    /// The `kid` of the tokens it signs.
    pub key_id: String,
}

pub(super) fn read_key_store(reader: &Reader<'_>, database: &Database) -> Option<KeyStoreSettings> {
    let store = reader.section("auth.keyStore");
    if store.is_unset("provider") {
        return None;
    }
    let provider = store.text("provider");
    match provider.as_deref() {
        None | Some("database") => match database {
            Database::Postgres(_) => Some(KeyStoreSettings::Database),
            Database::Passing => {
                reader.warn(
                    "signing keys are kept in memory, since backend.database names no PostgreSQL: right for one replica"
                        .to_owned(),
                );
                Some(KeyStoreSettings::Memory)
            }
            Database::Other(what) => {
                if let Some(what) = what {
                    reader.problem(format!(
                        "signing keys cannot be kept in the database: {what}; set auth.keyStore.provider to memory, for one \
                         replica, or to static"
                    ));
                }
                None
            }
        },
        Some("memory") => Some(KeyStoreSettings::Memory),
        Some("static") => read_keys(reader, &store).map(KeyStoreSettings::Static),
        Some(other) => {
            reader.problem(format!(
                "{} is {}, which is not served; there are database, memory, static",
                place(&store, "provider"),
                crate::internal::quoted(other)
            ));
            None
        }
    }
}

fn read_keys(reader: &Reader<'_>, store: &Section<'_>) -> Option<Vec<StaticKey>> {
    let own = reader.section("auth.keyStore.static");
    let Some(entries) = own.sections("keys") else {
        if own.find("keys").is_none() {
            reader.problem(format!(
                "{} is static, and there is no auth.keyStore.static.keys: add\nauth:\n  keyStore:\n    static:\n      keys:\n        \
                 - keyId: <name>\n          publicKeyFile: <path of a PEM>\n          privateKeyFile: <path of a PEM>",
                place(store, "provider")
            ));
        }
        return None;
    };
    if entries.is_empty() {
        reader.problem(format!("{} is empty: the first key signs", place(&own, "keys")));
    }
    let mut keys: Vec<StaticKey> = Vec::new();
    for entry in &entries {
        entry.only(&["publicKeyFile", "privateKeyFile", "keyId", "algorithm"]);
        check_algorithm(reader, entry, "algorithm");
        let Some(key) = read_key(reader, entry) else { continue };
        if keys.iter().any(|held| held.key_id == key.key_id) {
            reader.problem(format!("{} is the name of a key before it, too", place(entry, "keyId")));
        }
        keys.push(key);
    }
    (!keys.is_empty() && keys.len() == entries.len()).then_some(keys)
}

fn read_key(reader: &Reader<'_>, entry: &Section<'_>) -> Option<StaticKey> {
    let required = |key: &str| {
        let text = entry.text(key);
        if text.is_none() && entry.find(key).is_none() && !entry.is_unset(key) {
            reader.problem(format!("{} lacks {key}", entry.place()));
        }
        text
    };
    let (public, private, key_id) = (required("publicKeyFile"), required("privateKeyFile"), required("keyId"));
    Some(StaticKey { public_key_file: public?.into(), private_key_file: private?.into(), key_id: key_id? })
}

/// Anything but ES256 is refused: what others verify tokens by is one algorithm.
pub(super) fn check_algorithm(reader: &Reader<'_>, section: &Section<'_>, key: &str) {
    reader.tell_unset(section, key);
    if let Some(algorithm) = section.text(key).filter(|algorithm| algorithm != "ES256") {
        reader.problem(format!(
            "{} is {}: tokens are signed by ES256 alone; leave it out",
            place(section, key),
            crate::internal::quoted(&algorithm)
        ));
    }
}
