//! Cookies and state of the emulator, for the oracles of `fuzz/`.

use std::fmt;

use http::{HeaderMap, HeaderValue};

pub use super::action::fuzzing::{is_plain_path, parameter};
use super::{
    action::fuzzing::{open_state, seal_state},
    session::{Found, Sealer, Session, SessionCookies, read_cookie},
};

/// A load balancer's cookies, with a key of this run.
pub struct Cookies {
    sealer: Sealer,
    cookies: SessionCookies,
}

/// What cookies contain.
#[derive(Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "as in the session")]
pub enum Content {
    None,
    Expired,
    Session { subject: String, access_token: String },
}

impl Cookies {
    /// `None` without random bytes.
    #[allow(clippy::new_without_default, reason = "it can fail")]
    pub fn new() -> Option<Self> {
        let cookies = SessionCookies { name: "AWSELBAuthSessionCookie".to_owned(), secure: true };
        Some(Self { sealer: Sealer::generate().ok()?, cookies })
    }

    /// The `Set-Cookie` headers of a session that ends at this second; `None` if it does not fit.
    pub fn write(&self, subject: &str, access_token: &str, ends: u64) -> Option<Vec<HeaderValue>> {
        let session = Session {
            claims: vec![("sub".to_owned(), subject.into())],
            subject: subject.to_owned(),
            access_token: access_token.to_owned(),
            access_token_ends: None,
            refresh_token: None,
            ends,
        };
        self.cookies.write(&session, &self.sealer, false, 0).ok()
    }

    /// The session in the headers of a request.
    pub fn read(&self, headers: &HeaderMap, now: u64) -> Content {
        match self.cookies.read(headers, &self.sealer, now) {
            // A part of a session counts as none.
            Found::None | Found::Incomplete(_) => Content::None,
            Found::Expired => Content::Expired,
            Found::Session(session) => {
                Content::Session { subject: session.subject, access_token: session.access_token }
            }
        }
    }

    /// A sealed state for this address.
    pub fn state(&self, wanted: &str) -> Option<Vec<u8>> {
        seal_state(&self.sealer, wanted)
    }

    /// The address in a sealed state.
    pub fn open_state(&self, sealed: &[u8]) -> Option<String> {
        open_state(&self.sealer, sealed)
    }
}

impl fmt::Debug for Cookies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cookies")
    }
}

/// The value of a cookie.
///
/// # Errors
/// There are several different ones.
pub fn cookie(headers: &HeaderMap, name: &str) -> Result<Option<String>, ()> {
    read_cookie(headers, name).map_err(drop)
}
