//! The interface of key sources.

use std::{any::TypeId, error::Error, fmt, pin::Pin, time::Duration};

use crate::{
    alb::{KeyEndpoint, Kid},
    sync::Arc,
};

/// A fetch in progress.
pub type KeyFetch = Pin<Box<dyn Future<Output = Result<Vec<u8>, KeySourceError>> + Send>>;

/// Returns the public key of a kid as PEM text. The default is [`HttpsKeys`](super::HttpsKeys).
///
/// A source only transports keys. The key store validates that the text is one P-256 key, and is
/// responsible for retries, budgets, ages and caching. It calls the source inside a tokio runtime
/// and cancels a fetch after `fetch_timeout`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a key source",
    note = "implement `tower_alb_auth::keys::KeySource`"
)]
pub trait KeySource: Send + Sync + 'static {
    /// Makes one attempt to fetch a key.
    fn fetch(&self, request: KeyRequest) -> KeyFetch;

    /// The origin of the keys, as a text. Two sources of one type with the same text return the
    /// same keys. Behind `Arc<dyn KeySource>` all sources have one type.
    ///
    /// After [`AlbAuthHandle::reload`](crate::AlbAuthHandle::reload) the held keys stay in use only
    /// if the new source is the same as the old one. With `None`, the default, it is not, and the
    /// keys are fetched again. An exception is an `Arc` of a source with `None`: it is the same
    /// source as its clones.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use tower_alb_auth::{AlbAuthConfig, AlbAuthConfigBuilder, keys::{KeyFetch, KeyRequest, KeySource}};
    ///
    /// struct Vault;
    ///
    /// impl KeySource for Vault {
    ///     fn fetch(&self, _: KeyRequest) -> KeyFetch {
    ///         // Fetch the key from the vault.
    /// #       Box::pin(async {
    /// #           let kind = tower_alb_auth::keys::KeySourceErrorKind::NotFound;
    /// #           Err(tower_alb_auth::keys::KeySourceError::new(kind, "the vault is empty"))
    /// #       })
    ///     }
    /// }
    ///
    /// let vault = Arc::new(Vault);
    /// let load = || -> AlbAuthConfigBuilder { AlbAuthConfig::builder().key_source(Arc::clone(&vault)) };
    /// # let _ = load;
    /// ```
    ///
    /// The text is only compared: it is not logged, and not kept longer than the source.
    fn identity(&self) -> Option<String> {
        None
    }
}

impl<S: KeySource + ?Sized> KeySource for Arc<S> {
    fn fetch(&self, request: KeyRequest) -> KeyFetch {
        self.as_ref().fetch(request)
    }

    fn identity(&self) -> Option<String> {
        // Addresses are compared while both sources exist, so equal addresses mean the same source.
        self.as_ref().identity().or_else(|| Some(format!("at {:p}", Arc::as_ptr(self).cast::<()>())))
    }
}

/// The source of a configuration.
#[derive(Clone)]
pub(crate) struct SharedSource {
    source: Arc<dyn KeySource>,
    /// Prevents that equal texts of two implementations count as the same source.
    of_type: TypeId,
}

impl SharedSource {
    pub(crate) fn new<S: KeySource>(source: S) -> Self {
        Self { source: Arc::new(source), of_type: TypeId::of::<S>() }
    }

    pub(super) fn fetch(&self, request: KeyRequest) -> KeyFetch {
        self.source.fetch(request)
    }

    /// Whether both sources return the same keys.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        let same_text = || self.source.identity().is_some_and(|text| other.source.identity() == Some(text));
        Arc::ptr_eq(&self.source, &other.source) || self.of_type == other.of_type && same_text()
    }
}

impl fmt::Debug for SharedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySource")
    }
}

impl fmt::Debug for dyn KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySource")
    }
}

/// The key to fetch.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeyRequest {
    /// The endpoint, from the configuration.
    pub endpoint: KeyEndpoint,
    /// The key id.
    pub kid: Kid,
}

impl KeyRequest {
    pub(crate) fn new(endpoint: KeyEndpoint, kid: Kid) -> Self {
        Self { endpoint, kid }
    }

    /// `{endpoint}/{kid}`.
    pub fn url(&self) -> String {
        format!("{}/{}", self.endpoint, self.kid)
    }
}

/// Why a source returned no key. `Display` is the message for the operator's log.
#[derive(Debug, Clone)]
pub struct KeySourceError {
    kind: KeySourceErrorKind,
    message: String,
    retry_after: Option<Duration>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kinds of [`KeySourceError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeySourceErrorKind {
    /// The source has no such key. From an endpoint: a complete response with 403 or 404.
    NotFound,
    /// The connection was refused or reset, or the response is incomplete. Retried at once.
    Connection,
    /// The source is overloaded or failing: 429 and 5xx. Retried at once unless the source named a
    /// time.
    Busy,
    /// The fetch took too long.
    Timeout,
    /// Any other failure: a redirect, another status, a response that is too large, an invalid
    /// certificate.
    Other,
}

impl KeySourceError {
    /// An error of this kind. The message is for the operator's log.
    pub fn new(kind: KeySourceErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, source: None }
    }

    /// Sets the error behind it, which [`Error::source`] returns. The message is logged without it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Sets the time to wait that the source named.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The kind of the failure.
    pub fn kind(&self) -> KeySourceErrorKind {
        self.kind
    }

    /// The time to wait that the source named.
    pub fn retry_delay(&self) -> Option<Duration> {
        self.retry_after
    }

    pub(super) fn is_worth_a_retry(&self) -> bool {
        match self.kind {
            KeySourceErrorKind::Connection => true,
            KeySourceErrorKind::Busy => self.retry_after.is_none(),
            KeySourceErrorKind::NotFound | KeySourceErrorKind::Timeout | KeySourceErrorKind::Other => false,
        }
    }
}

impl fmt::Display for KeySourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for KeySourceError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
