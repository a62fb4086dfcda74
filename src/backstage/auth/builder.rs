//! Builds the auth backend.

use std::{fmt, sync::Arc};

use tokio::sync::Semaphore;

use super::{BackstageAuth, Inner};
use crate::{
    AlbAuthHandle, AuditTrail, ConfigError, SignOut, SignedIn,
    backstage::{
        Guest, SessionProfile, TokenIssuer,
        accounts::Accounts,
        origins::{Origins, WHY_INSECURE, allowed_though_insecure, is_public_https},
        profile::ProfileTransform,
        store::{MemoryUserInfo, UserInfoStore},
    },
    config::{Problem, ProblemKind},
    internal::{
        SharedClock,
        telemetry::{Warnings, metrics},
    },
    sign_in::SignInError,
};

/// Maximum number of sign-outs whose user is being authenticated for the audit trail.
const MAX_SIGN_OUTS: usize = 1_000;

/// Collects what the routes need; [`build`](Self::build) checks it. Created by
/// [`BackstageAuth::builder`].
#[must_use = "nothing is checked before build()"]
pub struct BackstageAuthBuilder {
    alb: AlbAuthHandle,
    tokens: TokenIssuer,
    user_info: Arc<dyn UserInfoStore>,
    sign_out: Option<SignOut>,
    app_base_url: Option<String>,
    origins: Vec<String>,
    insecure_origins: bool,
    profile: ProfileTransform,
    guest: Option<Guest>,
    with_access_token: bool,
    audit: Option<AuditTrail>,
}

impl BackstageAuthBuilder {
    pub(super) fn new(alb: AlbAuthHandle, tokens: TokenIssuer) -> Self {
        Self {
            alb,
            tokens,
            user_info: Arc::new(MemoryUserInfo::default()),
            sign_out: None,
            app_base_url: None,
            origins: Vec::new(),
            insecure_origins: false,
            profile: ProfileTransform::default(),
            guest: None,
            with_access_token: false,
            audit: None,
        }
    }

    /// Where replicas share the responses of `/v1/userinfo`. Default: in memory, for one replica.
    pub fn user_info(mut self, store: impl UserInfoStore) -> Self {
        self.user_info = Arc::new(store);
        self
    }

    /// How users sign out. Default: expire the default session cookie, without a redirect.
    pub fn sign_out(mut self, sign_out: SignOut) -> Self {
        self.sign_out = Some(sign_out);
        self
    }

    /// The URL of the front end: `app.baseUrl`. Its pages may request a session, also if their
    /// origin differs from this backend's. Pages of the issuer's own origin may always do so.
    pub fn app_base_url(mut self, url: impl Into<String>) -> Self {
        self.app_base_url = Some(url.into());
        self
    }

    /// Allows pages of this origin to request a session: one of `backend.cors.origin`, such as
    /// `https://app.example.com`. Every page of the origin can act as the user who opens it.
    ///
    /// If the issuer or the application uses https, an origin on plain http or on the visitor's own
    /// machine (`http://localhost:3000`) fails the build.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Accepts origins on plain http and on the visitor's own machine next to an https address.
    ///
    /// Any program that listens there on a visitor's machine, and any attacker on the network path
    /// of plain http, can then take that visitor's tokens. Appropriate only while a front end is
    /// developed against a test installation.
    pub fn dangerously_allow_insecure_origins(mut self) -> Self {
        self.insecure_origins = true;
        self
    }

    /// Creates profiles with a synchronous closure. Backstage calls it `authHandler` or
    /// `profileTransform`. Default: [`SessionProfile::of`].
    ///
    /// ```
    /// # #[cfg(feature = "test-util")] {
    /// use tower_alb_auth::{
    ///     backstage::{BackstageAuth, SessionProfile, TokenIssuer},
    ///     test_util::MockAlb,
    /// };
    ///
    /// let tokens = TokenIssuer::builder("https://backstage.example.com/api/auth").build()?;
    /// let auth = BackstageAuth::builder(MockAlb::new().layer().handle(), tokens)
    ///     .profile(|user| {
    ///         let mut profile = SessionProfile::of(user);
    ///         profile.picture = None;
    ///         Ok(profile)
    ///     })
    ///     .build()?;
    /// # let _ = auth;
    /// # }
    /// # Ok::<(), tower_alb_auth::ConfigError>(())
    /// ```
    ///
    /// An error refuses the session, with the status of its [kind](SignInError::kind).
    pub fn profile<F>(mut self, transform: F) -> Self
    where
        F: Fn(&SignedIn) -> Result<SessionProfile, SignInError> + Send + Sync + 'static,
    {
        self.profile = ProfileTransform::at_once(transform);
        self
    }

