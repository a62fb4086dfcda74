//! Builds a provider.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use super::{
    DemoClient, DemoProvider, DemoProviderServer, DemoUser,
    client::origin_of,
    cookies::Cookies,
    demo_provider::{Inner, Switches},
    machine_signer::MachineTokenSigner,
    memory::Memory,
    signing::IdTokenSigner,
    users::Users,
};
use crate::{
    Clock, ConfigError,
    config::{Problem, ProblemKind},
    internal::{Mutex, SharedClock, quoted},
};

/// The value of most providers.
const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
const ACCESS_TOKEN_LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);
/// Longer than it takes until parallel requests of one page have refreshed their session.
const REFRESH_REUSE_GRACE: Duration = Duration::from_secs(30);

/// Builds a [`DemoProvider`].
#[must_use]
pub struct DemoProviderBuilder {
    issuer: Option<String>,
    clients: Vec<DemoClient>,
    users: Vec<DemoUser>,
    users_file: Option<PathBuf>,
    auto_sign_in: Option<String>,
    access_token_lifetime: Duration,
    gives_refresh_tokens: bool,
    refresh_reuse_grace: Duration,
    clock: SharedClock,
}

impl DemoProvider {
    /// Begins a provider with the built-in users and no clients.
    pub fn builder() -> DemoProviderBuilder {
        DemoProviderBuilder {
            issuer: None,
            clients: Vec::new(),
            users: DemoUser::builtin(),
            users_file: None,
            auto_sign_in: None,
            access_token_lifetime: ACCESS_TOKEN_LIFETIME,
            gives_refresh_tokens: true,
            refresh_reuse_grace: REFRESH_REUSE_GRACE,
            clock: SharedClock::default(),
        }
    }
}

impl DemoProviderBuilder {
    /// The URL at which browsers and clients reach the provider, which is also its `issuer`:
    /// scheme, host and port, such as `http://idp.localhost:9001`. Use a host name that the
    /// application does not use, because cookies ignore ports.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Adds an application.
    pub fn client(mut self, client: DemoClient) -> Self {
        self.clients.push(client);
        self
    }

    /// Replaces the [built-in users](DemoUser::builtin).
    pub fn users(mut self, users: impl IntoIterator<Item = DemoUser>) -> Self {
        self.users = users.into_iter().collect();
        self
    }

    /// Adds a user, and replaces an existing one with the same id.
    pub fn user(mut self, user: DemoUser) -> Self {
        match self.users.iter_mut().find(|held| held.id() == user.id()) {
            Some(held) => *held = user,
            None => self.users.push(user),
        }
        self
    }

    /// Adds a user for each provider: see [`DemoUser::of_providers`].
    pub fn provider_users(self) -> Self {
        DemoUser::of_providers().into_iter().fold(self, Self::user)
    }

