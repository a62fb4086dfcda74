//! The session: what a load balancer knows about a signed-in browser, sealed into cookies.
//!
//! A load balancer stores no sessions: everything it knows is in the browser's cookies, encrypted,
//! in up to four cookies of 4 K. So does the emulator, with a key that is generated at each start,
//! so a restart ends all sessions.
//!
//! | cookies | result |
//! |---|---|
//! | the parts `-0`, `-1`, ... of one session, complete and in order | the session |
//! | a part that is truncated, changed, from another session or in another order | no session |
//! | a part that is missing | no session, which is a different result: see [`Found`] |
//! | a session that has expired | an expired session, which is a different result: see [`Found`] |

mod cookies;
mod sealer;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use self::{
    cookies::{NONCE_COOKIE, SessionCookies, expire_nonce, nonce_cookie, read_cookie},
    sealer::{Purpose, Sealer},
};

/// What is known about a signed-in user. Never logged.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Session {
    /// The userinfo response, its members in the provider's order.
    pub(super) claims: Vec<(String, Value)>,
    pub(super) subject: String,
    pub(super) access_token: String,
    /// In seconds since 1970; `None` if the provider does not say.
    pub(super) access_token_ends: Option<u64>,
    pub(super) refresh_token: Option<String>,
    /// When the session expires, in seconds since 1970.
    pub(super) ends: u64,
}

/// What the cookies of a request contain.
pub(super) enum Found {
    None,
    /// So many cookies of a session, and at least one more is missing. It counts as no session.
    Incomplete(usize),
    /// It has expired.
    Expired,
    Session(Box<Session>),
}
