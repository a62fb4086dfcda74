//! The reader of user tokens, for the oracles of `fuzz/`.

use std::time::SystemTime;

use super::verify::UnverifiedToken;
use crate::backstage::PublicJwk;

/// The id of the key that a token names, and its user and end if this key signed it.
#[allow(clippy::type_complexity, reason = "for one caller")]
pub fn user_token(token: &str, now: SystemTime, key: &PublicJwk) -> Option<(String, Option<(String, SystemTime)>)> {
    let token = UnverifiedToken::read(token, now).ok()?;
    let kid = token.kid().to_owned();
    let user = token.verify(key).ok();
    Some((kid, user.map(|user| (user.user_entity_ref.as_str().to_owned(), user.expires_at))))
}
