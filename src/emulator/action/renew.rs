//! Refreshes a session whose access token has expired.

use http::{HeaderMap, HeaderValue};

use super::{Action, Refusal, callback::refused};
use crate::emulator::{oidc::Fault, rules::Authenticate, session::Session};

impl Session {
    /// Size of claims and access token together, in bytes.
    pub(super) fn weight(&self) -> usize {
        crate::internal::signer::to_json(&self.claims).len().saturating_add(self.access_token.len())
    }
}

impl Action {
    /// The session, and the cookies that store it in the browser if it was refreshed. `None` if the
    /// provider ended it.
    ///
    /// A session without a refresh token is used until it expires.
    pub(super) async fn renewed(
        &self,
        sign_in: &Authenticate,
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
                tracing::info!(target: "alb_emulator", "the provider did not refresh the session, so it ends: {error}");
                return Ok(None);
            }
            Err(error) => return Err(refused(error)),
        };
        // A provider that does not rotate refresh tokens returns none.
        tokens.refresh_token.get_or_insert(refresh_token);
        // A refresh must not change the user.
        let renewed = match self.session_of(tokens, Some(&session.subject), session.ends, now).await {
            Ok(renewed) => renewed,
            Err(error) if error.fault == Fault::Refused => {
                tracing::info!(target: "alb_emulator", "the provider returns no information about the user any more, so the session ends: {error}");
                return Ok(None);
            }
            Err(error) => return Err(refused(error)),
        };
        let cookies = self.session_cookies(sign_in, &renewed, headers, now)?;
        Ok(Some((renewed, cookies)))
    }
}
