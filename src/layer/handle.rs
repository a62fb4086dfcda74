//! A handle on what the clones of a layer share.

use std::{
    error::Error,
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use http::HeaderMap;

use super::{SignedIn, settings::why_preflight};
use crate::{
    alb::{Kid, OidcHeaders, Values},
    authenticator::{Authenticator, Decision, Refused},
    config::AlbAuthConfig,
    deny_list::{Denied, DeniedUser, DenyList},
    error::AuthError,
    keys::{Readiness, refresh_in_background},
    sync::BackgroundTask,
    telemetry,
};

/// How often a long connection is compared with the deny lists. It is a part of the 2 s in which an entry takes effect.
const DENIED_INTERVAL: Duration = Duration::from_millis(500);

/// A handle on what the clones of a layer share. Made by
/// [`AlbAuthLayer::handle`](crate::AlbAuthLayer::handle).
#[derive(Clone)]
pub struct AlbAuthHandle {
    authenticator: Arc<Authenticator>,
}

impl AlbAuthHandle {
    pub(super) fn new(authenticator: Arc<Authenticator>) -> Self {
        Self { authenticator }
    }

    pub(super) fn downgrade(&self) -> WeakHandle {
        WeakHandle(Arc::downgrade(&self.authenticator))
    }

    /// Authenticates a request by its headers, for code that is not a tower service. It uses the
    /// configuration, the keys, the caches and the spans of the layer.
    ///
    /// It changes nothing in the request: removing the headers and inserting the identity is up to
    /// the caller.
    ///
    /// ```
    /// # #[cfg(feature = "test-util")]
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use http::HeaderMap;
    /// use tower_alb_auth::{AuthErrorKind, test_util::{MockAlb, User}};
    ///
    /// let alb = MockAlb::new();
    /// let handle = alb.layer().handle();
    /// let request = alb.request("/").user(&User::jane()).body(());
    ///
    /// let user = handle.authenticate(request.headers()).await?;
    /// assert_eq!(user.identity().unwrap().user_entity_ref(), "user:default/jane.doe");
    ///
    /// let refused = handle.authenticate(&HeaderMap::new()).await.unwrap_err();
    /// assert_eq!((refused.kind(), refused.status().as_u16()), (AuthErrorKind::Missing, 401));
    /// # Ok(())
    /// # }
    /// # #[cfg(not(feature = "test-util"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    /// Why the request must be rejected; a missing header is
    /// [`AuthErrorKind::Missing`](crate::AuthErrorKind::Missing). [`AuthError::status`] is the
    /// status of the response, and [`AuthError::client_message`] all that the client may read.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<SignedIn, AuthError> {
        self.sign_in(headers).await.map_err(|refused| refused.error)
    }

    /// As [`authenticate`](Self::authenticate), with the user of a refusal.
    pub(crate) async fn sign_in(&self, headers: &HeaderMap) -> Result<SignedIn, Refused> {
        self.begin_sign_in(headers).await
    }

    /// As [`sign_in`](Self::sign_in). The headers are read now, and none is kept but those that the decision needs.
    pub(crate) fn begin_sign_in(
        &self,
        headers: &HeaderMap,
    ) -> impl Future<Output = Result<SignedIn, Refused>> + Send + use<> {
        let scanned = OidcHeaders::scan(headers);
        let decision = match scanned.data {
            Values::None => self.authenticator.missing(why_preflight(headers), scanned.trace_id()),
            _ => self.authenticator.decide(&scanned),
        };
        async move {
            let outcome = match decision {
                Decision::Made(outcome) => outcome,
                Decision::Waiting(waiting) => waiting.await,
            };
            outcome.map(SignedIn::new)
        }
    }

    /// Shuts a user out, from the next request on: adds the entry to [`deny_list`](Self::deny_list).
    ///
    /// It applies in this process. For replicas, use a list that they share: a file, or that of the auth backend's database.
    pub fn deny(&self, user: Denied) {
        self.deny_list().deny(user);
    }

    /// The layer's deny list: the first one that was given to it, or else one of its own, for entries from code.
    pub fn deny_list(&self) -> DenyList {
        self.authenticator.denied().first().clone()
    }

    /// Why a user is shut out, if a deny list names the user now: for work that goes on after the request.
    ///
    /// # Errors
    /// The kind [`Denied`](crate::AuthErrorKind::Denied).
    pub fn check_denied<'a>(&self, user: impl Into<DeniedUser<'a>>) -> Result<(), AuthError> {
        self.authenticator.denial(user.into()).map_or(Ok(()), Err)
    }

    /// Until when the layer accepts the token of these claims: its expiry and the leeway.
    #[cfg(feature = "proxy")]
    pub(crate) fn accepts_until(&self, claims: &crate::Claims) -> std::time::SystemTime {
        let leeway = self.authenticator.current().config().inner.token_limits.leeway;
        claims.token_expires_at().checked_add(leeway).unwrap_or_else(|| claims.token_expires_at())
    }

    /// As [`check_denied`](Self::check_denied), by the entity ref alone.
    #[cfg(feature = "backstage")]
    pub(crate) fn check_denied_user(&self, user: &crate::EntityRef) -> Result<(), AuthError> {
        self.authenticator.denial_of(user).map_or(Ok(()), Err)
    }

    /// As [`check_denied`](Self::check_denied), by an account of another replica.
    #[cfg(feature = "backstage")]
    pub(crate) fn check_denied_account(&self, account: &crate::deny_list::Account) -> Result<(), AuthError> {
        self.authenticator.denial_of_account(account).map_or(Ok(()), Err)
    }

    /// Whether a deny list has entries by subject or email.
    #[cfg(feature = "backstage")]
    pub(crate) fn denies_accounts(&self) -> bool {
        self.authenticator.denies_accounts()
    }

    /// What another replica compares with its deny lists in place of these claims.
    #[cfg(feature = "backstage")]
    pub(crate) fn account(&self, claims: &crate::Claims) -> crate::deny_list::Account {
        self.authenticator.account(claims)
    }

    /// Waits until a deny list names this user: for a WebSocket or an event stream, which the layer has accepted and does not see
    /// again. The lists are compared every half second.
    ///
    /// ```
    /// # #[cfg(feature = "test-util")]
    /// # async fn serve() {
    /// use tower_alb_auth::{AlbAuthHandle, BackstageIdentity};
    ///
    /// async fn converse(handle: AlbAuthHandle, user: BackstageIdentity) {
    ///     tokio::select! {
    ///         () = exchange_messages(&user) => {}
    ///         refused = handle.until_denied(&user) => println!("{}", refused.operator_message()), // Close the connection.
    ///     }
    /// }
    /// # async fn exchange_messages(_: &BackstageIdentity) {}
    /// # let _ = converse;
    /// # }
    /// ```
    pub async fn until_denied<'a>(&self, user: impl Into<DeniedUser<'a>>) -> AuthError {
        let user = user.into();
        loop {
            if let Err(error) = self.check_denied(user) {
                return error;
            }
            tokio::time::sleep(DENIED_INTERVAL).await;
        }
    }

    /// Records that changed settings cannot be used.
    pub(super) fn audit_failed_reload(&self, error: Option<&crate::ConfigError>) {
        self.authenticator.audit_failed_reload(error);
    }

    /// Records reloads and changes of deny lists in this audit trail.
    #[cfg(feature = "backstage")]
    pub(crate) fn set_audit(&self, trail: &crate::AuditTrail) {
        self.authenticator.set_audit(trail);
    }

    /// The configuration in use.
    pub(super) fn config(&self) -> AlbAuthConfig {
        self.authenticator.current().config().clone()
    }

    /// Issuers whose sign-in policy gives no identities.
    #[cfg(feature = "backstage")]
    pub(crate) fn issuers_without_users(&self) -> Vec<String> {
        self.authenticator.current().config().inner.trust.issuers_without_users()
    }

    /// Replaces the configuration without losing a request: requests in progress finish with the
    /// old one, later ones use the new one. Cached tokens and sign-ins are dropped with the old
    /// configuration. Cached keys of endpoints that are still trusted are kept if the key source is
    /// the same: see [`KeySource::identity`](crate::keys::KeySource::identity).
    pub fn reload(&self, config: AlbAuthConfig) {
        telemetry::withdrawn(&self.config().inner.trust.withdrawn(&config.inner.trust));
        telemetry::started(&config.summary(), config.warnings());
        self.authenticator.reload(config);
    }

    /// Whether requests can be authenticated, and if not, why. A process that has not needed a key
    /// yet is ready.
    pub fn readiness(&self) -> Readiness {
        self.authenticator.current().keys().readiness()
    }

    /// Sends a request to each key endpoint, so that a wrong region, a blocked egress or a missing
    /// root certificate shows at start-up and not at the first request.
    ///
    /// # Errors
    /// The endpoints that do not respond. The layer keeps working, and tries again when a request
    /// needs a key.
    pub async fn warm_up(&self) -> Result<(), WarmUpError> {
        self.warm_up_kids([]).await
    }

    /// As [`warm_up`](Self::warm_up), and fetches the keys with these ids, so that the first
    /// request with one of them does not wait. The logs of a running instance have the kids; AWS
    /// does not list them.
    ///
    /// # Errors
    /// The endpoints that do not respond, and the kids that none of them knows.
    pub async fn warm_up_kids(&self, kids: impl IntoIterator<Item = Kid>) -> Result<(), WarmUpError> {
        let snapshot = self.authenticator.current();
        let kids: Vec<Kid> = kids.into_iter().collect();
        snapshot.keys().warm_up(&snapshot.config().key_endpoints(), &kids).await.map_err(WarmUpError::new)
    }

    /// Keeps cached keys fresh while no request comes, until the task is dropped or the last layer
    /// is gone.
    ///
    /// Keys are refreshed without it too: a request refreshes a key ahead of its expiry, without
    /// waiting. The task saves the first request after a quiet hour a fetch.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn refresh_in_background(&self) -> BackgroundTask {
        let weak = self.downgrade();
        let current = move || weak.upgrade().map(|handle| Arc::clone(handle.authenticator.current().keys()));
        refresh_in_background(&tokio::runtime::Handle::current(), current)
    }

    /// Current sizes of keys and caches.
    pub fn stats(&self) -> Stats {
        let snapshot = self.authenticator.current();
        let (keys, unknown_kids, key_fetches_under_way) = snapshot.keys().sizes();
        Stats { keys, unknown_kids, key_fetches_under_way, tokens: snapshot.remembered_tokens() }
    }
}

