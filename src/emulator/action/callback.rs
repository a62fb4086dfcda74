//! The callback from the provider: `/oauth2/idpresponse`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue};
use percent_encoding::{CONTROLS, percent_decode_str, utf8_percent_encode};

use super::{
    Action, Refusal,
    state::{MAX_SIGN_IN_SECONDS, State},
};
use crate::emulator::{
    counters::SignInLabel,
    oidc::{OidcError, Step, Tokens},
    rules::Authenticate,
    session::{NONCE_COOKIE, Purpose, Session, expire_nonce, read_cookie},
};

impl Action {
    /// The response to the returning browser: 302 to the address that it requested first, with a
    /// session; or the reason for a refusal.
    pub(super) async fn callback(&self, query: &str, headers: &HeaderMap, host: &str, now: u64) -> Refusal {
        let (response, result) = match self.signed_in(query, headers, host, now).await {
            Ok(response) => (response, SignInLabel::SignedIn),
            Err(refusal) => (refusal, SignInLabel::Failed),
        };
        self.counters.sign_in(result);
        response
    }

    async fn signed_in(&self, query: &str, headers: &HeaderMap, host: &str, now: u64) -> Result<Refusal, Refusal> {
        let state = self.state(query, headers, host, now)?;
        let error = match parameter(query, "error") {
            Ok(error) => error.map(|error| crate::internal::quoted(&error)),
            Err(unclear) => Some(unclear.to_owned()),
        };
        if let Some(error) = error {
            let refusal = Refusal::new(561, "AuthUnhandledException");
            return Err(refusal.because(format!("the provider returned the error {error}")));
        }
        let no_code = |what: &str| Refusal::new(401, "AuthMissingCodeParam").because(format!("the code is {what}"));
        let code = parameter(query, "code").map_err(no_code)?.ok_or_else(|| no_code("missing"))?;
        let tokens = self.oidc.exchange(&code, &self.redirect_uri(host)).await.map_err(refused)?;
        let sign_in = self.sign_in(state.sign_in)?;
        let session = self.session(sign_in, tokens, now).await?;
        let cookies = self.session_cookies(sign_in, &session, headers, now)?;
        // Redirects only to the host of this request, and to a path there. A client may have sent a
        // query that is not ASCII.
        let wanted = utf8_percent_encode(&state.wanted, CONTROLS);
        let location = HeaderValue::from_str(&format!("{}://{host}{wanted}", self.scheme))
            .map_err(|_| Refusal::new(500, "AuthUnhandledException").because("the requested address is not a path"))?;
        Ok(Refusal::to(location).with_cookies(cookies).with_cookies(expire_nonce(sign_in.cookies.secure)))
    }

    /// The state that was issued to this browser recently and has not been used yet. All of it is
    /// checked before the code is spent.
    fn state(&self, query: &str, headers: &HeaderMap, host: &str, now: u64) -> Result<State, Refusal> {
        let invalid = |reason: &'static str| Refusal::new(401, "AuthInvalidStateParam").because(reason);
        let no_state = |what: &str| Refusal::new(401, "AuthMissingStateParam").because(format!("the state is {what}"));
        let state = parameter(query, "state").map_err(no_state)?.ok_or_else(|| no_state("missing"))?;
        let sealed = STANDARD.decode(state).map_err(|_| invalid("the state was not issued by this load balancer"))?;
        let state: State = self
            .sealer
            .open(Purpose::State, &sealed)
            .ok_or_else(|| invalid("the state was not issued by this load balancer, or by an earlier run of it"))?;
        if now.saturating_sub(state.sent) > MAX_SIGN_IN_SECONDS || state.sent > now {
            return Err(invalid("the sign-in took longer than 15 minutes"));
        }
        if state.host != host {
            return Err(invalid("the state was issued for another host"));
        }
        match read_cookie(headers, NONCE_COOKIE) {
            Ok(Some(nonce)) if nonce == state.nonce => {}
            Ok(None) => {
                return Err(Refusal::new(401, "AuthInvalidCookie").because("the browser has no nonce cookie"));
            }
            _ => {
                let refusal = Refusal::new(401, "AuthInvalidCookie");
                return Err(refusal.because("the nonce cookie belongs to another sign-in: did a second tab start one?"));
            }
        }
        if !self.used_states.take(&state.nonce, now) {
            return Err(invalid("the state was used before"));
        }
        Ok(state)
    }

    /// The session for these tokens.
    async fn session(&self, sign_in: &Authenticate, tokens: Tokens, now: u64) -> Result<Session, Refusal> {
        let Some(id_token) = &tokens.id_token else {
            let error = OidcError::invalid(Step::IdToken, "the response contains none: is openid in the scope?");
            return Err(refused(error));
        };
        let proven = self.oidc.check_id_token(id_token, now).await.map_err(refused)?;
        let session =
            self.session_of(tokens, Some(&proven), now.saturating_add(sign_in.session_timeout.as_secs()), now).await;
        session.map_err(refused)
    }

    /// Fetches userinfo, and creates the session.
    pub(super) async fn session_of(
        &self,
        tokens: Tokens,
        subject: Option<&str>,
        ends: u64,
        now: u64,
    ) -> Result<Session, OidcError> {
        let claims = self.oidc.userinfo(&tokens.access_token).await?;
        let sub = claims.iter().find(|(name, _)| name == "sub").and_then(|(_, value)| value.as_str());
        let invalid = |reason: &str| OidcError::invalid(Step::Userinfo, reason);
        let sub = sub.filter(|sub| !sub.is_empty()).ok_or_else(|| invalid("its response has no sub"))?.to_owned();
        if subject.is_some_and(|subject| subject != sub) {
            return Err(invalid("its sub differs from the ID token's, so it is about another user"));
        }
        // Otherwise every request of the session would fail until it expires.
        if [sub.as_str(), &tokens.access_token].iter().any(|text| HeaderValue::from_bytes(text.as_bytes()).is_err()) {
            return Err(invalid(
                "its sub or the access token contains control characters, so it cannot be a header value",
            ));
        }
        Ok(Session {
            claims,
            subject: sub,
            access_token: tokens.access_token,
            access_token_ends: tokens.expires_in.map(|seconds| now.saturating_add(seconds)),
            refresh_token: tokens.refresh_token,
            ends,
        })
    }
}

pub(super) fn refused(error: OidcError) -> Refusal {
    Refusal::new(error.status(), error.reason()).because(error.to_string())
}

/// A parameter, whether its name is percent-encoded or not. `Err` says why its value is ambiguous.
pub(super) fn parameter(query: &str, name: &str) -> Result<Option<String>, &'static str> {
    let mut values = query.split('&').filter_map(|pair| {
        let (held, value) = pair.split_once('=')?;
        percent_decode_str(held).eq(name.bytes()).then_some(value)
    });
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err("given more than once");
    }
    let Some(value) = first.filter(|value| !value.is_empty()) else { return Ok(None) };
    // A state is base64, in which an unencoded plus stands for itself.
    let value = if name == "state" { value.to_owned() } else { value.replace('+', "%20") };
    let text = percent_decode_str(&value).decode_utf8();
    text.map(|text| Some(text.into_owned())).map_err(|_| "not UTF-8")
}
