//! How the auth backend is set up.

use std::{fmt, sync::Arc};

use super::{BackstageAuth, Inner};
use crate::{
    AlbAuthHandle, ConfigError, SignOut, SignedIn,
    backstage::{
        Guest, SessionProfile, TokenIssuer,
        origins::{Origins, WHY_INSECURE, allowed_though_insecure, is_public_https},
        profile::ProfileTransform,
        store::{MemoryUserInfo, UserInfoStore},
    },
    internal::{SharedClock, telemetry::Warnings},
    sign_in::SignInError,
};

/// Collects what the routes need; [`build`](Self::build) checks it. Made by [`BackstageAuth::builder`].
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
        }
    }

    /// Where replicas share the answers of `/v1/userinfo`. Default: in memory, for one replica.
    pub fn user_info(mut self, store: impl UserInfoStore) -> Self {
        self.user_info = Arc::new(store);
        self
    }

    /// How users sign out. Default: the usual session cookie expires, and nobody is sent on.
    pub fn sign_out(mut self, sign_out: SignOut) -> Self {
        self.sign_out = Some(sign_out);
        self
    }

    /// Where the front end is: `app.baseUrl`. Its pages may ask for a session, even where it has another origin than this
    /// backend. Pages of the issuer's own origin may anyway.
    pub fn app_base_url(mut self, url: impl Into<String>) -> Self {
        self.app_base_url = Some(url.into());
        self
    }

    /// Lets pages of this origin ask for a session too: one of `backend.cors.origin`, such as `https://app.example.com`.
    /// Every page there can act as the user who looks at it.
    ///
    /// An origin on plain http or on the visitor's own machine (`http://localhost:3000`) does not build beside an issuer or an
    /// application on https.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Accepts origins on plain http and on the visitor's own machine beside an https address.
    ///
    /// Any program on a visitor's machine that listens there, and anyone on the way of plain http, can then take that visitor's
    /// tokens. Right only while a front end is developed against a test installation.
    pub fn dangerously_allow_insecure_origins(mut self) -> Self {
        self.insecure_origins = true;
        self
    }

    /// Makes profiles by a closure that answers at once: what Backstage calls `authHandler` or `profileTransform`. Default:
    /// [`SessionProfile::of`].
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

    /// Makes profiles by a closure that asks somebody. As [`profile`](Self::profile) otherwise; its answers are not kept.
    pub fn async_profile<F, Fut>(mut self, transform: F) -> Self
    where
        F: Fn(SignedIn) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<SessionProfile, SignInError>> + Send + 'static,
    {
        self.profile = ProfileTransform::waiting(transform);
        self
    }

    /// Puts the provider's access token into a session, as `providerInfo.accessToken`, where the load balancer sent one.
    ///
    /// Every script of the front end can then use it. Right where a plugin of the front end asks the provider's own API.
    pub fn expose_access_token(mut self) -> Self {
        self.with_access_token = true;
        self
    }

    /// Gives whoever asks `/guest/refresh` a session as this guest, without any sign-in.
    ///
    /// For development: a guest's token is a user's token, and every back end takes it. Right where nobody but the developer
    /// reaches the service.
    pub fn dangerously_allow_guest(mut self, guest: Guest) -> Self {
        self.guest = Some(guest);
        self
    }

    /// Checks everything. Warns of what is given away.
    ///
    /// # Errors
    /// All that is wrong, a sentence each: an address that is none, a sign-in policy that names nobody.
    pub fn build(self) -> Result<BackstageAuth, ConfigError> {
        let mut problems = Vec::new();
        let mut origins = Origins::default();
        let issuer = origins.add_address("issuer", self.tokens.issuer());
        let addresses = [Some(self.tokens.issuer()), self.app_base_url.as_deref()];
        let public = addresses.into_iter().flatten().find(|address| is_public_https(address)).map(str::to_owned);
        let app = self.app_base_url.map_or(Ok(()), |url| origins.add_address("app.baseUrl", &url));
        let others = self.origins.iter().map(|origin| origins.add_origin(origin));
        problems.extend([issuer, app].into_iter().chain(others).filter_map(Result::err));
        if let Some(public) = &public {
            for origin in origins.insecure() {
                if self.insecure_origins {
                    tracing::warn!(target: "tower_alb_auth", "{}", allowed_though_insecure(origin, public));
                } else {
                    problems.push(format!(
                        "{origin} is not an origin for pages of a site on https ({public}): {WHY_INSECURE}; leave it out, or \
                         waive it by dangerously_allow_insecure_origins()"
                    ));
                }
            }
        }
        for issuer in self.alb.issuers_without_users() {
            problems.push(format!(
                "the sign-in policy of issuer {} names nobody, and a Backstage session is somebody's: take one that names \
                 users, such as EmailLocalPart or Catalog",
                crate::internal::quoted(&issuer)
            ));
        }
        if !problems.is_empty() {
            return Err(ConfigError::new(problems));
        }
        let sign_out = self.sign_out.map_or_else(|| SignOut::builder().build(), Ok)?;
        let guest = self.guest.map(Guest::known).transpose().map_err(ConfigError::message)?;
        for host in origins.unprotected() {
            tracing::warn!(
                target: "tower_alb_auth",
                "pages of http://{host} may ask for sessions, and come over plain http: whoever is on the way can change them \
                 and take the tokens; serve them over https"
            );
        }
        if let Some(guest) = &guest {
            tracing::warn!(target: "tower_alb_auth", "whoever asks /guest/refresh becomes {}, without any sign-in", guest.user);
        }
        Ok(BackstageAuth(Arc::new(Inner {
            alb: self.alb,
            tokens: self.tokens,
            user_info: self.user_info,
            sign_out,
            origins,
            profile: self.profile,
            guest,
            with_access_token: self.with_access_token,
            warnings: Warnings::new(SharedClock::default()),
        })))
    }
}

impl fmt::Debug for BackstageAuthBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackstageAuthBuilder").field("tokens", &self.tokens).finish_non_exhaustive()
    }
}
