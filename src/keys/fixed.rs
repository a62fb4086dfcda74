//! Static keys, which are not fetched.

use std::{
    collections::HashSet,
    error::Error,
    fmt,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::KeyId;
use crate::{
    alb::{KeyEndpoint, Kid, PublicKey},
    settings::{FilesRead, Problem, ProblemKind, files::pem_files},
    sync::Arc,
};

/// Maximum size of a key file in bytes. A key is one PEM block of 178 bytes.
const MAX_PEM_BYTES: u64 = 64 * 1024;

/// Public keys as PEM text: for networks without access to AWS, and for tests.
///
/// A key verifies only tokens of the load balancers that belong to its endpoint. If the entries of
/// a configuration have several endpoints, [`for_endpoint`](Self::for_endpoint) assigns the keys to
/// one.
///
/// These keys are never refreshed. After AWS rotates the keys of a region, tokens with the new kid
/// are refused until the operator adds its key.
///
/// ```
/// use tower_alb_auth::keys::FixedKeys;
///
/// let pem = "-----BEGIN PUBLIC KEY-----
/// MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
/// 6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
/// -----END PUBLIC KEY-----";
/// let keys = FixedKeys::new().add("c6f14c2f-0a57-4b0e-9f3a-6d7c2b1e5a90", pem)?;
/// # let _ = keys;
/// # Ok::<(), tower_alb_auth::keys::FixedKeyError>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct FixedKeys {
    keys: Vec<FixedKey>,
    /// The directories that the keys were read from.
    pub(crate) files: FilesRead,
}

#[derive(Debug, Clone)]
struct FixedKey {
    /// `None`: the only endpoint in the configuration.
    endpoint: Option<KeyEndpoint>,
    kid: Kid,
    key: Arc<PublicKey>,
}

impl FixedKeys {
    /// An empty set of keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// The keys of a directory, one file `<kid>.pem` each. Other files are ignored.
    /// [`AlbAuthHandle::watch`](crate::AlbAuthHandle::watch) loads new files.
    ///
    /// # Errors
    /// The directory cannot be read, has no such file, or has a file whose name is not a kid or
    /// whose content is not a key.
    pub fn from_directory(folder: impl AsRef<Path>) -> Result<Self, FixedKeyError> {
        let folder = folder.as_ref();
        let unread = |path: &Path, error: io::Error| {
            FixedKeyError::new(FixedKeyErrorKind::Unreadable, error.to_string()).caused_by(error).in_file(path)
        };
        let mut read = Self::new();
        // Recorded before the files are read, so that a later change is detected.
        read.files.add_folder(folder);
        let files = pem_files(folder).map_err(|error| unread(folder, error))?;
        if files.is_empty() {
            let message = "there is no file <kid>.pem".to_owned();
            return Err(FixedKeyError::new(FixedKeyErrorKind::NoKeyFile, message).in_file(folder));
        }
        files.iter().try_fold(read, |keys, file| {
            let kid = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let pem = read_pem(file).map_err(|error| unread(file, error))?;
            keys.add(kid, &pem).map_err(|error| error.in_file(file))
        })
    }

    /// Adds the key of this kid: one PEM block `PUBLIC KEY` with a P-256 key, in the format of the
    /// key endpoint.
    ///
    /// # Errors
    /// The kid is not a lower-case UUID, the kid is a duplicate, or the text is not such a key.
    pub fn add(mut self, kid: &str, pem: &str) -> Result<Self, FixedKeyError> {
        let shown = crate::error::quoted(kid);
        let parsed = Kid::parse(kid).ok_or_else(|| {
            let message = format!("{shown} is not a kid: expected a UUID in lower case");
            FixedKeyError::new(FixedKeyErrorKind::InvalidKid, message)
        })?;
        let key = PublicKey::from_pem(pem.as_bytes()).map_err(|error| {
            let message = format!("the key of kid {shown} is {error}");
            FixedKeyError::new(FixedKeyErrorKind::InvalidKey, message).caused_by(error)
        })?;
        self.keys.push(FixedKey { endpoint: None, kid: parsed, key: Arc::new(key) });
        self.without_duplicates()
    }

    /// Assigns all keys without an endpoint to this endpoint: they verify only tokens of its load
    /// balancers.
    ///
    /// Required if the entries of a configuration have several endpoints, such as those of two
    /// regions, because a key of one region must not verify tokens of another.
    /// [`AlbAuthConfig::key_endpoints`](crate::AlbAuthConfig::key_endpoints) lists the endpoints.
    ///
    /// ```no_run
    /// use tower_alb_auth::keys::FixedKeys;
    ///
    /// let frankfurt = FixedKeys::from_directory("keys/eu-central-1")?
    ///     .for_endpoint("https://public-keys.auth.elb.eu-central-1.amazonaws.com")?;
    /// let ireland = FixedKeys::from_directory("keys/eu-west-1")?
    ///     .for_endpoint("https://public-keys.auth.elb.eu-west-1.amazonaws.com")?;
    /// let keys = frankfurt.and(ireland)?;
    /// # let _ = keys;
    /// # Ok::<(), tower_alb_auth::keys::FixedKeyError>(())
    /// ```
    ///
    /// # Errors
    /// The endpoint is not a valid address, or it already has a key of one of the kids.
    pub fn for_endpoint(mut self, url: &str) -> Result<Self, FixedKeyError> {
        let endpoint = KeyEndpoint::parse(url).map_err(|error| {
            FixedKeyError::new(FixedKeyErrorKind::InvalidEndpoint, error.to_string()).caused_by(error)
        })?;
        for key in &mut self.keys {
            key.endpoint.get_or_insert_with(|| endpoint.clone());
        }
        self.without_duplicates()
    }

