//! The provider, and the switches that change its behaviour while it runs.

use std::{fmt, time::Duration};

use super::{
    DemoClient, authorize_request::AuthorizeError, cookies::Cookies, machine_signer::MachineTokenSigner,
    memory::Memory, signing::IdTokenSigner, users::Users,
};
use crate::{
    ConfigError,
    config::ProblemKind,
    internal::{Arc, Mutex, SharedClock, quoted},
};

/// An OpenID Connect provider for development, whose users sign in by a click. Clones share their
/// state.
///
/// ```
/// use tower_alb_auth::emulator::provider::{DemoClient, DemoProvider};
///
/// let provider = DemoProvider::builder()
///     .issuer("http://idp.localhost:9001")
///     .client(DemoClient::new("tour", "a secret of development")
///         .redirect_uri("http://app.localhost:9000/oauth2/idpresponse"))
///     .build()?;
/// let service: axum::Router = provider.router();
/// # let _ = service;
/// # Ok::<(), tower_alb_auth::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct DemoProvider(Arc<Inner>);

pub(super) struct Inner {
    pub(super) issuer: String,
    pub(super) clients: Vec<DemoClient>,
    pub(super) users: Users,
    pub(super) signer: IdTokenSigner,
    /// If there is a client of machines.
    pub(super) machine_signer: Option<MachineTokenSigner>,
    pub(super) cookies: Cookies,
    pub(super) memory: Mutex<Memory>,
    pub(super) switches: Mutex<Switches>,
    pub(super) clock: SharedClock,
    pub(super) access_token_lifetime: Duration,
    pub(super) gives_refresh_tokens: bool,
}

/// What can be changed while it runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Switches {
    pub(super) auto_sign_in: Option<String>,
    pub(super) refuses_refresh: bool,
    pub(super) authorize_error: Option<String>,
}

impl DemoProvider {
    /// The issuer: scheme, host and port, without a slash at the end.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// Ids of the clients that get their own access tokens: [`DemoClient::machine`].
    pub fn machine_ids(&self) -> Vec<String> {
        self.0.clients.iter().filter(|client| client.is_machine()).map(|client| client.id().to_owned()).collect()
    }

    /// Ids of the users who can currently sign in.
    pub fn user_ids(&self) -> Vec<String> {
        self.0.users.held().users().iter().map(|user| user.id().to_owned()).collect()
    }

    /// Signs this user in at every authorization request without a page, also if another user was
    /// signed in before. `None` shows the page again.
    ///
    /// # Errors
    /// There is no user with this id.
    pub fn auto_sign_in(&self, id: Option<&str>) -> Result<(), ConfigError> {
        if let Some(id) = id {
            self.check_user(id)?;
        }
        self.0.switches.lock().auto_sign_in = id.map(str::to_owned);
        Ok(())
    }

    /// Responds `invalid_grant` to every refresh token, like a provider at which the user's access
    /// was revoked.
    pub fn refuse_refresh(&self, refuse: bool) {
        self.0.switches.lock().refuses_refresh = refuse;
    }

    /// Returns users with this error, such as `access_denied` or `server_error`, instead of showing
    /// a page; `None` ends that.
    pub fn respond_with_error(&self, error: Option<&str>) {
        self.0.switches.lock().authorize_error = error.map(str::to_owned);
    }

    /// Ends every sign-in and revokes every code and token, like a provider that lost its memory.
    pub fn forget_sign_ins(&self) {
        self.0.memory.lock().forget_all();
    }

    pub(super) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    pub(super) fn check_user(&self, id: &str) -> Result<(), ConfigError> {
        let ids = self.user_ids();
        if ids.iter().any(|known| known == id) {
            return Ok(());
        }
        let text = format!("the demo provider has no user {}; its users are: {}", quoted(id), ids.join(", "));
        Err(ConfigError::of(ProblemKind::UnknownValue, text))
    }

    pub(super) fn clients(&self) -> &[DemoClient] {
        &self.0.clients
    }

    pub(super) fn client(&self, id: &str) -> Option<&DemoClient> {
        self.0.clients.iter().find(|client| client.id() == id)
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(super) fn forced_error(&self) -> Option<AuthorizeError> {
        let error = self.0.switches.lock().authorize_error.clone()?;
        Some(AuthorizeError::new(error, "the demo provider is set to respond with this error"))
    }
}

impl fmt::Debug for DemoProvider {
    /// Issuer and clients, without keys, tokens and claims.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DemoProvider")
            .field("issuer", &self.0.issuer)
            .field("clients", &self.0.clients)
            .finish_non_exhaustive()
    }
}
