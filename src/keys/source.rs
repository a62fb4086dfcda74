//! The seam: where keys come from.

use std::{any::TypeId, fmt, pin::Pin, time::Duration};

use crate::alb::Kid;
use crate::{alb::KeyEndpoint, sync::Arc};

/// A fetch under way.
pub type KeyFetch = Pin<Box<dyn Future<Output = Result<Vec<u8>, KeySourceError>> + Send>>;

/// Gives the public key of a kid as PEM text. The default is [`HttpsKeys`](super::HttpsKeys).
///
/// A source only carries: what it gives is checked to be one P-256 key, and retries, budgets, ages and caching are the
/// store's. It is asked inside a tokio runtime and is stopped after `fetch_timeout`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of keys",
    note = "implement `tower_alb_auth::keys::KeySource`"
)]
pub trait KeySource: Send + Sync + 'static {
    /// Asks once.
    fn fetch(&self, request: KeyRequest) -> KeyFetch;

    /// Where its keys come from, as a text. Two sources of one type with the same text give the same keys; behind
    /// `Arc<dyn KeySource>` all sources are of one type.
    ///
    /// After [`AlbAuthHandle::reload`](crate::AlbAuthHandle::reload) the keys that are held stay in use only if the new source
    /// is the same as the old one. With `None`, the default, it never is, and the keys are fetched again. An `Arc` of a source
    /// that says `None` is the same source as its clones:
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
    ///         // Ask the vault.
    /// #       unimplemented!()
    ///     }
    /// }
    ///
    /// let vault = Arc::new(Vault);
    /// let load = || -> AlbAuthConfigBuilder { AlbAuthConfig::builder().key_source(Arc::clone(&vault)) };
    /// # let _ = load;
    /// ```
    ///
    /// The text is compared and neither logged nor kept longer than the source.
    fn identity(&self) -> Option<String> {
        None
    }
}

impl<S: KeySource + ?Sized> KeySource for Arc<S> {
    fn fetch(&self, request: KeyRequest) -> KeyFetch {
        self.as_ref().fetch(request)
    }

    fn identity(&self) -> Option<String> {
        // An address is compared while both sources live, so it is not that of another one.
        self.as_ref().identity().or_else(|| Some(format!("at {:p}", Arc::as_ptr(self).cast::<()>())))
    }
}

/// The source of a configuration.
#[derive(Clone)]
pub(crate) struct SharedSource {
    source: Arc<dyn KeySource>,
    /// So that texts of two implementations are not taken for the same source.
    of_type: TypeId,
}

impl SharedSource {
    pub(crate) fn new<S: KeySource>(source: S) -> Self {
        Self { source: Arc::new(source), of_type: TypeId::of::<S>() }
    }

    pub(super) fn fetch(&self, request: KeyRequest) -> KeyFetch {
        self.source.fetch(request)
    }

    /// Whether keys of the other one are keys of this one.
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

/// Which key is wanted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct KeyRequest {
    /// Where it is, from the configuration.
    pub endpoint: KeyEndpoint,
    /// Which one.
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

/// Why a source gave no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySourceError {
    kind: KeySourceErrorKind,
    message: String,
    retry_after: Option<Duration>,
}

/// The ways to give no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeySourceErrorKind {
    /// The source knows no such key. From an endpoint: a complete answer with 403 or 404.
    NotFound,
    /// Worth a second try at once: connection refused or reset, an answer that breaks off.
    Connection,
    /// Worth a second try at once, unless it says when: 429 and 5xx.
    Busy,
    /// Took too long.
    Timeout,
    /// Anything else: a redirect, another status, an answer that is too large, a certificate that does not fit.
    Other,
}

impl KeySourceError {
    /// The message is for the operator's log.
    pub fn new(kind: KeySourceErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// The source said when to come back.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The way.
    pub fn kind(&self) -> KeySourceErrorKind {
        self.kind
    }

    /// When the source said to come back.
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

impl std::error::Error for KeySourceError {}
