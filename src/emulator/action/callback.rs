//! Back from the provider: `/oauth2/idpresponse`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue};
use percent_encoding::{CONTROLS, percent_decode_str, utf8_percent_encode};

use super::{
    Action, Refusal,
    state::{MAX_SIGN_IN_SECONDS, State},
};
use crate::emulator::{
    oidc::{OidcError, Step, Tokens},
    session::{NONCE_COOKIE, Purpose, Session, expire_nonce, read_cookie},
};

impl Action {
    /// The answer to a browser that comes back: 302 to where it wanted to go, with a session, or why not.
    pub(super) async fn callback(&self, query: &str, headers: &HeaderMap, host: &str, now: u64) -> Refusal {
        match self.signed_in(query, headers, host, now).await {
            Ok(answer) | Err(answer) => answer,
        }
    }

    async fn signed_in(&self, query: &str, headers: &HeaderMap, host: &str, now: u64) -> Result<Refusal, Refusal> {
        let state = self.state(query, headers, host, now)?;
        let error = match parameter(query, "error") {
            Ok(error) => error.map(|error| crate::internal::quoted(&error)),
            Err(unclear) => Some(unclear.to_owned()),
        };
        if let Some(error) = error {
            let refusal = Refusal::new(561, "AuthUnhandledException");
            return Err(refusal.because(format!("the provider sent the browser back with the error {error}")));
        }
        let no_code = |what: &str| Refusal::new(401, "AuthMissingCodeParam").because(format!("the code is {what}"));
        let code = parameter(query, "code").map_err(no_code)?.ok_or_else(|| no_code("missing"))?;
        let tokens = self.oidc.exchange(&code, &self.redirect_uri(host)).await.map_err(refused)?;
        let session = self.session(tokens, now).await?;
        let cookies = self.session_cookies(&session, headers, now)?;
        // To the host that was asked, which this one is, and to a path of it: nowhere else. A program may have sent a query that
        // is not ASCII.
        let wanted = utf8_percent_encode(&state.wanted, CONTROLS);
        let location = HeaderValue::from_str(&format!("{}://{host}{wanted}", self.scheme))
            .map_err(|_| Refusal::new(500, "AuthUnhandledException").because("what was asked for is not a path"))?;
        Ok(Refusal::to(location).with_cookies(cookies).with_cookies(expire_nonce(self.cookies.secure)))
    }

    /// The state that this browser was sent off with, not long ago, and has not come back with before. All of it before the
    /// code is spent.
    fn state(&self, query: &str, headers: &HeaderMap, host: &str, now: u64) -> Result<State, Refusal> {
        let invalid = |sentence: &'static str| Refusal::new(401, "AuthInvalidStateParam").because(sentence);
        let no_state = |what: &str| Refusal::new(401, "AuthMissingStateParam").because(format!("the state is {what}"));
        let state = parameter(query, "state").map_err(no_state)?.ok_or_else(|| no_state("missing"))?;
        let sealed = STANDARD.decode(state).map_err(|_| invalid("the state is not one of ours"))?;
        let state: State = self
            .sealer
            .open(Purpose::State, &sealed)
            .ok_or_else(|| invalid("the state is not one of ours, or of another run of the emulator"))?;
        if now.saturating_sub(state.sent) > MAX_SIGN_IN_SECONDS || state.sent > now {
            return Err(invalid("the sign-in took longer than 15 minutes"));
        }
        if state.host != host {
            return Err(invalid("the state is of another host"));
        }
        match read_cookie(headers, NONCE_COOKIE) {
            Ok(Some(nonce)) if nonce == state.nonce => {}
            Ok(None) => {
                return Err(Refusal::new(401, "AuthInvalidCookie").because("the browser has no nonce cookie"));
            }
            _ => {
                let refusal = Refusal::new(401, "AuthInvalidCookie");
                return Err(refusal.because("the nonce cookie is of another sign-in: did a second tab begin one?"));
            }
        }
        if !self.used_states.take(&state.nonce, now) {
            return Err(invalid("the state has come back before"));
        }
        Ok(state)
    }

    /// The session of these tokens.
    async fn session(&self, tokens: Tokens, now: u64) -> Result<Session, Refusal> {
        let Some(id_token) = &tokens.id_token else {
            let error = OidcError::invalid(Step::IdToken, "the provider gave none: is openid in the scope?");
            return Err(refused(error));
        };
        let proven = self.oidc.check_id_token(id_token, now).await.map_err(refused)?;
        let session = self.session_of(tokens, Some(&proven), now.saturating_add(self.session_timeout), now).await;
        session.map_err(refused)
    }

    /// Asks userinfo, and puts together what is known of the user.
    pub(super) async fn session_of(
        &self,
        tokens: Tokens,
        subject: Option<&str>,
        ends: u64,
        now: u64,
    ) -> Result<Session, OidcError> {
        let claims = self.oidc.userinfo(&tokens.access_token).await?;
        let told = claims.iter().find(|(name, _)| name == "sub").and_then(|(_, value)| value.as_str());
        let invalid = |sentence: &str| OidcError::invalid(Step::Userinfo, sentence);
        let told = told.filter(|sub| !sub.is_empty()).ok_or_else(|| invalid("its answer has no sub"))?.to_owned();
        if subject.is_some_and(|subject| subject != told) {
            return Err(invalid("its sub is not the ID token's, so it speaks of another user"));
        }
        // Or nobody would get on with the session, until it ends.
        if [told.as_str(), &tokens.access_token].iter().any(|text| HeaderValue::from_bytes(text.as_bytes()).is_err()) {
            return Err(invalid("its sub, or the access token, has control characters: they are to be headers"));
        }
        Ok(Session {
            claims,
            subject: told,
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

/// A parameter, by its name with or without escapes. `Err` says why it is unclear which value it has.
fn parameter(query: &str, name: &str) -> Result<Option<String>, &'static str> {
    let mut values = query.split('&').filter_map(|pair| {
        let (held, value) = pair.split_once('=')?;
        percent_decode_str(held).eq(name.bytes()).then_some(value)
    });
    let (first, second) = (values.next(), values.next());
    if second.is_some() {
        return Err("there more than once");
    }
    let Some(value) = first.filter(|value| !value.is_empty()) else { return Ok(None) };
    // A state is base64, in which a plus that nobody encoded stands for itself.
    let value = if name == "state" { value.to_owned() } else { value.replace('+', "%20") };
    let text = percent_decode_str(&value).decode_utf8();
    text.map(|text| Some(text.into_owned())).map_err(|_| "not a text")
}