    /// Adds other keys to these.
    ///
    /// # Errors
    /// Both have a key of the same kid and endpoint.
    pub fn and(mut self, others: Self) -> Result<Self, FixedKeyError> {
        self.keys.extend(others.keys);
        self.files.extend(&others.files);
        self.without_duplicates()
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    fn without_duplicates(self) -> Result<Self, FixedKeyError> {
        let mut seen = HashSet::new();
        match self.keys.iter().find(|key| !seen.insert((&key.endpoint, key.kid))) {
            Some(key) => {
                let message = format!("the kid \"{}\" occurs twice", key.kid);
                Err(FixedKeyError::new(FixedKeyErrorKind::DuplicateKid, message))
            }
            None => Ok(self),
        }
    }

    /// The keys by endpoint and kid, for a configuration whose entries have these endpoints.
    pub(crate) fn by_endpoint(
        self,
        endpoints: &[KeyEndpoint],
        problems: &mut Vec<Problem>,
    ) -> Vec<(KeyId, Arc<PublicKey>)> {
        let listed = || endpoints.iter().map(KeyEndpoint::as_str).collect::<Vec<_>>().join(", ");
        if let (true, Some(key)) = (endpoints.len() > 1, self.keys.iter().find(|key| key.endpoint.is_none())) {
            let what = format!(
                "the fixed key of kid {} has no endpoint, and the entries have several ({})",
                key.kid,
                listed()
            );
            problems.push(
                Problem::sentence(ProblemKind::Missing, what)
                    .with_fix("assign it to one by FixedKeys::for_endpoint(<one of them>)"),
            );
        }
        let (mut keys, mut elsewhere) = (Vec::<(KeyId, Arc<PublicKey>)>::new(), Vec::new());
        for FixedKey { endpoint, kid, key } in self.keys {
            let only = || endpoints.first().filter(|_| endpoints.len() == 1).cloned();
            let Some(endpoint) = endpoint.or_else(only) else { continue };
            if !endpoints.contains(&endpoint) {
                if !endpoints.is_empty() && !elsewhere.contains(&endpoint) {
                    elsewhere.push(endpoint);
                }
                continue;
            }
            let id = KeyId { endpoint, kid };
            if keys.iter().any(|(held, _)| *held == id) {
                let what = format!("the fixed key of kid {kid} occurs twice: with its endpoint and without");
                problems.push(Problem::sentence(ProblemKind::Conflict, what));
            }
            keys.push((id, key));
        }
        problems.extend(elsewhere.iter().map(|endpoint| {
            let what = format!(
                "there are fixed keys for {endpoint}, which is not the endpoint of any entry; the entries have {}",
                listed()
            );
            Problem::sentence(ProblemKind::Conflict, what)
        }));
        keys
    }
}

fn read_pem(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // One byte more than the maximum, to detect a longer file.
    File::open(path)?.take(MAX_PEM_BYTES.saturating_add(1)).read_to_string(&mut text)?;
    if u64::try_from(text.len()).is_ok_and(|length| length <= MAX_PEM_BYTES) {
        return Ok(text);
    }
    Err(io::Error::other(format!("it has more than {MAX_PEM_BYTES} bytes; a public key has a few hundred")))
}

/// A fixed key could not be read or parsed. `Display` is the message for the operator: the file, if there is one, and what is
/// wrong.
#[derive(Debug, Clone)]
pub struct FixedKeyError {
    kind: FixedKeyErrorKind,
    file: Option<PathBuf>,
    message: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kinds of [`FixedKeyError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FixedKeyErrorKind {
    /// The directory or a file in it cannot be read.
    Unreadable,
    /// The directory has no file `<kid>.pem`.
    NoKeyFile,
    /// The kid is not a UUID in lower case.
    InvalidKid,
    /// The text is not one PEM block `PUBLIC KEY` with a P-256 key.
    InvalidKey,
    /// The address of the endpoint is not valid.
    InvalidEndpoint,
    /// A kid occurs twice at one endpoint.
    DuplicateKid,
}

impl FixedKeyError {
    fn new(kind: FixedKeyErrorKind, message: String) -> Self {
        Self { kind, file: None, message, source: None }
    }

    fn caused_by(mut self, source: impl Error + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    fn in_file(mut self, file: &Path) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    /// The kind of the failure.
    pub fn kind(&self) -> FixedKeyErrorKind {
        self.kind
    }

    /// The file or directory, if the keys were read from one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }
}

impl fmt::Display for FixedKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{}: ", file.display())?;
        }
        if self.kind == FixedKeyErrorKind::Unreadable {
            f.write_str("cannot be read: ")?;
        }
        f.write_str(&self.message)
    }
}

impl Error for FixedKeyError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
