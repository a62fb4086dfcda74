//! The identity provider.

use std::{net::SocketAddr, path::PathBuf};

use serde::Deserialize;

/// The provider that signs users in.
#[derive(Debug, Clone)]
pub struct IdentityProvider(pub(crate) Kind);

#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Demo(Demo),
    /// By the issuer's discovery document.
    Discovery(String),
    Endpoints(Endpoints),
}

/// The demo provider, started with the emulator.
#[derive(Debug, Clone)]
pub(crate) struct Demo {
    pub(crate) listen: SocketAddr,
    pub(crate) host: String,
    pub(crate) users_file: Option<PathBuf>,
    pub(crate) provider_users: bool,
    pub(crate) sign_in_as: Option<String>,
    pub(crate) access_token_lifetime: Option<std::time::Duration>,
}

/// The endpoints of a provider, as a listener rule's authenticate action has them.
///
/// As flags they need `--issuer` and each other.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// `Issuer`: `iss` of ID tokens, byte for byte.
    #[arg(skip)]
    pub issuer: String,

    /// The authorization endpoint, for a provider without a discovery document. Requires --issuer
    /// and the other three endpoints.
    #[arg(id = "endpoints.authorization", long = "authorization-endpoint", value_name = "URL", required = false,
        requires_all = ["issuer", "endpoints.token", "endpoints.userinfo", "endpoints.jwks"], help_heading = "Your own provider")]
    pub authorization: String,

    /// The token endpoint, where codes are exchanged for tokens.
    #[arg(
        id = "endpoints.token",
        long = "token-endpoint",
        value_name = "URL",
        required = false,
        requires = "endpoints.authorization",
        help_heading = "Your own provider"
    )]
    pub token: String,

    /// The userinfo endpoint, where the claims come from.
    #[arg(
        id = "endpoints.userinfo",
        long = "userinfo-endpoint",
        value_name = "URL",
        required = false,
        requires = "endpoints.authorization",
        help_heading = "Your own provider"
    )]
    pub userinfo: String,

    /// URL of the provider's public keys (JWKS). A listener rule has no such setting, because a
    /// load balancer finds the keys by itself.
    #[arg(
        id = "endpoints.jwks",
        long = "jwks",
        value_name = "URL",
        required = false,
        requires = "endpoints.authorization",
        help_heading = "Your own provider"
    )]
    pub jwks: String,
}

impl IdentityProvider {
    /// The demo provider at this address; port 0 selects a free one. Browsers reach it as
    /// `idp.localhost`.
    pub fn demo(listen: SocketAddr) -> Self {
        Self(Kind::Demo(Demo {
            listen,
            host: "idp.localhost".to_owned(),
            users_file: None,
            provider_users: false,
            sign_in_as: None,
            access_token_lifetime: None,
        }))
    }

    /// Any provider, by its discovery document at `<issuer>/.well-known/openid-configuration`
    /// (OpenID Connect Discovery 1.0 section 4).
    pub fn discover(issuer: impl Into<String>) -> Self {
        Self(Kind::Discovery(issuer.into()))
    }

    /// Any provider, by its endpoints.
    pub fn endpoints(endpoints: Endpoints) -> Self {
        Self(Kind::Endpoints(endpoints))
    }

    /// Demo provider only: adds the users of this YAML file. See
    /// [`provider`](crate::emulator::provider).
    #[must_use]
    pub fn users_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.change_demo(|demo| demo.users_file = Some(path.into()));
        self
    }

    /// Demo provider only: adds a user with the claims of each provider. See
    /// [`DemoUser::of_providers`](crate::emulator::provider::DemoUser::of_providers).
    #[must_use]
    pub fn provider_users(mut self) -> Self {
        self.change_demo(|demo| demo.provider_users = true);
        self
    }

    /// Demo provider only: signs this user in without a page.
    #[must_use]
    pub fn sign_in_as(mut self, user: impl Into<String>) -> Self {
        self.change_demo(|demo| demo.sign_in_as = Some(user.into()));
        self
    }

    /// Demo provider only: the lifetime of access tokens. Default: one hour.
    #[must_use]
    pub fn access_token_lifetime(mut self, lifetime: std::time::Duration) -> Self {
        self.change_demo(|demo| demo.access_token_lifetime = Some(lifetime));
        self
    }

    /// Whether it is the demo provider.
    pub fn is_demo(&self) -> bool {
        matches!(self.0, Kind::Demo(_))
    }

    fn change_demo(&mut self, change: impl FnOnce(&mut Demo)) {
        if let Kind::Demo(demo) = &mut self.0 {
            change(demo);
        }
    }
}