    /// Creates profiles with an async closure. Otherwise the same as [`profile`](Self::profile);
    /// the results are not cached.
    pub fn async_profile<F, Fut>(mut self, transform: F) -> Self
    where
        F: Fn(SignedIn) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<SessionProfile, SignInError>> + Send + 'static,
    {
        self.profile = ProfileTransform::waiting(transform);
        self
    }

    /// Includes the provider's access token in a session, as `providerInfo.accessToken`, if the
    /// load balancer sent one.
    ///
    /// Every script of the front end can then use it. Appropriate if a front-end plugin calls the
    /// provider's own API.
    pub fn expose_access_token(mut self) -> Self {
        self.with_access_token = true;
        self
    }

    /// Records sessions that are issued or refused, sign-outs, reloads of the layer, and changes of its deny lists in this audit trail.
    /// Tokens and keys are recorded by [`TokenIssuerBuilder::audit_trail`](crate::backstage::TokenIssuerBuilder::audit_trail).
    pub fn audit_trail(mut self, trail: &AuditTrail) -> Self {
        self.audit = Some(trail.clone());
        self
    }

    /// Gives every client of `/guest/refresh` a session as this guest, without any sign-in.
    ///
    /// For development: a guest's token is a user token, which every back end accepts. Appropriate
    /// only if no one but the developer can reach the service.
    pub fn dangerously_allow_guest(mut self, guest: Guest) -> Self {
        self.guest = Some(guest);
        self
    }

    /// Checks everything, and logs a warning for each weakened setting.
    ///
    /// # Errors
    /// Every problem: for example an invalid URL, or a sign-in policy that resolves no users.
    pub fn build(self) -> Result<BackstageAuth, ConfigError> {
        let mut problems = Vec::new();
        let mut origins = Origins::default();
        let issuer = origins.add_address("issuer", self.tokens.issuer());
        let addresses = [Some(self.tokens.issuer()), self.app_base_url.as_deref()];
        let public = addresses.into_iter().flatten().find(|address| is_public_https(address)).map(str::to_owned);
        let app = self.app_base_url.map_or(Ok(()), |url| origins.add_address("app.baseUrl", &url));
        let others = self.origins.iter().map(|origin| origins.add_origin(origin));
        let invalid = [issuer, app].into_iter().chain(others).filter_map(Result::err);
        problems.extend(invalid.map(Problem::invalid));
        if let Some(public) = &public {
            for origin in origins.insecure() {
                if self.insecure_origins {
                    tracing::warn!(target: "tower_alb_auth", "{}", allowed_though_insecure(origin, public));
                } else {
                    let text = format!(
                        "{origin} is not an origin for pages of a site on https ({public}): {WHY_INSECURE}; remove it, or \
                         waive it by dangerously_allow_insecure_origins()"
                    );
                    problems.push(Problem::sentence(ProblemKind::Insecure, text));
                }
            }
        }
        for issuer in self.alb.issuers_without_users() {
            let text = format!(
                "the sign-in policy of issuer {} resolves no users, but a Backstage session needs a user: use a policy such \
                 as EmailLocalPart or Catalog",
                crate::internal::quoted(&issuer)
            );
            problems.push(Problem::sentence(ProblemKind::Conflict, text));
        }
        if !problems.is_empty() {
            return Err(ConfigError::new(problems));
        }
        let sign_out = self.sign_out.map_or_else(|| SignOut::builder().build(), Ok)?;
        let guest = self.guest.map(Guest::known).transpose().map_err(|text| ConfigError::invalid([text]))?;
        for host in origins.unprotected() {
            tracing::warn!(
                target: "tower_alb_auth",
                "pages of http://{host} may request sessions but are served over plain http: an attacker on the network \
                 path can change them and take the tokens; serve them over https"
            );
        }
        if let Some(guest) = &guest {
            tracing::warn!(target: "tower_alb_auth", "every client of /guest/refresh becomes {}, without any sign-in", guest.user);
        }
        if let Some(trail) = &self.audit {
            self.alb.set_audit(trail);
        }
        metrics::describe_sessions();
        Ok(BackstageAuth(Arc::new(Inner {
            alb: self.alb,
            tokens: self.tokens,
            user_info: self.user_info,
            sign_out,
            origins,
            profile: self.profile,
            guest,
            with_access_token: self.with_access_token,
            accounts: Accounts::new(),
            audit: self.audit,
            sign_outs: Arc::new(Semaphore::new(MAX_SIGN_OUTS)),
            warnings: Warnings::new(SharedClock::default()),
        })))
    }
}

impl fmt::Debug for BackstageAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackstageAuthBuilder").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
