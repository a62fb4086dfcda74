//! `auth.keyStore`: where the keys that sign Backstage's tokens come from, and where their public halves are kept.

use std::path::PathBuf;

use super::{
    database::Database,
    reader::{Path, Reader, Warning},
};
use crate::{
    backstage::KeyFiles,
    config::{Problem, ProblemKind},
    internal::{KeyAt, Section},
};

/// The keys in files, if the provider is `static`.
pub(super) const STATIC_KEYS: Path = Path::new("auth.keyStore.static.keys");
const STATIC_PLUGIN_KEYS: Path = Path::new("backend.auth.pluginKeyStore.static.keys");

/// Where signing keys come from, and where their public halves are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyStoreSettings {
    /// Made in this process and known only to it: for one replica.
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

impl StaticKey {
    /// The files, for [`SigningKeys::from_files`](crate::backstage::SigningKeys::from_files).
    pub(in crate::backstage) fn files(&self) -> KeyFiles {
        KeyFiles::new(&self.key_id).private_key_file(&self.private_key_file).public_key_file(&self.public_key_file)
    }
}

pub(super) fn read_key_store(reader: &Reader<'_>, path: Path, database: &Database) -> Option<KeyStoreSettings> {
    let (store, key) = (reader.section(path.section()), path.key());
    if store.is_unset(key) {
        return None;
    }
    let provider = store.text(key);
    match provider.as_deref() {
        None | Some("database") => match database {
            Database::Postgres(_) => Some(KeyStoreSettings::Database),
            Database::Passing => {
                let text =
                    "signing keys are kept in memory, since backend.database names no PostgreSQL: use one replica only";
                reader.warn(Warning::Other(text.to_owned()));
                Some(KeyStoreSettings::Memory)
            }
            Database::Other(what) => {
                if let Some(what) = what {
                    let text = format!("signing keys cannot be kept in the database: {what}");
                    reader.problem(
                        Problem::sentence(ProblemKind::NotServed, text)
                            .with_fix(format!("set {} to memory, for one replica, or to static", path.whole())),
                    );
                }
                None
            }
        },
        Some("memory") => Some(KeyStoreSettings::Memory),
        Some("static") => read_keys(reader, store.at(key), STATIC_KEYS).map(KeyStoreSettings::Static),
        Some(other) => {
            reader.problem(Problem::unknown_value(store.at(key), other, ["database", "memory", "static"]));
            None
        }
    }
}

/// `backend.auth.pluginKeyStore`: the keys of plugin tokens, if they are in files. `None` if they are generated, in the database
/// where there is one.
pub(super) fn read_plugin_keys(reader: &Reader<'_>, path: Path) -> Option<Vec<StaticKey>> {
    let store = reader.section(path.whole());
    match reader.text(&store, "type").as_deref() {
        None | Some("database") => None,
        Some("static") => read_keys(reader, store.at("type"), STATIC_PLUGIN_KEYS),
        Some(other) => {
            reader.problem(Problem::unknown_value(store.at("type"), other, ["database", "static"]));
            None
        }
    }
}

/// The keys at this path. `chosen_by` is the key that requires them.
fn read_keys(reader: &Reader<'_>, chosen_by: KeyAt, path: Path) -> Option<Vec<StaticKey>> {
    let (own, key) = (reader.section(path.section()), path.key());
    let Some(entries) = own.sections(key) else {
        if own.find(key).is_none() {
            let predicate = format!("is static, and there is no {}", path.whole());
            let mut lines = path.yaml();
            let indent = "  ".repeat(path.whole().split('.').count());
            let entry = ["- keyId: <name>", "  publicKeyFile: <path of a PEM>", "  privateKeyFile: <path of a PEM>"];
            entry.iter().for_each(|line| lines.push_str(&format!("\n{indent}{line}")));
            reader.problem(Problem::of(ProblemKind::Missing, chosen_by, predicate).with_lines("add", &lines));
        }
        return None;
    };
    if entries.is_empty() {
        let problem = Problem::of(ProblemKind::Missing, own.at(key), "is empty");
        reader.problem(problem.with_fix("list a key; the first one signs"));
    }
    let mut keys: Vec<StaticKey> = Vec::new();
    for entry in &entries {
        entry.only(&["publicKeyFile", "privateKeyFile", "keyId", "algorithm"]);
        check_algorithm(reader, entry, "algorithm");
        let Some(key) = read_key(reader, entry) else { continue };
        if keys.iter().any(|held| held.key_id == key.key_id) {
            let predicate = "is also the name of an earlier key";
            reader.problem(Problem::of(ProblemKind::Conflict, entry.at("keyId"), predicate));
        }
        keys.push(key);
    }
    (!keys.is_empty() && keys.len() == entries.len()).then_some(keys)
}

fn read_key(reader: &Reader<'_>, entry: &Section<'_>) -> Option<StaticKey> {
    let required = |key: &str| {
        let text = entry.text(key);
        if text.is_none() && entry.find(key).is_none() && !entry.is_unset(key) {
            reader.problem(Problem::of(ProblemKind::Missing, entry.place(), format!("lacks {key}")).with_expected(key));
        }
        text
    };
    let (public, private, key_id) = (required("publicKeyFile"), required("privateKeyFile"), required("keyId"));
    Some(StaticKey { public_key_file: public?.into(), private_key_file: private?.into(), key_id: key_id? })
}

/// Only ES256 is accepted: back ends verify tokens by one algorithm.
pub(super) fn check_algorithm(reader: &Reader<'_>, section: &Section<'_>, key: &str) {
    reader.tell_unset(section, key);
    if let Some(algorithm) = section.text(key).filter(|algorithm| algorithm != "ES256") {
        let found = crate::internal::quoted(&algorithm);
        let predicate = format!("is {found}, and tokens are signed by ES256 only");
        let problem = Problem::of(ProblemKind::NotServed, section.at(key), predicate);
        reader.problem(problem.with_found(found).with_expected("ES256").with_fix("leave it out"));
    }
}
