//! Private keys from PEM files.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use zeroize::Zeroizing;

use super::signing_key::SigningKey;
use crate::{
    ConfigError,
    backstage::PublicJwk,
    internal::{
        SPKI_UNCOMPRESSED,
        files::pem_files,
        private_file::warn_if_open,
        private_key::{self, IS_ENCRYPTED, PemFault, pem_block},
        quoted,
    },
};

/// Maximum length of a key id in Backstage's tables.
const MAX_KEY_ID_CHARS: usize = 255;
const HOW_TO_MAKE_ONE: &str =
    "create one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem";

/// Private keys that replicas share as files, for
/// [`TokenIssuerBuilder::user_signing_keys`](super::TokenIssuerBuilder::user_signing_keys).
///
/// They are P-256 keys in PEM, `PRIVATE KEY` (PKCS #8) or `EC PRIVATE KEY` (SEC 1), as created by:
///
/// ```text
/// openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem
/// openssl pkey -in key.pem -pubout -out key.pub.pem
/// ```
///
/// The first key signs, the others are listed. To rotate the key, give all replicas files with a
/// new first key and keep the old one as the second: each replica lists the new key as soon as it
/// reads the files, and signs with it after verifiers had the time to fetch it (10 min). A removed
/// key stays listed for as long as its tokens live.
///
/// Contains secrets: it cannot be shown, cloned or serialized.
#[allow(missing_debug_implementations, reason = "nothing that holds a private key can be shown")]
pub struct SigningKeys {
    entries: Vec<Entry>,
    origin: Origin,
}

/// Where keys are read from, so that they can be read again.
#[derive(Debug, Clone)]
pub(super) enum Origin {
    Folder(PathBuf),
    Files(Vec<KeyFiles>),
}

/// One key. Without its private half it is listed but does not sign.
pub(super) struct Entry {
    pub(super) public: PublicJwk,
    pub(super) private: Option<Arc<SigningKey>>,
}

/// The files of one key: an entry of `auth.keyStore.static.keys`.
#[derive(Debug, Clone)]
pub struct KeyFiles {
    key_id: String,
    private: Option<PathBuf>,
    public: Option<PathBuf>,
    algorithm: Option<String>,
}

impl KeyFiles {
    /// The key with this id: `keyId`. It is in the header of each token, and must never be reused
    /// for another key.
    pub fn new(key_id: impl Into<String>) -> Self {
        Self { key_id: key_id.into(), private: None, public: None, algorithm: None }
    }

    /// `privateKeyFile`. A key without one is listed but does not sign.
    #[must_use]
    pub fn private_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.private = Some(path.into());
        self
    }

    /// `publicKeyFile`. Optional if there is a private key file; the two must be of one key pair.
    #[must_use]
    pub fn public_key_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.public = Some(path.into());
        self
    }

    /// `algorithm`. `ES256` is the default and the only supported value.
    #[must_use]
    pub fn algorithm(mut self, algorithm: impl Into<String>) -> Self {
        self.algorithm = Some(algorithm.into());
        self
    }

    fn read(&self) -> Result<Entry, String> {
        let id = quoted(&self.key_id);
        if self.key_id.is_empty() || self.key_id.len() > MAX_KEY_ID_CHARS {
            return Err(format!("the key id {id} must have 1 to {MAX_KEY_ID_CHARS} characters, for example a UUID"));
        }
        if let Some(other) = self.algorithm.as_deref().filter(|algorithm| *algorithm != "ES256") {
            return Err(format!("the key {id} is for {}: only ES256 is supported, with P-256 keys", quoted(other)));
        }
        let kid = Some(self.key_id.as_str());
        let private = self.private.as_deref().map(|path| private_key_of(path, kid)).transpose()?;
        let public = self.public.as_deref().map(|path| public_key(path, kid)).transpose()?;
        match (private, public) {
            (None, None) => {
                Err(format!("the key {id} has no file: set its private key file, its public key file, or both"))
            }
            (None, Some(public)) => Ok(Entry { public, private: None }),
            (Some(private), public) if public.as_ref().is_none_or(|public| public == private.public()) => {
                Ok(Entry::of(private))
            }
            _ => Err(format!("the private and the public key file of the key {id} are not of one key pair")),
        }
    }
}

impl SigningKeys {
    /// Reads the keys of these files. The first one signs.
    ///
    /// A private key file that every user of the machine can read is logged as a warning.
    ///
    /// # Errors
    /// The problem of each file, and how to create one.
    pub fn from_files(files: impl IntoIterator<Item = KeyFiles>) -> Result<Self, ConfigError> {
        Self::read_first(Origin::Files(files.into_iter().collect()))
    }

    /// Reads the private keys of the `.pem` files in a folder. The last one in the order of names
    /// signs, so names that start with a date work as expected. A key's id is its thumbprint (RFC
    /// 7638).
    ///
    /// # Errors
    /// The problems of the folder and of each file, and how to create one.
    pub fn from_folder(folder: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        Self::read_first(Origin::Folder(folder.into()))
    }

