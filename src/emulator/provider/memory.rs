//! The provider's state: open login pages, sign-ins, codes and tokens.
//!
//! Tokens refer to a grant; there is one grant for each sign-in at a client. Removing a grant
//! revokes all of its tokens. That happens when a code or refresh token is used twice, at a
//! revocation, and at a sign-out.

use std::time::{Duration, Instant};

use aws_lc_rs::error::Unspecified;

use super::{
    authorize_request::AuthorizeRequest,
    expiring::Expiring,
    scope::Scope,
    secret::{Key, Secret},
};

/// How long a login page is valid: as long as a load balancer waits for a sign-in.
const TICKET_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How long a code is valid.
const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// How long a used code is remembered, so that a second use is detected.
const CODE_REMEMBERED: Duration = Duration::from_secs(10 * 60);
/// How long a user stays signed in at the provider.
const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
/// How long a refresh token is valid, and the maximum time for which a sign-in can be extended.
const REFRESH_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Maximum number of entries of each kind.
const CAPACITY: usize = 4096;
/// Login pages store a whole unauthenticated request each, so there are fewer.
const TICKETS: usize = 512;

/// See the module's documentation.
pub(super) struct Memory {
    tickets: Expiring<Ticket>,
    sessions: Expiring<Session>,
    codes: Expiring<Code>,
    grants: Expiring<Grant>,
    access_tokens: Expiring<AccessToken>,
    refresh_tokens: Expiring<RefreshToken>,
    reuse_grace: Duration,
}

/// An open login page, in the browser that requested it.
struct Ticket {
    request: AuthorizeRequest,
    browser: Key,
}

/// A user is signed in at the provider, in one browser.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// The `sid` of ID tokens; not the value of the cookie.
    pub(super) id: String,
    pub(super) user: String,
    /// Unix seconds.
    pub(super) since: u64,
}

/// What a user's sign-in allows a client to request.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) user: String,
    /// The subject at the time of the sign-in: tokens of one grant are always about one user.
    pub(super) subject: String,
    pub(super) session: Session,
    pub(super) scope: Scope,
    pub(super) nonce: Option<String>,
}

struct Code {
    grant: Grant,
    redirect_uri: String,
    challenge: Option<String>,
    since: Instant,
    used_for: Option<Key>,
}

struct AccessToken {
    grant: Key,
    scope: Scope,
}

struct RefreshToken {
    grant: Key,
    used_since: Option<Instant>,
}

/// Newly issued tokens.
pub(super) struct Tokens {
    pub(super) access: Secret,
    pub(super) refresh: Option<Secret>,
}

/// The parameters that a code is exchanged with.
pub(super) struct Redemption<'a> {
    pub(super) code: &'a str,
    pub(super) client_id: &'a str,
    pub(super) redirect_uri: Option<&'a str>,
    /// The S256 hash of the verifier, if one was sent.
    pub(super) challenge: Option<&'a str>,
}

/// A grant for which tokens can be issued.
pub(super) struct Granted {
    pub(super) key: Key,
    pub(super) grant: Grant,
}

impl Memory {
    pub(super) fn new(access_token_lifetime: Duration, reuse_grace: Duration) -> Self {
        Self {
            tickets: Expiring::new(TICKET_LIFETIME, TICKETS),
            sessions: Expiring::new(SESSION_LIFETIME, CAPACITY),
            codes: Expiring::new(CODE_REMEMBERED, CAPACITY),
            grants: Expiring::new(REFRESH_LIFETIME, CAPACITY),
            access_tokens: Expiring::new(access_token_lifetime, CAPACITY),
            refresh_tokens: Expiring::new(REFRESH_LIFETIME, CAPACITY),
            reuse_grace,
        }
    }

    /// Opens a login page. Returns its ticket.
    pub(super) fn wait_for_login(
        &mut self,
        request: AuthorizeRequest,
        browser: &str,
        now: Instant,
    ) -> Result<Secret, Unspecified> {
        let ticket = Secret::generate()?;
        self.tickets.insert(ticket.key(), Ticket { request, browser: Key::of(browser) }, now);
        Ok(ticket)
    }

    /// The request of the login page with this ticket; once, and only in the browser that got the
    /// page.
    pub(super) fn take_login(&mut self, ticket: &str, browser: &str, now: Instant) -> Option<AuthorizeRequest> {
        let key = Key::of(ticket);
        if self.tickets.find(key, now)?.browser != Key::of(browser) {
            return None;
        }
        self.tickets.take(key, now).map(|ticket| ticket.request)
    }

    /// Signs a user in at the provider. Returns the value of the cookie.
    pub(super) fn open_session(
        &mut self,
        user: &str,
        since: u64,
        now: Instant,
    ) -> Result<(Secret, Session), Unspecified> {
        let cookie = Secret::generate()?;
        let session = Session { id: Secret::generate()?.as_str().to_owned(), user: user.to_owned(), since };
        self.sessions.insert(cookie.key(), session.clone(), now);
        Ok((cookie, session))
    }

    pub(super) fn session(&self, cookie: &str, now: Instant) -> Option<Session> {
        self.sessions.find(Key::of(cookie), now).cloned()
    }