/// A handle that does not keep the layer's state alive.
pub(super) struct WeakHandle(Weak<Authenticator>);

impl WeakHandle {
    pub(super) fn upgrade(&self) -> Option<AlbAuthHandle> {
        self.0.upgrade().map(AlbAuthHandle::new)
    }
}

impl fmt::Debug for AlbAuthHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlbAuthHandle").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// Current sizes of keys and caches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Public keys.
    pub keys: usize,
    /// Kids that were unknown to their endpoint a moment ago.
    pub unknown_kids: usize,
    /// Key fetches in progress.
    pub key_fetches_under_way: usize,
    /// Verified tokens.
    pub tokens: usize,
}

/// The problems that a warm-up found.
#[derive(Clone)]
#[non_exhaustive]
pub struct WarmUpError {
    problems: Vec<String>,
    /// The error behind the first problem that has one.
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl WarmUpError {
    fn new(found: Vec<(String, Option<Arc<dyn Error + Send + Sync>>)>) -> Self {
        let source = found.iter().find_map(|(_, source)| source.clone());
        Self { problems: found.into_iter().map(|(problem, _)| problem).collect(), source }
    }

    /// One message for each problem.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for WarmUpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problems.join("; "))
    }
}

impl fmt::Debug for WarmUpError {
    /// The same as `Display`, for the same reason as [`ConfigError`](crate::ConfigError)'s.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for WarmUpError {
    fn eq(&self, other: &Self) -> bool {
        self.problems == other.problems
    }
}

impl Eq for WarmUpError {}

impl Error for WarmUpError {
    /// The error behind the first problem that has one.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
