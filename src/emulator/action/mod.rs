//! The authenticate action: what a listener does with a request before the target gets it.
//!
//! | request | what happens |
//! |---|---|
//! | with rules: an ambiguous path (`//`, `/../`, `%2f`), or one that matches another rule after percent-decoding (`/%61dmin`) | 400, because it is unclear which rule applies |
//! | a host that is not this machine's | 400 |
//! | `/oauth2/idpresponse` | the [callback]; it never reaches the target |
//! | a rule with the action `jwt-validation` | 401 without a valid bearer token; its next action with one, without any `x-amzn-oidc-*` header |
//! | a rule without an authenticate action | its action, without any `x-amzn-oidc-*` header |
//! | a session | forwarded with the three headers and a newly signed token |
//! | a session whose access token has expired, with a refresh token | refreshed first; if the provider refuses, the session ends |
//! | no session, `authenticate` | 302 to the provider |
//! | no session, `allow` | forwarded without the headers |
//! | no session, `deny` | 401; a browser with an expired session is redirected to the provider |
//!
//! Headers that only a load balancer may set are removed from every request.

mod callback;
#[cfg(fuzzing)]
#[doc(hidden)]
pub(super) mod fuzzing;
mod outcome;
mod path;
mod redirect;
mod renew;
mod state;

use std::net::IpAddr;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, Uri, header};

pub(super) use self::outcome::{Outcome, shown};
use self::{outcome::Refusal, state::UsedStates};
use super::{
    config::OnUnauthenticated,
    counters::{BearerLabel, Counters, OutcomeLabel},
    headers::LoadBalancer,
    host::named,
    oidc::OidcClient,
    rules::{Actions, Authenticate, Facts, Table},
    session::{Found, Sealer, Session},
};
use crate::internal::SharedClock;

/// The path of the redirect URI.
pub(super) const CALLBACK: &str = "/oauth2/idpresponse";

/// Maximum size of claims and access token together. A load balancer responds 500 above it.
const MAX_USER_BYTES: usize = 11 * 1024;

/// The action of one listener.
pub(super) struct Action {
    pub(super) table: Table,
    pub(super) hosts: Vec<String>,
    /// `http` or `https`, as browsers see it.
    pub(super) scheme: &'static str,
    pub(super) sealer: Sealer,
    pub(super) used_states: UsedStates,
    pub(super) oidc: OidcClient,
    pub(super) load_balancer: LoadBalancer,
    pub(super) counters: Counters,
    pub(super) clock: SharedClock,
}

/// Why a request has no session.
enum NoSession {
    Expired,
    Absent,
}

/// A user whose claims need several cookies is otherwise sent to the provider without end, and
/// neither client nor log says why.
fn warn_of_missing_cookies(cookies: usize, name: &str, headers: &HeaderMap) {
    let bytes: usize = headers.get_all(header::COOKIE).iter().map(HeaderValue::len).sum();
    tracing::warn!(
        target: "alb_emulator",
        "only {cookies} of a session's cookies came ({name}-0, -1, ...; {bytes} bytes with all other cookies), so there is \
         no session: the client, or a proxy in front, left cookies out. A session of many claims needs 16 KB of \
         cookies, and curl and aiohttp send 8 KB at most: use another client, or fewer claims (docs/BETWEEN.md)"
    );
}

impl Action {
    /// What to do with the request: forward it, changed, or respond to it.
    pub(super) async fn apply<B>(
        &self,
        mut request: Request<B>,
        client: IpAddr,
    ) -> Result<(Request<B>, Outcome<'_>), Response<Bytes>> {
        LoadBalancer::strip(request.headers_mut());
        if self.table.drops_invalid_headers() {
            drop_invalid(request.headers_mut());
        }
        match self.decide(&mut request, client).await {
            Ok(outcome) => Ok((request, outcome)),
            Err(refusal) => {
                refusal.log(request.method(), request.uri());
                let (made_by, status) = refusal.made_by();
                self.counters.response(made_by, status);
                Err(refusal.into_response())
            }
        }
    }

