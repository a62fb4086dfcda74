//! Verifies the access token before the sign-in policy is applied.

use std::sync::Arc;

use super::{
    Snapshot,
    outcome::{Decision, Refused},
};
use crate::{
    access_token::{AccessTokenVerifier, Checked},
    alb::Values,
    config::TrustMatch,
    error::AuthErrorKind,
    identity::Claims,
};

impl Snapshot {
    /// Verifies the access token before the policy is applied.
    pub(super) fn sign_in_with_access_token(
        self: &Arc<Self>,
        verifier: &Arc<AccessTokenVerifier>,
        trusted: TrustMatch<'_>,
        claims: Claims,
        access_token: Values<'_>,
    ) -> Decision {
        match verifier.check(access_token, claims.subject()) {
            Checked::Ready(Ok(accepted)) => self.resolve(trusted, claims.with_access_token(accepted.claims)),
            Checked::Ready(Err(error)) => Decision::Made(Err(Refused::of_claims(error, claims))),
            Checked::Waiting(checked) => {
                let (snapshot, index) = (Arc::clone(self), trusted.index);
                Decision::Waiting(Box::pin(async move {
                    let claims = match checked.await {
                        Ok(accepted) => claims.with_access_token(accepted.claims),
                        Err(error) => return Err(Refused::of_claims(error, claims)),
                    };
                    let decision = {
                        let trusted = snapshot.settings().trust.at(index);
                        snapshot.resolve(trusted.ok_or(AuthErrorKind::UntrustedSigner)?, claims)
                    };
                    match decision {
                        Decision::Made(outcome) => outcome,
                        Decision::Waiting(waiting) => waiting.await,
                    }
                }))
            }
        }
    }
}
