//! The session: what a load balancer knows of a signed-in browser, sealed into cookies.
//!
//! A load balancer keeps no sessions: all it knows is in the browser's cookies, encrypted, in up to four pieces of 4 K. So does
//! the emulator, with a key of its own for each run, so its restart ends all sessions.
//!
//! | cookies | what they are |
//! |---|---|
//! | the pieces `-0`, `-1`, ... of one session, whole and in order | the session |
//! | a piece that is missing, cut, changed, of another session or another order | no session |
//! | a session whose time is over | an ended session, which is not the same: see [`Found`] |

mod cookies;
mod sealer;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use self::{
    cookies::{NONCE_COOKIE, SessionCookies, expire_nonce, nonce_cookie, read_cookie},
    sealer::{Purpose, Sealer},
};

/// What is known of a signed-in user. Never shown.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Session {
    /// The userinfo answer, its members in the provider's order.
    pub(super) claims: Vec<(String, Value)>,
    pub(super) subject: String,
    pub(super) access_token: String,
    /// In seconds since 1970; `None` where the provider does not say.
    pub(super) access_token_ends: Option<u64>,
    pub(super) refresh_token: Option<String>,
    /// When the session ends, in seconds since 1970.
    pub(super) ends: u64,
}

/// What the cookies of a request hold.
pub(super) enum Found {
    None,
    /// Its time is over.
    Ended,
    Session(Box<Session>),
}
