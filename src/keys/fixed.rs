//! Static keys, which are not fetched.

use std::{
    collections::HashSet,
    fmt,
    fs::File,
    io::{self, Read},
    path::Path,
};

use super::KeyId;
use crate::alb::{Kid, PublicKey};
use crate::{
    alb::KeyEndpoint,
    settings::{FilesRead, files::pem_files},
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
        let unread =
            |path: &Path, error: io::Error| FixedKeyError(format!("{} cannot be read: {error}", path.display()));
        let mut read = Self::new();
        // Recorded before the files are read, so that a later change is detected.
        read.files.add_folder(folder);
        let files = pem_files(folder).map_err(|error| unread(folder, error))?;
        if files.is_empty() {
            return Err(FixedKeyError(format!("{} has no file <kid>.pem", folder.display())));
        }
        files.iter().try_fold(read, |keys, file| {
            let kid = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            let pem = read_pem(file).map_err(|error| unread(file, error))?;
            keys.add(kid, &pem).map_err(|error| FixedKeyError(format!("{}: {error}", file.display())))
        })
    }

    /// Adds the key of this kid: one PEM block `PUBLIC KEY` with a P-256 key, in the format of the
    /// key endpoint.
    ///
    /// # Errors
    /// The kid is not a lower-case UUID, the kid is a duplicate, or the text is not such a key.
    pub fn add(mut self, kid: &str, pem: &str) -> Result<Self, FixedKeyError> {
        let shown = crate::error::quoted(kid);
        let parsed = Kid::parse(kid)
            .ok_or_else(|| FixedKeyError(format!("{shown} is not a kid: expected a UUID in lower case")))?;
        let key = PublicKey::from_pem(pem.as_bytes())
            .map_err(|error| FixedKeyError(format!("the key of kid {shown} is {error}")))?;
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
        let endpoint = KeyEndpoint::parse(url).map_err(FixedKeyError)?;
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
            Some(key) => Err(FixedKeyError(format!("the kid \"{}\" occurs twice", key.kid))),
            None => Ok(self),
        }
    }

    /// The keys by endpoint and kid, for a configuration whose entries have these endpoints.
    pub(crate) fn by_endpoint(
        self,
        endpoints: &[KeyEndpoint],
        problems: &mut Vec<String>,
    ) -> Vec<(KeyId, Arc<PublicKey>)> {
        let listed = || endpoints.iter().map(KeyEndpoint::as_str).collect::<Vec<_>>().join(", ");
        if let (true, Some(key)) = (endpoints.len() > 1, self.keys.iter().find(|key| key.endpoint.is_none())) {
            problems.push(format!(
                "the fixed key of kid {} has no endpoint, and the entries have several ({}): assign it to one by \
                 FixedKeys::for_endpoint(<one of them>)",
                key.kid,
                listed()
            ));
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
                problems.push(format!("the fixed key of kid {kid} occurs twice: with its endpoint and without"));
            }
            keys.push((id, key));
        }
        problems.extend(elsewhere.iter().map(|endpoint| {
            format!(
                "there are fixed keys for {endpoint}, which is not the endpoint of any entry; the entries have {}",
                listed()
            )
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

/// A fixed key could not be read or parsed. The message has the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FixedKeyError(String);

impl fmt::Display for FixedKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FixedKeyError {}
