//! The state of the auth backend.

mod builder;

use std::{fmt, sync::Arc, time::SystemTime};

use http::{HeaderMap, StatusCode};
use tokio::sync::Semaphore;

pub use self::builder::BackstageAuthBuilder;
use super::{
    IssueError, TokenIssuer,
    accounts::Accounts,
    guest::KnownGuest,
    origins::Origins,
    profile::ProfileTransform,
    store::{StoreError, StoreErrorKind, UserInfoStore},
};
use crate::{
    AlbAuthHandle, AuditTrail, AuthError, BackstageIdentity, Claims, EntityRef, SignOut, SignedIn,
    deny_list::DeniedUser,
    internal::{
        DATA, TraceId, spawn,
        telemetry::{
            self, Warnings,
            audit::{Details, NamedBy, Subject, What},
            metrics,
        },
    },
};

/// The auth backend behind [`router`](super::router()). Clones share their state.
#[derive(Clone)]
pub struct BackstageAuth(Arc<Inner>);

struct Inner {
    alb: AlbAuthHandle,
    tokens: TokenIssuer,
    user_info: Arc<dyn UserInfoStore>,
    sign_out: SignOut,
    origins: Origins,
    profile: ProfileTransform,
    guest: Option<KnownGuest>,
    with_access_token: bool,
    accounts: Accounts,
    audit: Option<AuditTrail>,
    /// Places for sign-outs whose user is being authenticated. The event of a further one has no user.
    sign_outs: Arc<Semaphore>,
    warnings: Warnings,
}

impl BackstageAuth {
    /// Authenticates users with this handle's layer, and issues tokens with this issuer.
    pub fn builder(alb: AlbAuthHandle, tokens: TokenIssuer) -> BackstageAuthBuilder {
        BackstageAuthBuilder::new(alb, tokens)
    }

    /// Lets the replicas that have this list refuse the issued tokens of a user who is denied by subject or email, in `/v1/userinfo`,
    /// whichever replica signed the user in. By entity ref they do so without this.
    ///
    /// For that, issuer, subject and emails of each user who signs in are kept in the table `tower_alb_auth_accounts` of the list's
    /// database, until the user's token has expired. If there is no such table, it is created. If it cannot be written at a sign-in, or
    /// not be read for `/v1/userinfo`, then the response is 503. The first list counts.
    ///
    /// # Errors
    /// The table cannot be created.
    #[cfg(feature = "postgres")]
    pub async fn share_accounts(&self, list: &super::store::postgres::PostgresDenyList) -> Result<(), StoreError> {
        self.0.accounts.share(list.accounts().await?);
        Ok(())
    }

    pub(super) fn alb(&self) -> &AlbAuthHandle {
        &self.0.alb
    }

    pub(super) fn tokens(&self) -> &TokenIssuer {
        &self.0.tokens
    }

    pub(super) fn user_info(&self) -> &dyn UserInfoStore {
        &*self.0.user_info
    }

    pub(super) fn sign_out(&self) -> &SignOut {
        &self.0.sign_out
    }

    /// The origins whose pages may request sessions.
    pub(super) fn origins(&self) -> &Origins {
        &self.0.origins
    }

    pub(super) fn profile(&self) -> &ProfileTransform {
        &self.0.profile
    }

    pub(super) fn guest(&self) -> Option<&KnownGuest> {
        self.0.guest.as_ref()
    }

    /// Whether a session includes the provider's access token.
    pub(super) fn with_access_token(&self) -> bool {
        self.0.with_access_token
    }

    /// For tests of what replicas share.
    #[cfg(all(test, feature = "test-util"))]
    pub(super) fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    /// Remembers whose account a token is about to be issued for.
    pub(super) fn remember_account(&self, identity: &BackstageIdentity) {
        self.0.accounts.remember(identity.user_entity_ref(), identity.claims());
    }

    /// Refuses a user whom a deny list names, by the entity ref, or by the account of the last sign-in here. Logs the reason.
    pub(super) fn check_denied(&self, user: &EntityRef, headers: &HeaderMap) -> Result<(), AuthError> {
        let checked = match self.0.accounts.find(user) {
            Some(claims) => self.alb().check_denied(DeniedUser { claims: &claims, user: Some(user) }),
            None => self.alb().check_denied_user(user),
        };
        checked.inspect_err(|error| self.refused(error, headers))
    }

    /// As [`check_denied`](Self::check_denied), by the account of the last sign-in at any replica, if replicas share accounts.
    pub(super) async fn check_denied_elsewhere(
        &self,
        user: &EntityRef,
        headers: &HeaderMap,
    ) -> Result<Result<(), AuthError>, StoreError> {
        if !self.alb().denies_accounts() {
            return Ok(Ok(()));
        }
        let account = self.0.accounts.find_shared(user).await?;
        let checked = account.map_or(Ok(()), |account| self.alb().check_denied_account(&account));
        Ok(checked.inspect_err(|error| self.refused(error, headers)))
    }

