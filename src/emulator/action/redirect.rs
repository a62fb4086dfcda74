//! To the provider: the redirect, and the state that comes back with the browser.

use std::collections::HashMap;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderValue, Request};
use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Serialize};

use super::{Action, CALLBACK, ENCODED, OnUnauthenticated, Outcome, Refusal};
use crate::{
    emulator::session::{Purpose, nonce_cookie},
    internal::Mutex,
};

/// How long a sign-in may take, in seconds.
pub(super) const SIGN_IN_SECONDS: u64 = 15 * 60;

/// A longer redirect is answered 507. AWS documents the status and not the number; browsers and servers take so much.
const MAX_REDIRECT_BYTES: usize = 8 * 1024;

/// What the load balancer has to know when the browser comes back. Sealed, so nobody can make one.
#[derive(Serialize, Deserialize)]
pub(super) struct State {
    /// Path and query that the browser wanted.
    pub(super) wanted: String,
    /// The host that it asked.
    pub(super) host: String,
    /// What stands in the browser's nonce cookie.
    pub(super) nonce: String,
    /// When it was sent off, in seconds since 1970.
    pub(super) sent: u64,
}

impl Action {
    pub(super) async fn unauthenticated<B>(
        &self,
        what: OnUnauthenticated,
        request: &Request<B>,
        host: &str,
        now: u64,
    ) -> Result<Outcome, Refusal> {
        match what {
            OnUnauthenticated::Allow => Ok(Outcome::allowed()),
            OnUnauthenticated::Deny => Err(Refusal::new(401, "-")
                .because("there is no session, and the rule of this path denies requests without one")),
            OnUnauthenticated::Authenticate => {
                let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
                Err(self.redirect(wanted, host, now).await.unwrap_or_else(|refusal| refusal))
            }
        }
    }

    /// 302 to the authorization endpoint, its parameters in the order seen of load balancers.
    async fn redirect(&self, wanted: &str, host: &str, now: u64) -> Result<Refusal, Refusal> {
        let endpoints = self
            .oidc
            .endpoints()
            .await
            .map_err(|error| Refusal::new(error.status(), error.reason()).because(error.to_string()))?;
        let unsealed = |_| Refusal::new(500, "AuthUnhandledException").because("the system gives no random bytes");
        let nonce = random().map_err(unsealed)?;
        let state = State { wanted: wanted.to_owned(), host: host.to_owned(), nonce: nonce.clone(), sent: now };
        let state = STANDARD.encode(self.sealer.seal(Purpose::State, &state).map_err(unsealed)?);
        let redirect_uri = self.redirect_uri(host);

        let mut parameters = vec![
            ("client_id", self.oidc.id()),
            ("redirect_uri", redirect_uri.as_str()),
            ("response_type", "code"),
            ("scope", self.scope.as_str()),
            ("state", state.as_str()),
        ];
        parameters.extend(self.authorize_parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let query: Vec<String> = parameters
            .iter()
            .map(|(name, value)| {
                format!("{}={}", utf8_percent_encode(name, ENCODED), utf8_percent_encode(value, ENCODED))
            })
            .collect();
        let joint = if endpoints.authorization.contains('?') { '&' } else { '?' };
        let location = format!("{}{joint}{}", endpoints.authorization, query.join("&"));
        if location.len() > MAX_REDIRECT_BYTES {
            return Err(Refusal::new(507, "-")
                .because("the redirect to the provider is too long: the address that was asked for is"));
        }
        let location = HeaderValue::from_str(&location).map_err(|_| {
            Refusal::new(500, "AuthUnhandledException").because("the authorization endpoint is not a URL")
        })?;
        let lifetime = std::time::Duration::from_secs(SIGN_IN_SECONDS);
        Ok(Refusal::to(location).with_cookies(nonce_cookie(&nonce, self.cookies.secure, lifetime)))
    }

    pub(super) fn redirect_uri(&self, host: &str) -> String {
        format!("{}://{host}{CALLBACK}", self.scheme)
    }
}

/// 128 random bits.
fn random() -> Result<String, aws_lc_rs::error::Unspecified> {
    let mut bytes = [0; 16];
    aws_lc_rs::rand::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The nonces of states that have come back, while they could come back again: a state is good once.
#[derive(Default)]
pub(in crate::emulator) struct UsedStates(Mutex<HashMap<String, u64>>);

/// So many are remembered; a development tool sees a handful.
const MAX_USED: usize = 10_000;

impl UsedStates {
    /// Notes the nonce as used. Whether it was new; where too many are remembered, none is.
    pub(super) fn take(&self, nonce: &str, now: u64) -> bool {
        let mut used = self.0.lock();
        // In its last second it is still good.
        used.retain(|_, ends| *ends >= now);
        if used.len() >= MAX_USED {
            return false;
        }
        used.insert(nonce.to_owned(), now.saturating_add(SIGN_IN_SECONDS)).is_none()
    }
}
