//! The redirect to the provider.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderValue, Request};

use super::{
    Action, CALLBACK, OnUnauthenticated, Outcome, Refusal,
    state::{MAX_SIGN_IN_SECONDS, State},
};
use crate::{
    emulator::{
        rules::Actions,
        session::{Purpose, nonce_cookie},
    },
    internal::encoded,
};

/// Maximum size of a redirect; a longer one gets 507. AWS documents the status but not the size;
/// browsers and servers accept this much.
const MAX_REDIRECT_BYTES: usize = 8 * 1024;

impl Action {
    pub(super) async fn unauthenticated<'t, B>(
        &self,
        what: OnUnauthenticated,
        actions: &'t Actions,
        request: &Request<B>,
        host: &str,
        now: u64,
    ) -> Result<Outcome<'t>, Refusal> {
        match what {
            OnUnauthenticated::Allow => Ok(Outcome::allowed(&actions.end)),
            OnUnauthenticated::Deny => Err(Refusal::new(401, "-")
                .because("there is no session, and the rule of this path denies requests without one")),
            OnUnauthenticated::Authenticate => {
                let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
                Err(self
                    .redirect(actions.authenticate.unwrap_or_default(), wanted, host, now)
                    .await
                    .unwrap_or_else(|refusal| refusal))
            }
        }
    }

    /// 302 to the authorization endpoint, with the parameters in the order that load balancers use.
    async fn redirect(&self, rule: usize, wanted: &str, host: &str, now: u64) -> Result<Refusal, Refusal> {
        let sign_in = self.sign_in(rule)?;
        let endpoints = self
            .oidc
            .endpoints()
            .await
            .map_err(|error| Refusal::new(error.status(), error.reason()).because(error.to_string()))?;
        let unsealed =
            |_| Refusal::new(500, "AuthUnhandledException").because("the operating system provides no random bytes");
        let nonce = random().map_err(unsealed)?;
        let state =
            State { wanted: wanted.to_owned(), host: host.to_owned(), nonce: nonce.clone(), sent: now, sign_in: rule };
        let state = STANDARD.encode(self.sealer.seal(Purpose::State, &state).map_err(unsealed)?);
        let redirect_uri = self.redirect_uri(host);

        let mut parameters = vec![
            ("client_id", self.oidc.id()),
            ("redirect_uri", redirect_uri.as_str()),
            ("response_type", "code"),
            ("scope", sign_in.scope.as_str()),
            ("state", state.as_str()),
        ];
        parameters.extend(sign_in.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let query: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
        let joint = if endpoints.authorization.contains('?') { '&' } else { '?' };
        let location = format!("{}{joint}{}", endpoints.authorization, query.join("&"));
        if location.len() > MAX_REDIRECT_BYTES {
            return Err(Refusal::new(507, "-")
                .because("the redirect to the provider is too long, because the requested address is"));
        }
        let location = HeaderValue::from_str(&location).map_err(|_| {
            Refusal::new(500, "AuthUnhandledException").because("the authorization endpoint is not a URL")
        })?;
        let lifetime = std::time::Duration::from_secs(MAX_SIGN_IN_SECONDS);
        Ok(Refusal::to(location).with_cookies(nonce_cookie(&nonce, sign_in.cookies.secure, lifetime)))
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