    /// Keeps the account of a user for the other replicas, as long as the user's token is valid, if replicas share accounts.
    pub(super) async fn share_account(
        &self,
        user: &EntityRef,
        claims: Option<&Claims>,
        expires_at: SystemTime,
    ) -> Result<(), StoreError> {
        match claims.filter(|_| self.0.accounts.are_shared()) {
            Some(claims) => self.0.accounts.put_shared(user, &self.alb().account(claims), expires_at).await,
            None => Ok(()),
        }
    }

    /// Counts and records a session that was issued. A guest has no claims.
    pub(super) fn session_issued(
        &self,
        provider: &'static str,
        (user, claims): (&EntityRef, Option<&Claims>),
        expires_at: SystemTime,
        headers: &HeaderMap,
    ) {
        metrics::session_issued(provider);
        if let Some(trail) = &self.0.audit {
            trail.succeeded(What::SessionIssued, Some(provider), Subject::User(Some(user), claims), || Details {
                expires_at: Some(expires_at),
                trace_id: TraceId::In(headers).text(),
                ..Details::default()
            });
        }
    }

    /// Counts and records a session that was refused.
    pub(super) fn session_refused(
        &self,
        provider: &'static str,
        error: &AuthError,
        user: NamedBy<'_>,
        headers: &HeaderMap,
    ) {
        metrics::session_refused(error.kind().as_str());
        if let Some(trail) = &self.0.audit {
            trail.refused(What::SessionRefused, error, || refused(trail, provider, user, headers));
        }
    }

    /// Counts and records a session that is not issued, for a reason that is logged elsewhere: `not_issued` if its token could not be
    /// signed or its user could not be stored, `misused` for a mistake of the application.
    pub(super) fn no_session(
        &self,
        (kind, status): (&'static str, StatusCode),
        provider: &'static str,
        user: NamedBy<'_>,
        headers: &HeaderMap,
    ) {
        metrics::session_refused(kind);
        if let Some(trail) = &self.0.audit {
            trail.record(What::SessionRefused, Some(kind), || Details {
                status: Some(status.as_u16()),
                operator_can_act: true,
                ..refused(trail, provider, user, headers)
            });
        }
    }

    /// Counts and records a sign-out. The sign-out does not wait for its user to be authenticated.
    pub(super) fn signed_out(&self, headers: &HeaderMap) {
        metrics::session_ended("awsalb");
        let Some(trail) = self.0.audit.clone() else { return };
        let trace_id = TraceId::In(headers).text();
        let place =
            headers.contains_key(DATA).then(|| Arc::clone(&self.0.sign_outs).try_acquire_owned().ok()).flatten();
        let Some(place) = place else { return signed_out(&trail, None, trace_id) };
        // Without the headers: those of a request can be many times as large as the token.
        let user = self.alb().begin_sign_in(headers);
        let _ = spawn(async move {
            let user = user.await.ok();
            drop(place);
            signed_out(&trail, user.as_ref(), trace_id);
        });
    }

    /// Logs a mistake in the application.
    pub(super) fn misused(&self, message: &str, headers: &HeaderMap) {
        telemetry::misused(message, TraceId::In(headers), &self.0.warnings);
    }

    /// Logs why a session is refused, if the layer did not.
    pub(super) fn refused(&self, error: &AuthError, headers: &HeaderMap) {
        telemetry::refused(error, TraceId::In(headers), &self.0.warnings);
    }

    /// Logs why no token was issued.
    pub(super) fn not_issued(&self, error: &IssueError, headers: &HeaderMap) {
        match error {
            IssueError::Store(error) => self.store_failed("the store of public keys", error, headers),
            error => telemetry::not_issued(error, TraceId::In(headers), &self.0.warnings),
        }
    }

    /// Logs that a store failed.
    pub(super) fn store_failed(&self, wanted: &str, error: &StoreError, headers: &HeaderMap) {
        let what = match error.kind() {
            StoreErrorKind::Store => "is out of reach",
            StoreErrorKind::Clock => "was not used, because the system clock is wrong",
            StoreErrorKind::Throttled => "was not queried",
        };
        telemetry::store_failed(&format_args!("{wanted} {what}: {error}"), TraceId::In(headers), &self.0.warnings);
    }
}

fn signed_out(trail: &AuditTrail, user: Option<&SignedIn>, trace_id: Option<String>) {
    let identity = user.and_then(SignedIn::identity).map(BackstageIdentity::user_entity_ref);
    let subject = Subject::User(identity, user.map(SignedIn::claims));
    let details = || Details { trace_id, ..Details::default() };
    trail.succeeded(What::SignedOut, Some("awsalb"), subject, details);
}

fn refused(trail: &AuditTrail, provider: &'static str, (user, claims): NamedBy<'_>, headers: &HeaderMap) -> Details {
    Details {
        provider: Some(provider),
        user: (user.is_some() || claims.is_some()).then(|| trail.user(user, claims)),
        trace_id: TraceId::In(headers).text(),
        ..Details::default()
    }
}

impl fmt::Debug for BackstageAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackstageAuth").field("tokens", &self.0.tokens).finish_non_exhaustive()
    }
}
