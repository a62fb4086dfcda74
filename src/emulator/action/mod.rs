//! The authenticate action: what a listener does with a request before it goes on to the target.
//!
//! | request | what happens |
//! |---|---|
//! | where there are rules: a path that two readers could read differently (`//`, `/../`, `%2f`), or that is of another rule once its escapes are read (`/%61dmin`) | 400: no rule can be sure of it |
//! | a host that is not this machine's | 400 |
//! | `/oauth2/idpresponse` | the [callback]; it never reaches the target |
//! | a rule without an authenticate action | goes on, without any `x-amzn-oidc-*` header |
//! | a session | goes on with the three headers, the token signed anew |
//! | a session whose access token has ended, with a refresh token | renewed first; where the provider refuses, it has ended |
//! | no session, `authenticate` | 302 to the provider |
//! | no session, `allow` | goes on, without the headers |
//! | no session, `deny` | 401; one that has ended is sent to the provider |
//!
//! Whatever a client sent in the load balancer's name is taken off on every way.

mod callback;
mod outcome;
mod path;
mod redirect;
mod renew;
mod state;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};

pub(super) use self::outcome::{Outcome, shown};
use self::{outcome::Refusal, state::UsedStates};
use super::{
    config::{OnUnauthenticated, Rule},
    headers::LoadBalancer,
    host::named,
    oidc::OidcClient,
    session::{Found, Sealer, Session, SessionCookies},
};
use crate::internal::SharedClock;

/// Where the provider sends browsers back to.
pub(super) const CALLBACK: &str = "/oauth2/idpresponse";

/// Claims and access token together may have so many bytes; more is 500 at a load balancer.
const MAX_USER_BYTES: usize = 11 * 1024;

/// The action of one listener.
pub(super) struct Action {
    pub(super) rules: Vec<Rule>,
    pub(super) on_unauthenticated: OnUnauthenticated,
    pub(super) hosts: Vec<String>,
    /// `http` or `https`, as browsers see it.
    pub(super) scheme: &'static str,
    pub(super) scope: String,
    pub(super) authorize_parameters: Vec<(String, String)>,
    pub(super) session_timeout: u64,
    pub(super) cookies: SessionCookies,
    pub(super) sealer: Sealer,
    pub(super) used_states: UsedStates,
    pub(super) oidc: OidcClient,
    pub(super) load_balancer: LoadBalancer,
    pub(super) clock: SharedClock,
}

impl Action {
    /// What is to be done with the request: it goes on, changed, or it is answered here.
    pub(super) async fn judge<B>(&self, mut request: Request<B>) -> Result<(Request<B>, Outcome), Response<Bytes>> {
        LoadBalancer::strip(request.headers_mut());
        match self.decide(&mut request).await {
            Ok(outcome) => Ok((request, outcome)),
            Err(refusal) => {
                refusal.log(request.method(), request.uri());
                Err(refusal.into_response())
            }
        }
    }

    async fn decide<B>(&self, request: &mut Request<B>) -> Result<Outcome, Refusal> {
        let Some(now) = self.clock.unix_now() else { return Err(Refusal::new(500, "AuthUnhandledException")) };
        let path = request.uri().path();
        let rule = self.rule(path).map_err(|sentence| Refusal::new(400, "-").because(sentence))?;
        let host = self.host(request.uri(), request.headers())?;
        if path == CALLBACK {
            return Err(self.callback(request.uri().query().unwrap_or_default(), request.headers(), &host, now).await);
        }
        let without_session = match rule {
            Some(rule) => match rule.action.on_unauthenticated() {
                Some(without_session) => without_session,
                None => return Ok(Outcome::forwarded()),
            },
            None => self.on_unauthenticated,
        };
        const OVER: bool = true;
        let found = match self.cookies.read(request.headers(), &self.sealer, now) {
            Found::Session(session) => self.renewed(*session, request.headers(), now).await?.ok_or(OVER),
            Found::Ended => Err(OVER),
            Found::None => Err(false),
        };
        let (session, cookies) = match found {
            Ok(found) => found,
            Err(over) => {
                let sent_off = over && without_session == OnUnauthenticated::Deny;
                let what = if sent_off { OnUnauthenticated::Authenticate } else { without_session };
                return self.unauthenticated(what, request, &host, now).await;
            }
        };
        self.load_balancer
            .sign_in(request.headers_mut(), &session, now)
            .map_err(|sentence| Refusal::new(500, "AuthUnhandledException").because(sentence))?;
        Ok(Outcome::authenticated(cookies))
    }

    /// The rule for the path, if there is one; or why nobody can say which it is.
    ///
    /// A listener compares the path as it was sent, an application reads its escapes first. Where that leads to another rule,
    /// the application would answer what its own rule has not looked at.
    fn rule(&self, path: &str) -> Result<Option<&Rule>, &'static str> {
        if !path::is_path(path) {
            return Err("it is no path, or has other characters than printable ASCII: those are sent as %C3%A4");
        }
        let meant = path::unescaped(path);
        let another = "without its escapes (%61 is a) the path is that of another rule: send it without them";
        if path != CALLBACK && meant == CALLBACK.as_bytes() {
            return Err(another);
        }
        if self.rules.is_empty() {
            // Nothing to evade: all paths are the same.
            return Ok(None);
        }
        if !path::is_plain(path) {
            return Err(
                "the path can be read in more than one way (//, /./, /../, ;, %2f, %5c, %2e, %25, %3b, an escape that \
                        is none or that of a control character), so no rule by path can be sure of it",
            );
        }
        let sent = self.rules.iter().position(|rule| rule.fits(path));
        if sent != self.rules.iter().position(|rule| rule.fits_unescaped(&meant)) {
            return Err(another);
        }
        Ok(sent.and_then(|at| self.rules.get(at)))
    }

    /// The host that the request names, if it is one of this machine or of the configuration: any other is a name that
    /// somebody made to lead here (DNS rebinding), or a mistake.
    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<String, Refusal> {
        let refused = |sentence: String| Refusal::new(400, "AuthMissingHostHeader").because(sentence);
        let named = named(uri, headers).ok_or_else(|| {
            refused(
                "there is no header Host, more than one, or one that is not a host name with or without a port"
                    .to_owned(),
            )
        })?;
        let bare = named.host().to_ascii_lowercase();
        if !self.hosts.contains(&bare) {
            return Err(refused(format!(
                "the host {} is not this load balancer's; there are {}; another is added by more_hosts",
                crate::internal::quoted(&bare),
                self.hosts.join(", ")
            )));
        }
        Ok(named.as_str().to_owned())
    }

    /// Whether the request was made by a page of another origin, with CORS.
    fn is_cors(headers: &HeaderMap) -> bool {
        headers.contains_key(header::ORIGIN)
    }

    /// The headers that put the session into the browser.
    fn session_cookies(&self, session: &Session, headers: &HeaderMap, now: u64) -> Result<Vec<HeaderValue>, Refusal> {
        if session.weight() > MAX_USER_BYTES {
            return Err(Refusal::new(500, "AuthUserinfoResponseSizeExceeded")
                .because("claims and access token have more than 11 KB together"));
        }
        let written = self.cookies.write(session, &self.sealer, Self::is_cors(headers), now);
        written.map_err(|_| {
            Refusal::new(500, "AuthUserinfoResponseSizeExceeded")
                .because("the session does not fit into four cookies of 4 K: fewer claims, or shorter tokens")
        })
    }
}
