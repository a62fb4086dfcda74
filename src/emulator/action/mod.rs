//! The authenticate action: what a listener does with a request before it goes on to the target.
//!
//! | request | what happens |
//! |---|---|
//! | a path that two readers could read differently (`//`, `/../`, `%2f`) | 400: no rule can be sure of it |
//! | a host that is not this machine's | 400 |
//! | `/oauth2/idpresponse` | the [callback]; it never reaches the target |
//! | a rule without an authenticate action | goes on, without any `x-amzn-oidc-*` header |
//! | a session | goes on with the three headers, the token signed anew |
//! | a session whose access token has ended, with a refresh token | renewed first; where the provider refuses, no session |
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

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

pub(super) use self::outcome::Outcome;
use self::{outcome::Refusal, redirect::UsedStates};
use super::{
    config::{OnUnauthenticated, Rule},
    headers::LoadBalancer,
    oidc::OidcClient,
    session::{Found, Sealer, Session, SessionCookies},
};
use crate::clock::SharedClock;

/// Everything but what RFC 3986 section 2.3 leaves as it is.
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where the provider sends browsers back to.
pub(super) const CALLBACK: &str = "/oauth2/idpresponse";

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
        if !path::is_plain(path) {
            return Err(Refusal::new(400, "-").because(
                "the path can be read in more than one way (//, /./, /../, %2f, %5c, %2e, ; or a control character), so no \
                 rule by path can be sure of it",
            ));
        }
        let host = self.host(request.uri(), request.headers())?;
        if path == CALLBACK {
            return Err(self.callback(request.uri().query().unwrap_or_default(), request.headers(), &host, now).await);
        }
        let rule = self.rules.iter().find(|rule| rule.fits(path));
        let without_session = match rule {
            Some(rule) => match rule.action.on_unauthenticated() {
                Some(without_session) => without_session,
                None => return Ok(Outcome::forwarded()),
            },
            None => self.on_unauthenticated,
        };
        let (session, cookies) = match self.cookies.read(request.headers(), &self.sealer, now) {
            Found::Session(session) => match self.renewed(*session, request.headers(), now).await? {
                Some((session, cookies)) => (Some(session), cookies),
                None => return self.unauthenticated(OnUnauthenticated::Authenticate, request, &host, now).await,
            },
            Found::Ended if without_session == OnUnauthenticated::Deny => {
                return self.unauthenticated(OnUnauthenticated::Authenticate, request, &host, now).await;
            }
            Found::Ended | Found::None => (None, Vec::new()),
        };
        let Some(session) = session else {
            return self.unauthenticated(without_session, request, &host, now).await;
        };
        self.load_balancer
            .sign_in(request.headers_mut(), &session, now)
            .map_err(|sentence| Refusal::new(500, "AuthUnhandledException").because(sentence))?;
        Ok(Outcome::authenticated(cookies))
    }

    /// The host that the request names, if it is one of this machine or of the configuration: any other is a name that
    /// somebody made to lead here (DNS rebinding), or a mistake.
    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<String, Refusal> {
        let named = match uri.authority() {
            // HTTP/2, and the absolute form of HTTP/1.1, whose address counts for more than the header (RFC 9112 section 3.2.2).
            Some(authority) => Some(authority.as_str().to_owned()),
            None => {
                let mut hosts = headers.get_all(header::HOST).iter();
                let (first, second) = (hosts.next(), hosts.next());
                first.filter(|_| second.is_none()).and_then(|host| host.to_str().ok()).map(str::to_owned)
            }
        };
        let refused = |sentence: String| Refusal::new(400, "AuthMissingHostHeader").because(sentence);
        let named = named.ok_or_else(|| refused("there is no header Host, or more than one".to_owned()))?;
        let bare = named.parse::<http::uri::Authority>().map(|authority| authority.host().to_ascii_lowercase());
        let bare = bare.map_err(|_| refused("the header Host names no host".to_owned()))?;
        if !self.hosts.contains(&bare) || named.contains('@') {
            return Err(refused(format!(
                "the host {} is not this load balancer's; there are {}; another is added by more_hosts",
                crate::error::quoted(&bare),
                self.hosts.join(", ")
            )));
        }
        Ok(named)
    }

    /// Whether the request was made by a page of another origin, with CORS.
    fn is_cors(headers: &HeaderMap) -> bool {
        headers.contains_key(header::ORIGIN)
    }

    /// The headers that put the session into the browser.
    fn session_cookies(&self, session: &Session, headers: &HeaderMap, now: u64) -> Result<Vec<HeaderValue>, Refusal> {
        let written = self.cookies.write(session, &self.sealer, Self::is_cors(headers), now);
        written.map_err(|_| {
            Refusal::new(500, "AuthUserinfoResponseSizeExceeded")
                .because("the session does not fit into four cookies of 4 K: fewer claims, or shorter tokens")
        })
    }
}
