//! Bearer tokens of machines, as they are written down.

use std::sync::Arc;

use super::{AccessTokens, access_tokens::AccessTokenRule};
use crate::{
    keys::{HttpsKeys, HttpsSource},
    limits::KeyLimits,
    settings::{ConfigError, Problem, ProblemKind},
    sync::{Clock, SharedClock},
};

/// Which bearer tokens a [`MachineLayer`](crate::MachineLayer) accepts: issuer, audience and clients, all of them required.
///
/// ```
/// use tower_alb_auth::{MachineLayer, config::MachineTokens};
///
/// let tokens = MachineTokens::new("https://login.example.com")
///     .audience("api://orders")
///     .client("nightly-report");
/// let machines = MachineLayer::new(tokens)?;
/// # let _ = machines;
/// # Ok::<(), tower_alb_auth::ConfigError>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is checked before MachineLayer::new"]
pub struct MachineTokens {
    issuer: String,
    audiences: Vec<String>,
    clients: Vec<String>,
    jwks_uri: Option<String>,
    https: HttpsKeys,
    pub(crate) clock: SharedClock,
}

impl MachineTokens {
    /// Tokens of this issuer, byte for byte as in their claim `iss`. Its keys are those that its discovery document names.
    pub fn new(issuer: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audiences: Vec::new(),
            clients: Vec::new(),
            jwks_uri: None,
            https: HttpsKeys::new(),
            clock: SharedClock::default(),
        }
    }

    /// Accepts tokens with this `aud`: the name of this service at the issuer. May be called several times.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// Accepts tokens that were issued to this client, by their claim `client_id`, `azp`, `cid` or `appid`. May be called several
    /// times. A client through which users sign in, such as a command line, gets tokens of users: list it only if they may act as
    /// this client.
    pub fn client(mut self, id: impl Into<String>) -> Self {
        self.clients.push(id.into());
        self
    }

    /// Where the issuer's keys are, instead of where its discovery document says: `JwksEndpoint` of the listener rule.
    pub fn jwks_uri(mut self, url: impl Into<String>) -> Self {
        self.jwks_uri = Some(url.into());
        self
    }

    /// Fetches the keys with these roots or this proxy.
    pub fn https(mut self, keys: HttpsKeys) -> Self {
        self.https = keys;
        self
    }

    /// Takes the time from this clock. For tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// # Errors
    /// All mistakes.
    pub(crate) fn rule(&self, limits: &KeyLimits) -> Result<Arc<AccessTokenRule>, ConfigError> {
        let of = format!("bearer tokens of issuer {}", crate::error::quoted(&self.issuer));
        let mut problems = Vec::new();
        for (list, what, fix) in [
            (&self.audiences, "no audience", "add .audience(<aud>): a token for another service is accepted otherwise"),
            (
                &self.clients,
                "no client",
                "add .client(<id>) for each machine: a token of any client is accepted otherwise",
            ),
        ] {
            if list.is_empty() {
                problems.push(Problem::sentence(ProblemKind::Missing, format!("{of} have {what}")).with_fix(fix));
            }
        }
        if self.clients.iter().any(String::is_empty) {
            problems.push(Problem::invalid(format!("{of}: a client is empty")));
        }
        let source: Option<Arc<HttpsSource>> = match self.https.source(limits) {
            Ok(source) => Some(Arc::new(source)),
            Err(text) => {
                problems.push(Problem::invalid(text));
                None
            }
        };
        let tokens = self.audiences.iter().fold(AccessTokens::new(), |tokens, audience| tokens.audience(audience));
        let tokens = self.jwks_uri.iter().fold(tokens, |tokens, url| tokens.jwks_uri(url));
        let rule = tokens.rule(&self.issuer, Some(&self.clients), &of, source.as_ref(), &mut problems);
        match rule {
            Some(rule) if problems.is_empty() => Ok(rule),
            _ => Err(ConfigError::new(problems)),
        }
    }
}