    /// Signs out: removes the session and everything that was granted for it.
    pub(super) fn close_session(&mut self, id: &str) {
        self.sessions.retain(|session| session.id != id);
        self.codes.retain(|code| code.grant.session.id != id);
        self.grants.retain(|grant| grant.session.id != id);
    }

    pub(super) fn issue_code(
        &mut self,
        grant: Grant,
        request: &AuthorizeRequest,
        now: Instant,
    ) -> Result<Secret, Unspecified> {
        let code = Secret::generate()?;
        let entry = Code {
            grant,
            redirect_uri: request.destination.redirect_uri.clone(),
            challenge: request.challenge.clone(),
            since: now,
            used_for: None,
        };
        self.codes.insert(code.key(), entry, now);
        Ok(code)
    }

    /// Exchanges a code. `Ok(Err(..))` gives the reason for a refusal.
    ///
    /// A second use revokes what the first use issued (RFC 6749 section 4.1.2). A use by the right
    /// client with a wrong parameter counts as the only use, so that parameters cannot be guessed.
    pub(super) fn redeem(
        &mut self,
        redemption: &Redemption<'_>,
        now: Instant,
    ) -> Result<Result<Granted, &'static str>, Unspecified> {
        let key = Secret::generate()?.key();
        let Some(code) = self.codes.find_mut(Key::of(redemption.code), now) else {
            return Ok(Err("the code is unknown"));
        };
        if code.grant.client_id != redemption.client_id {
            return Ok(Err("the code was issued to another client"));
        }
        if let Some(grant) = code.used_for.replace(key) {
            self.grants.take(grant, now);
            return Ok(Err("the code was used before; the tokens that it gave are revoked"));
        }
        if now.saturating_duration_since(code.since) >= CODE_LIFETIME {
            return Ok(Err("the code is older than a minute"));
        }
        if redemption.redirect_uri != Some(&code.redirect_uri) {
            return Ok(Err("redirect_uri differs from the one in the authorization request"));
        }
        if redemption.challenge != code.challenge.as_deref() {
            return Ok(Err("code_verifier does not match the code_challenge"));
        }
        let grant = code.grant.clone();
        self.grants.insert(key, grant.clone(), now);
        Ok(Ok(Granted { key, grant }))
    }

    /// Uses a refresh token; the caller issues a new one.
    ///
    /// A used token stays valid for a short time, because several nodes of a load balancer may use
    /// it at the same time. After that it is considered stolen, and the grant ends (RFC 9700
    /// section 4.14.2).
    pub(super) fn take_refresh(&mut self, token: &str, client_id: &str, now: Instant) -> Result<Granted, &'static str> {
        let unknown = "the refresh token is unknown: it expired, it was revoked, or the user signed out";
        let entry = self.refresh_tokens.find_mut(Key::of(token), now).ok_or(unknown)?;
        let key = entry.grant;
        let grant = self.grants.find(key, now).ok_or(unknown)?.clone();
        if grant.client_id != client_id {
            return Err("the refresh token was issued to another client");
        }
        match entry.used_since {
            None => entry.used_since = Some(now),
            Some(since) if now.saturating_duration_since(since) < self.reuse_grace => {}
            Some(_) => {
                self.grants.take(key, now);
                return Err("the refresh token was used before; all tokens of its sign-in are revoked");
            }
        }
        Ok(Granted { key, grant })
    }

    pub(super) fn issue_tokens(
        &mut self,
        grant: Key,
        scope: &Scope,
        refreshable: bool,
        now: Instant,
    ) -> Result<Tokens, Unspecified> {
        let access = Secret::generate()?;
        self.access_tokens.insert(access.key(), AccessToken { grant, scope: scope.clone() }, now);
        let refresh = refreshable.then(Secret::generate).transpose()?;
        if let Some(refresh) = &refresh {
            self.refresh_tokens.insert(refresh.key(), RefreshToken { grant, used_since: None }, now);
        }
        Ok(Tokens { access, refresh })
    }

    /// The grant and scope of an access token.
    pub(super) fn access(&self, token: &str, now: Instant) -> Option<(Grant, Scope)> {
        let access = self.access_tokens.find(Key::of(token), now)?;
        let grant = self.grants.find(access.grant, now)?;
        Some((grant.clone(), access.scope.clone()))
    }

    /// Ends the grant of an access or refresh token, if it belongs to this client.
    pub(super) fn revoke(&mut self, token: &str, client_id: &str, now: Instant) {
        let token = Key::of(token);
        let of_refresh = self.refresh_tokens.find(token, now).map(|entry| entry.grant);
        let grant = of_refresh.or_else(|| self.access_tokens.find(token, now).map(|entry| entry.grant));
        let ours = |grant: &Key| self.grants.find(*grant, now).is_some_and(|grant| grant.client_id == client_id);
        if let Some(grant) = grant.filter(ours) {
            self.grants.take(grant, now);
        }
    }

    /// Ends every sign-in and every grant.
    pub(super) fn forget_all(&mut self) {
        self.sessions.retain(|_| false);
        self.codes.retain(|_| false);
        self.grants.retain(|_| false);
    }
}