    /// Adds the users of this YAML file, which is read again at every sign-in and lookup. The
    /// [module's documentation](super#own-users) describes the format.
    pub fn users_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.users_file = Some(path.into());
        self
    }

    /// See [`DemoProvider::auto_sign_in`].
    pub fn auto_sign_in(mut self, id: impl Into<String>) -> Self {
        self.auto_sign_in = Some(id.into());
        self
    }

    /// The lifetime of access tokens: 1 s to 24 h, default 1 h. Short ones show what happens when a
    /// load balancer refreshes them.
    pub fn access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_token_lifetime = lifetime;
        self
    }

    /// Issues no refresh tokens, so that a session cannot be refreshed.
    pub fn without_refresh_tokens(mut self) -> Self {
        self.gives_refresh_tokens = false;
        self
    }

    /// How long after its first use a refresh token may be used again. Default: 30 s. A later use
    /// revokes everything that was issued for the sign-in. With zero each token can be used once.
    pub fn refresh_reuse_grace(mut self, grace: Duration) -> Self {
        self.refresh_reuse_grace = grace;
        self
    }

    /// Replaces the system clock, for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// Every problem of the issuer, the clients, the users and the users file.
    pub fn build(self) -> Result<DemoProvider, ConfigError> {
        let mut problems = Vec::new();
        let issuer = self.checked_issuer().unwrap_or_else(|problem| {
            problems.push(problem);
            String::new()
        });
        for (index, client) in self.clients.iter().enumerate() {
            client.check(&mut problems);
            if self.clients.iter().take(index).any(|other| other.id() == client.id()) {
                problems.push(format!("there are two clients {}", quoted(client.id())));
            }
        }
        problems.extend(self.users.iter().filter_map(|user| user.check().err()));
        if !ACCESS_TOKEN_LIFETIMES.contains(&self.access_token_lifetime) {
            problems.push(format!(
                "the access token lifetime of the demo provider is {:?}; set a value from 1 s to 24 h",
                self.access_token_lifetime
            ));
        }
        let users = Users::new(self.users, self.users_file);
        let machine_signer = self.clients.iter().any(DemoClient::is_machine).then(MachineTokenSigner::generate);
        let signer = IdTokenSigner::generate().and_then(|signer| Ok((signer, machine_signer.transpose()?)));
        let signer =
            signer.map_err(|_| Problem::sentence(ProblemKind::System, "the operating system provides no random bytes"));
        match (users, signer) {
            (Ok(users), Ok((signer, machine_signer))) if problems.is_empty() => {
                let provider = DemoProvider::new(Inner {
                    cookies: Cookies::of_issuer(&issuer),
                    issuer,
                    clients: self.clients,
                    users,
                    signer,
                    machine_signer,
                    memory: Mutex::new(Memory::new(self.access_token_lifetime, self.refresh_reuse_grace)),
                    switches: Mutex::new(Switches::default()),
                    clock: self.clock,
                    access_token_lifetime: self.access_token_lifetime,
                    gives_refresh_tokens: self.gives_refresh_tokens,
                });
                provider.auto_sign_in(self.auto_sign_in.as_deref())?;
                Ok(provider)
            }
            (users, signer) => {
                problems.extend(users.err());
                let invalid = problems.into_iter().map(Problem::invalid);
                Err(ConfigError::new(invalid.chain(signer.err())))
            }
        }
    }

    /// Builds it and serves it until the server is dropped. Without an [issuer](Self::issuer) it is
    /// `idp.localhost` with the listener's port.
    ///
    /// ```
    /// use tower_alb_auth::emulator::provider::{DemoClient, DemoProvider};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = DemoClient::new("my-test", "a secret of development").redirect_uri("http://app.localhost/callback");
    /// let server = DemoProvider::builder().client(client).serve(tower_alb_auth::listen("127.0.0.1:0").await?)?;
    /// assert_eq!(server.issuer(), format!("http://idp.localhost:{}", server.address().port()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// See [`build`](Self::build).
    pub fn serve(self, listener: tokio::net::TcpListener) -> Result<DemoProviderServer, ConfigError> {
        let address = listener
            .local_addr()
            .map_err(|error| format!("the demo provider's listener has no address: {error}"))
            .map_err(|text| ConfigError::of(ProblemKind::System, text))?;
        let issuer = self.issuer.clone().unwrap_or_else(|| format!("http://idp.localhost:{}", address.port()));
        Ok(DemoProviderServer::start(self.issuer(issuer).build()?, listener, address))
    }

    fn checked_issuer(&self) -> Result<String, String> {
        let example = "http://idp.localhost:9001";
        let Some(issuer) = &self.issuer else {
            return Err(format!("the demo provider has no issuer; set the URL at which browsers reach it: {example}"));
        };
        match origin_of(issuer) {
            Some(origin) if origin == *issuer => Ok(origin),
            _ => Err(format!(
                "the issuer {} of the demo provider must be scheme, host and port only, such as {example}",
                quoted(issuer)
            )),
        }
    }
}

impl std::fmt::Debug for DemoProviderBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DemoProviderBuilder")
            .field("issuer", &self.issuer)
            .field("clients", &self.clients)
            .field("users", &self.users)
            .finish_non_exhaustive()
    }
}
