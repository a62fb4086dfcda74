//! Building a provider.

use std::{ops::RangeInclusive, path::PathBuf, time::Duration};

use super::{
    DemoClient, DemoProvider, DemoProviderServer, DemoUser,
    client::origin_of,
    cookies::Cookies,
    demo_provider::{Inner, Switches},
    memory::Memory,
    signing::IdTokenSigner,
    users::Users,
};
use crate::{
    Clock, ConfigError,
    internal::{Mutex, SharedClock, quoted},
};

/// As most providers have it.
const ACCESS_TOKEN_LIFETIME: Duration = Duration::from_secs(3600);
const ACCESS_TOKEN_LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 3600);
/// Requests of one page that renew a session at the same time are done by then.
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
    /// The address at which browsers and clients find it, which is also its `issuer`: scheme, host and port, such as
    /// `http://idp.localhost:9001`. On a host name of its own, since cookies ignore ports.
    pub fn issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Adds an application.
    pub fn client(mut self, client: DemoClient) -> Self {
        self.clients.push(client);
        self
    }

    /// These users instead of the [ready ones](DemoUser::builtin).
    pub fn users(mut self, users: impl IntoIterator<Item = DemoUser>) -> Self {
        self.users = users.into_iter().collect();
        self
    }

    /// Adds a user, in place of the one of this id.
    pub fn user(mut self, user: DemoUser) -> Self {
        match self.users.iter_mut().find(|held| held.id() == user.id()) {
            Some(held) => *held = user,
            None => self.users.push(user),
        }
        self
    }

    /// Adds the users of this YAML file, which is read again whenever somebody signs in or is asked about. The form is in the
    /// [module's documentation](super#own-users).
    pub fn users_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.users_file = Some(path.into());
        self
    }

    /// See [`DemoProvider::auto_sign_in`].
    pub fn auto_sign_in(mut self, id: impl Into<String>) -> Self {
        self.auto_sign_in = Some(id.into());
        self
    }

    /// How long access tokens live: an hour if unset, a second to a day. Short ones show what happens when a load balancer
    /// renews them.
    pub fn access_token_lifetime(mut self, lifetime: Duration) -> Self {
        self.access_token_lifetime = lifetime;
        self
    }

    /// Gives no refresh tokens, so that a session cannot be renewed.
    pub fn without_refresh_tokens(mut self) -> Self {
        self.gives_refresh_tokens = false;
        self
    }

    /// How long after its first use a refresh token may be used again: 30 seconds if unset. Later than that, the second use
    /// ends all that came of the sign-in. Zero means that each is good once.
    pub fn refresh_reuse_grace(mut self, grace: Duration) -> Self {
        self.refresh_reuse_grace = grace;
        self
    }

    /// Another clock than the machine's, for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Builds it.
    ///
    /// # Errors
    /// All that is wrong: the issuer, a client, a user, the file of users.
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
                "access tokens of the demo provider cannot live for {:?}; set a second to a day",
                self.access_token_lifetime
            ));
        }
        let users = Users::new(self.users, self.users_file);
        let signer = IdTokenSigner::generate().map_err(|_| "the operating system gives no random numbers".to_owned());
        match (users, signer) {
            (Ok(users), Ok(signer)) if problems.is_empty() => {
                let provider = DemoProvider::new(Inner {
                    cookies: Cookies::of_issuer(&issuer),
                    issuer,
                    clients: self.clients,
                    users,
                    signer,
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
                problems.extend(users.err().into_iter().chain(signer.err()));
                Err(ConfigError::new(problems))
            }
        }
    }

    /// Builds it and serves it, until the server is dropped. Without an [issuer](Self::issuer) it is `idp.localhost` at the
    /// listener's port.
    ///
    /// ```
    /// use tokio::net::TcpListener;
    /// use tower_alb_auth::emulator::provider::{DemoClient, DemoProvider};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = DemoClient::new("my-test", "a secret of development").redirect_uri("http://app.localhost/callback");
    /// let server = DemoProvider::builder().client(client).serve(TcpListener::bind("127.0.0.1:0").await?)?;
    /// assert_eq!(server.issuer(), format!("http://idp.localhost:{}", server.address().port()));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As of [`build`](Self::build).
    pub fn serve(self, listener: tokio::net::TcpListener) -> Result<DemoProviderServer, ConfigError> {
        let address = listener
            .local_addr()
            .map_err(|error| ConfigError::new(vec![format!("the demo provider's listener has no address: {error}")]))?;
        let issuer = self.issuer.clone().unwrap_or_else(|| format!("http://idp.localhost:{}", address.port()));
        Ok(DemoProviderServer::start(self.issuer(issuer).build()?, listener, address))
    }

    fn checked_issuer(&self) -> Result<String, String> {
        let example = "http://idp.localhost:9001";
        let Some(issuer) = &self.issuer else {
            return Err(format!(
                "the demo provider has no issuer; set the address at which browsers find it: {example}"
            ));
        };
        match origin_of(issuer) {
            Some(origin) if origin == *issuer => Ok(origin),
            _ => Err(format!(
                "the issuer {} of the demo provider must be scheme, host and port alone, such as {example}",
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
