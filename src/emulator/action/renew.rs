//! A session whose access token has ended.

use http::{HeaderMap, HeaderValue};

use super::{Action, Refusal, callback::refused};
use crate::emulator::{oidc::Fault, session::Session};

impl Session {
    /// Claims and access token together, in bytes.
    pub(super) fn weight(&self) -> usize {
        crate::internal::signer::to_json(&self.claims).len().saturating_add(self.access_token.len())
    }
}

impl Action {
    /// The session, and the cookies that put it into the browser if it was renewed. `None` where the provider ended it.
    ///
    /// Without a refresh token a session goes on as it is until its own time is over.
    pub(super) async fn renewed(
        &self,
        session: Session,
        headers: &HeaderMap,
        now: u64,
    ) -> Result<Option<(Session, Vec<HeaderValue>)>, Refusal> {
        let ended = session.access_token_ends.is_some_and(|ends| ends <= now);
        let Some(refresh_token) = session.refresh_token.clone().filter(|_| ended) else {
            return Ok(Some((session, Vec::new())));
        };
        let mut tokens = match self.oidc.refresh(&refresh_token).await {
            Ok(tokens) => tokens,
            Err(error) if error.fault == Fault::Refused => {
                tracing::info!(target: "alb_emulator", "the provider does not renew the session, so it ends: {error}");
                return Ok(None);
            }
            Err(error) => return Err(refused(error)),
        };
        // A provider that does not turn them over gives none.
        tokens.refresh_token.get_or_insert(refresh_token);
        // Nobody becomes somebody else by a renewal.
        let renewed = match self.session_of(tokens, Some(&session.subject), session.ends, now).await {
            Ok(renewed) => renewed,
            Err(error) if error.fault == Fault::Refused => {
                tracing::info!(target: "alb_emulator", "the provider tells nothing of the user any more, so the session ends: {error}");
                return Ok(None);
            }
            Err(error) => return Err(refused(error)),
        };
        let cookies = self.session_cookies(&renewed, headers, now)?;
        Ok(Some((renewed, cookies)))
    }
}
