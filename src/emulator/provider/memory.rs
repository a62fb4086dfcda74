//! What the provider remembers: login pages that wait for an answer, sign-ins, codes and tokens.
//!
//! Tokens point to a grant, one a sign-in at a client. A grant that is gone takes all of its tokens with it: that is how a
//! code or a refresh token that comes twice, a revocation and a sign-out end them.

use std::time::{Duration, Instant};

use aws_lc_rs::error::Unspecified;

use super::{
    authorize_request::AuthorizeRequest,
    expiring::Expiring,
    scope::Scope,
    secret::{Key, Secret},
};

/// How long a login page waits for its answer: as long as a load balancer waits for a sign-in.
const TICKET_LIFETIME: Duration = Duration::from_secs(15 * 60);
/// How long a code is good.
const CODE_LIFETIME: Duration = Duration::from_secs(60);
/// How long a used code is remembered, so that a second use is noticed.
const CODE_REMEMBERED: Duration = Duration::from_secs(10 * 60);
/// How long somebody stays signed in at the provider.
const SESSION_LIFETIME: Duration = Duration::from_secs(12 * 60 * 60);
/// How long a refresh token is good, and a sign-in can be prolonged at all.
const REFRESH_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Entries of each kind.
const CAPACITY: usize = 4096;
/// Login pages hold a whole request of a stranger, so there are fewer.
const TICKETS: usize = 512;

/// See the module.
pub(super) struct Memory {
    tickets: Expiring<Ticket>,
    sessions: Expiring<Session>,
    codes: Expiring<Code>,
    grants: Expiring<Grant>,
    access_tokens: Expiring<AccessToken>,
    refresh_tokens: Expiring<RefreshToken>,
    reuse_grace: Duration,
}

/// A login page that waits for its answer, in the browser that asked for it.
struct Ticket {
    request: AuthorizeRequest,
    browser: Key,
}

/// Somebody is signed in at the provider, in one browser.
#[derive(Debug, Clone)]
pub(super) struct Session {
    /// The `sid` of ID tokens. Not the cookie.
    pub(super) id: String,
    pub(super) user: String,
    /// Unix seconds.
    pub(super) since: u64,
}

/// What a user's sign-in lets a client ask.
#[derive(Debug, Clone)]
pub(super) struct Grant {
    pub(super) client_id: String,
    pub(super) user: String,
    /// Of the time of the sign-in: tokens of one grant never tell of two people.
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

/// Fresh tokens.
pub(super) struct Tokens {
    pub(super) access: Secret,
    pub(super) refresh: Option<Secret>,
}

/// What a code is to be exchanged by.
pub(super) struct Redemption<'a> {
    pub(super) code: &'a str,
    pub(super) client_id: &'a str,
    pub(super) redirect_uri: Option<&'a str>,
    /// The S256 of the verifier, if one came.
    pub(super) challenge: Option<&'a str>,
}

/// A grant that can be asked for tokens.
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

    /// The ticket of a login page.
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

    /// What the login page of this ticket was asked for, once, and only in the browser that it was shown in.
    pub(super) fn take_login(&mut self, ticket: &str, browser: &str, now: Instant) -> Option<AuthorizeRequest> {
        let key = Key::of(ticket);
        if self.tickets.find(key, now)?.browser != Key::of(browser) {
            return None;
        }
        self.tickets.take(key, now).map(|ticket| ticket.request)
    }

    /// Signs a user in at the provider. Gives the value of the cookie.
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

    /// Signs out: the session is gone, and so is whatever it was granted.
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

    /// Exchanges a code. `Ok(Err(..))` says why not.
    ///
    /// A second use ends what the first use gave (RFC 6749 section 4.1.2). A use by the right client with something else wrong
    /// counts as the one use, so nobody tries twice.
    pub(super) fn redeem(
        &mut self,
        redemption: &Redemption<'_>,
        now: Instant,
    ) -> Result<Result<Granted, &'static str>, Unspecified> {
        let key = Secret::generate()?.key();
        let Some(code) = self.codes.find_mut(Key::of(redemption.code), now) else {
            return Ok(Err("the code is not known"));
        };
        if code.grant.client_id != redemption.client_id {
            return Ok(Err("the code was given to another client"));
        }
        if let Some(grant) = code.used_for.replace(key) {
            self.grants.take(grant, now);
            return Ok(Err("the code was used before; what it gave is revoked"));
        }
        if now.saturating_duration_since(code.since) >= CODE_LIFETIME {
            return Ok(Err("the code is older than a minute"));
        }
        if redemption.redirect_uri != Some(&code.redirect_uri) {
            return Ok(Err("redirect_uri is not that of the authorization request"));
        }
        if redemption.challenge != code.challenge.as_deref() {
            return Ok(Err("code_verifier does not fit the code_challenge"));
        }
        let grant = code.grant.clone();
        self.grants.insert(key, grant.clone(), now);
        Ok(Ok(Granted { key, grant }))
    }

    /// Takes a refresh token, which a new one is to follow.
    ///
    /// One that was used before is good for a little while longer, since a load balancer's nodes may use it at the same time.
    /// After that it must have been stolen from somebody, and the grant ends (RFC 9700 section 4.14.2).
    pub(super) fn take_refresh(&mut self, token: &str, client_id: &str, now: Instant) -> Result<Granted, &'static str> {
        let unknown = "the refresh token is not known: expired, revoked, or the user signed out";
        let entry = self.refresh_tokens.find_mut(Key::of(token), now).ok_or(unknown)?;
        let key = entry.grant;
        let grant = self.grants.find(key, now).ok_or(unknown)?.clone();
        if grant.client_id != client_id {
            return Err("the refresh token was given to another client");
        }
        match entry.used_since {
            None => entry.used_since = Some(now),
            Some(since) if now.saturating_duration_since(since) < self.reuse_grace => {}
            Some(_) => {
                self.grants.take(key, now);
                return Err("the refresh token was used before; all that came of its sign-in is revoked");
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

    /// What an access token lets its holder ask.
    pub(super) fn access(&self, token: &str, now: Instant) -> Option<(Grant, Scope)> {
        let access = self.access_tokens.find(Key::of(token), now)?;
        let grant = self.grants.find(access.grant, now)?;
        Some((grant.clone(), access.scope.clone()))
    }

    /// Ends the grant of a token of either kind, if it is this client's.
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