    /// The ids of the keys; the first one signs.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.public.kid())
    }

    /// The first read, which also logs problems of the files' permissions.
    fn read_first(origin: Origin) -> Result<Self, ConfigError> {
        let keys = Self::read(origin)?;
        match &keys.origin {
            Origin::Files(files) => files.iter().filter_map(|file| file.private.as_deref()).for_each(warn_if_open),
            Origin::Folder(folder) => pem_files(folder).unwrap_or_default().iter().for_each(|file| warn_if_open(file)),
        }
        Ok(keys)
    }

    pub(super) fn read(origin: Origin) -> Result<Self, ConfigError> {
        let read = match &origin {
            Origin::Files(files) => files.iter().map(KeyFiles::read).collect(),
            Origin::Folder(folder) => read_folder(folder),
        };
        let (mut entries, mut problems): (Vec<Entry>, Vec<String>) = (Vec::new(), Vec::new());
        for entry in read {
            match entry {
                Ok(entry) if entries.iter().any(|held| held.public.kid() == entry.public.kid()) => {
                    let kid = quoted(entry.public.kid());
                    problems.push(format!("the key id {kid} is used twice: give each key its own id"));
                }
                Ok(entry) => entries.push(entry),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() && entries.first().is_none_or(|first| first.private.is_none()) {
            problems.push(format!("the first key signs, so it needs a private key file; {HOW_TO_MAKE_ONE}"));
        }
        if problems.is_empty() { Ok(Self { entries, origin }) } else { Err(ConfigError::invalid(problems)) }
    }

    pub(super) fn into_parts(self) -> (Vec<Entry>, Origin) {
        (self.entries, self.origin)
    }
}

impl Entry {
    fn of(private: SigningKey) -> Self {
        Self { public: private.public().clone(), private: Some(Arc::new(private)) }
    }
}

fn read_folder(folder: &Path) -> Vec<Result<Entry, String>> {
    match pem_files(folder) {
        Err(error) => vec![Err(format!("the folder {} cannot be read: {error}", folder.display()))],
        Ok(files) if files.is_empty() => {
            vec![Err(format!("the folder {} has no file *.pem; {HOW_TO_MAKE_ONE}", folder.display()))]
        }
        Ok(files) => files.iter().rev().map(|file| private_key_of(file, None).map(Entry::of)).collect(),
    }
}

fn private_key_of(path: &Path, kid: Option<&str>) -> Result<SigningKey, String> {
    let file = path.display();
    let pem = read_file(path)?;
    for label in ["PRIVATE KEY", "EC PRIVATE KEY"] {
        let Some(der) = pem_block(&pem, label) else { continue };
        let der = der.map_err(|fault| match fault {
            PemFault::Encrypted => format!("{file}: its private key {IS_ENCRYPTED}; {HOW_TO_MAKE_ONE}"),
            PemFault::NotBase64 => format!("{file}: its block {label} is not base64; {HOW_TO_MAKE_ONE}"),
        })?;
        return SigningKey::from_der(&der, kid).ok_or_else(|| {
            format!("{file}: it contains a private key, but not a P-256 key, which ES256 requires; {HOW_TO_MAKE_ONE}")
        });
    }
    let found = if pem_block(&pem, "ENCRYPTED PRIVATE KEY").is_some() {
        return Err(format!("{file}: its private key {IS_ENCRYPTED}; {HOW_TO_MAKE_ONE}"));
    } else if pem_block(&pem, "RSA PRIVATE KEY").is_some() {
        "it contains an RSA key, but ES256 requires a P-256 key"
    } else if pem_block(&pem, "PUBLIC KEY").is_some() {
        "it contains a public key, but a private key is required"
    } else {
        "it has no PEM block PRIVATE KEY or EC PRIVATE KEY"
    };
    Err(format!("{file}: {found}; {HOW_TO_MAKE_ONE}"))
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    private_key::read(path).map_err(|problem| format!("{} {problem}; {HOW_TO_MAKE_ONE}", path.display()))
}

fn public_key(path: &Path, kid: Option<&str>) -> Result<PublicJwk, String> {
    let file = path.display();
    let pem = read_file(path)?;
    let wrong = || {
        format!(
            "{file}: it has no PEM block PUBLIC KEY with a P-256 key; derive it from the private key with: openssl pkey -in key.pem -pubout -out key.pub.pem"
        )
    };
    let der = pem_block(&pem, "PUBLIC KEY").and_then(Result::ok).ok_or_else(wrong)?;
    let point = der.strip_prefix(&SPKI_UNCOMPRESSED).ok_or_else(wrong)?;
    PublicJwk::of_point(kid, point, None).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use super::*;

    /// Compiles only if the type lacks the trait; otherwise the call of `check` is ambiguous.
    macro_rules! lacks {
        ($type:ty: $($trait:path),+) => {$({
            trait Either<Which> {
                fn check() {}
            }
            struct Has;
            impl<T: ?Sized> Either<()> for T {}
            impl<T: ?Sized + $trait> Either<Has> for T {}
            <$type as Either<_>>::check();
        })+};
    }

    #[test]
    fn s_63_nothing_that_holds_a_private_key_can_be_shown_cloned_or_written() {
        lacks!(SigningKey: Debug, Display, Clone, serde::Serialize);
        lacks!(SigningKeys: Debug, Display, Clone, serde::Serialize);
        lacks!(Entry: Debug, Display, Clone, serde::Serialize);
    }
}
