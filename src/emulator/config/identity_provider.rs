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
    pub(crate) sign_in_as: Option<String>,
    pub(crate) access_token_lifetime: Option<std::time::Duration>,
}

/// The endpoints of a provider, as a listener rule's authenticate action has them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// `Issuer`: `iss` of ID tokens, byte for byte.
    pub issuer: String,
    /// `AuthorizationEndpoint`.
    pub authorization: String,
    /// `TokenEndpoint`.
    pub token: String,
    /// `UserInfoEndpoint`.
    pub userinfo: String,
    /// URL of the keys of ID tokens: `jwks_uri` of the discovery document. A listener rule has no
    /// such setting.
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