    async fn decide<B>(&self, request: &mut Request<B>, client: IpAddr) -> Result<Outcome<'_>, Refusal> {
        let Some(now) = self.clock.unix_now() else { return Err(Refusal::new(500, "AuthUnhandledException")) };
        let path = request.uri().path();
        let actions = self.actions(request, client).map_err(|reason| Refusal::new(400, "-").because(reason))?;
        let host = self.host(request.uri(), request.headers())?;
        if path == CALLBACK {
            let query = request.uri().query().unwrap_or_default();
            let refusal = self.callback(query, request.headers(), &host, now).await;
            return Err(refusal.by(OutcomeLabel::Callback));
        }
        if let Some(validation) = &actions.validate {
            let checked = self.oidc.check_bearer(validation, request.headers(), &self.clock).await;
            self.counters.bearer_token(match &checked {
                Ok(()) => BearerLabel::Accepted,
                Err(error) if error.status() == 401 => BearerLabel::Refused,
                Err(_) => BearerLabel::Unavailable,
            });
            return checked.map(|()| Outcome::validated(&actions.end)).map_err(|error| {
                let refusal = Refusal::new(error.status(), error.reason()).because(error.to_string());
                refusal.by(OutcomeLabel::JwtValidation)
            });
        }
        let Some(index) = actions.authenticate else { return Ok(Outcome::without_sign_in(&actions.end)) };
        let outcome = self.authenticate(index, actions, request, &host, now).await;
        outcome.map_err(|refusal| refusal.by(OutcomeLabel::SignIn))
    }

    /// The authenticate action with this index.
    async fn authenticate<'t, B>(
        &'t self,
        index: usize,
        actions: &'t Actions,
        request: &mut Request<B>,
        host: &str,
        now: u64,
    ) -> Result<Outcome<'t>, Refusal> {
        let sign_in = self.sign_in(index)?;
        let found = match sign_in.cookies.read(request.headers(), &self.sealer, now) {
            Found::Session(session) => {
                self.renewed(sign_in, *session, request.headers(), now).await?.ok_or(NoSession::Expired)
            }
            Found::Expired => Err(NoSession::Expired),
            Found::Incomplete(cookies) => {
                warn_of_missing_cookies(cookies, &sign_in.cookies.name, request.headers());
                Err(NoSession::Absent)
            }
            Found::None => Err(NoSession::Absent),
        };
        let (session, cookies) = match found {
            Ok(found) => found,
            Err(no_session) => {
                let what = match (no_session, sign_in.on_unauthenticated) {
                    (NoSession::Expired, OnUnauthenticated::Deny) => OnUnauthenticated::Authenticate,
                    (_, without_session) => without_session,
                };
                return self.unauthenticated(what, actions, request, host, now).await;
            }
        };
        self.load_balancer
            .sign_in(request.headers_mut(), &session, now)
            .map_err(|reason| Refusal::new(500, "AuthUnhandledException").because(reason))?;
        Ok(Outcome::authenticated(&actions.end, cookies))
    }

    /// An authenticate action of the table.
    fn sign_in(&self, index: usize) -> Result<&Authenticate, Refusal> {
        self.table.authenticate(index).ok_or_else(|| Refusal::new(500, "AuthUnhandledException"))
    }

    /// The actions of the rule that applies; or why it is unclear which one does.
    ///
    /// A listener compares the path as it was sent; an application decodes it first. If the decoded
    /// path matches another rule, the application would serve a path that its own rule did not
    /// check.
    fn actions<B>(&self, request: &Request<B>, client: IpAddr) -> Result<&Actions, &'static str> {
        let path = request.uri().path();
        if !path::is_path(path) {
            return Err("not a path, or contains non-ASCII characters, which must be sent as %C3%A4");
        }
        let meant = path::unescaped(path);
        let another = "the percent-decoded path (%61 is a) matches another rule: send it decoded";
        if path != CALLBACK && meant == CALLBACK.as_bytes() {
            return Err(another);
        }
        // Without rules all paths are treated alike, so there is nothing to bypass.
        if !self.table.is_empty() && !path::is_plain(path) {
            return Err(
                "the path is ambiguous (//, /./, /../, ;, %2f, %5c, %2e, %25, %3b, an invalid escape or one of a control \
                        character), so it is unclear which rule applies",
            );
        }
        let named = named(request.uri(), request.headers());
        let facts = Facts {
            method: request.method(),
            host: named.as_ref().map_or("", |named| named.host()),
            path,
            unescaped: &meant,
            query: request.uri().query().unwrap_or_default(),
            headers: request.headers(),
            client,
        };
        self.table.rule(&facts).map(|rule| &rule.actions).ok_or(another)
    }

    /// The host that the request names, if it is one of this machine or of the configuration. Any
    /// other is a foreign name that resolves to this machine (DNS rebinding), or a mistake.
    fn host(&self, uri: &Uri, headers: &HeaderMap) -> Result<String, Refusal> {
        let refused = |reason: String| Refusal::new(400, "AuthMissingHostHeader").because(reason);
        let named = named(uri, headers).ok_or_else(|| {
            refused("the header Host is missing, repeated, or not a host name with or without a port".to_owned())
        })?;
        let bare = named.host().to_ascii_lowercase();
        if !self.hosts.contains(&bare) {
            return Err(refused(format!(
                "the host {} is not one of this load balancer's: {}; add it by more_hosts",
                crate::internal::quoted(&bare),
                self.hosts.join(", ")
            )));
        }
        Ok(named.as_str().to_owned())
    }

    /// Whether a page of another origin made the request, with CORS.
    fn is_cors(headers: &HeaderMap) -> bool {
        headers.contains_key(header::ORIGIN)
    }

    /// The headers that store the session in the browser.
    fn session_cookies(
        &self,
        sign_in: &Authenticate,
        session: &Session,
        headers: &HeaderMap,
        now: u64,
    ) -> Result<Vec<HeaderValue>, Refusal> {
        if session.weight() > MAX_USER_BYTES {
            return Err(Refusal::new(500, "AuthUserinfoResponseSizeExceeded")
                .because("claims and access token together are larger than 11 KB"));
        }
        let written = sign_in.cookies.write(session, &self.sealer, Self::is_cors(headers), now);
        written.map_err(|_| {
            Refusal::new(500, "AuthUserinfoResponseSizeExceeded")
                .because("the session does not fit into four cookies of 4 K: use fewer claims or shorter tokens")
        })
    }
}

/// Removes headers as the load balancer attribute `routing.http.drop_invalid_header_fields.enabled`
/// does.
fn drop_invalid(headers: &mut HeaderMap) {
    let is_valid = |name: &HeaderName| name.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let invalid: Vec<HeaderName> = headers.keys().filter(|name| !is_valid(name)).cloned().collect();
    for name in invalid {
        headers.remove(name);
    }
}
